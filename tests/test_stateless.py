"""The generator against an implementation in NumPy, and against chance."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from byel_tf import stateless

RECORDS = tf.range(4000, dtype=tf.int64)
FAR = tf.constant([0, 1, 7, 2**31, 2**32 - 1, 2**32, 2**40 + 7], tf.int64)

# What a run that continues draws has to be what it drew before: these numbers change
# with a release only if its notes say that runs of the one before do not continue.
GOLDEN_KEYS = {
    (0, 1, 0): [
        [1236052070, 4118685007],
        [1401712373, 46773744],
        [3785698008, 942492043],
        [1093205536, 1590616835],
        [2348385712, 3004201354],
        [2398729425, 1604859694],
        [3130526348, 4055847344],
    ],
    (2**31 - 1, 2, 10_000): [
        [1116831032, 4257820605],
        [60359625, 2027809682],
        [1654185023, 2272843806],
        [1466286306, 3293357204],
        [3314784607, 1207184156],
        [416427342, 1927010179],
        [3367517338, 3371959095],
    ],
}
GOLDEN_UNIFORMS = {
    0: [[3130186, 12868692, 13268935, 1479988], [7830994, 1114081, 14669665, 8372116]],
    1: [[8993437, 9396628, 1183577, 6771782], [1259982, 11585266, 10805417, 811884]],
}


def hash32(values):
    """`lowbias32`, on integers of 64 bits."""
    values = values.astype(np.uint64)
    values = (values ^ (values >> np.uint64(16))) * np.uint64(0x7FEB352D) % 2**32
    values = (values ^ (values >> np.uint64(15))) * np.uint64(0x846CA68B) % 2**32
    return values ^ (values >> np.uint64(16))


def expected_keys(seed, stage, epoch, records):
    records = np.asarray(records, np.uint64)
    halves = []
    for digits_of_pi in (0x243F6A88, 0x85A308D3):
        half = np.full(len(records), digits_of_pi, np.uint64)
        for word in (records % 2**32, records // 2**32, epoch, stage, seed):
            half = hash32(((half ^ np.uint64(word)) + np.uint64(0x9E3779B9)) % 2**32)
        halves.append(half)
    return np.stack(halves, axis=1)


def expected_uniform(keys, count, stream):
    keys = keys.astype(np.uint64)
    offset = np.uint64(stream * 0x9E3779B9 % 2**32)
    high = hash32((keys[:, 1:] + offset) % 2**32)
    bits = hash32(keys[:, :1] ^ hash32(np.arange(1, count + 1)))
    bits = (bits ^ high) * np.uint64(0x9E3779B1) % 2**32
    bits = (bits ^ (bits >> np.uint64(15))) * np.uint64(0x85EBCA77) % 2**32
    return (bits >> np.uint64(8)) / 2**24


def draw(count=64, seed=1, stage=1, epoch=0, records=RECORDS, stream=0):
    keys = stateless.record_keys(seed, stage, epoch, records)
    return stateless.uniform(keys, count, stream).numpy()


def assert_flat(counts):
    """The chi-squared test, at five standard deviations."""
    expected = counts.sum() / counts.size
    statistic = ((counts - expected) ** 2 / expected).sum()
    freedom = counts.size - 1
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


def assert_independent(first, second):
    first, second = (np.ravel(x).astype(np.float64) for x in (first, second))
    correlation = np.mean((first - 0.5) * (second - 0.5)) * 12
    assert abs(correlation) < 5 / np.sqrt(first.size)
    # Whatever else the one could say about the other.
    assert_flat(np.histogram2d(first, second, 32, [(0, 1), (0, 1)])[0])


@pytest.mark.parametrize(("seed", "stage", "epoch"), GOLDEN_KEYS)
def test_keys_are_those_of_earlier_releases(seed, stage, epoch):
    keys = stateless.record_keys(seed, stage, epoch, FAR)
    assert keys.dtype == tf.uint32
    np.testing.assert_array_equal(keys, GOLDEN_KEYS[seed, stage, epoch])
    np.testing.assert_array_equal(keys, expected_keys(seed, stage, epoch, FAR))


@pytest.mark.parametrize("stream", GOLDEN_UNIFORMS)
def test_numbers_are_those_of_earlier_releases(stream):
    numbers = draw(count=4, seed=5, stage=2, epoch=3, records=FAR[:2], stream=stream)
    np.testing.assert_array_equal(numbers * 2**24, GOLDEN_UNIFORMS[stream])


@pytest.mark.parametrize("stream", [0, 1, 2**20])
def test_numbers_are_those_of_numpy(stream):
    keys = expected_keys(3, 1, 8, RECORDS)
    numbers = stateless.uniform(tf.constant(keys, tf.uint32), 50, stream)
    np.testing.assert_array_equal(numbers, expected_uniform(keys, 50, stream))


def test_mix_is_the_published_hash_and_keeps_values_apart():
    values = np.concatenate([np.arange(300_000), 2**32 - 1 - np.arange(300_000)])
    hashed = stateless.mix(tf.constant(values, tf.uint32)).numpy()
    np.testing.assert_array_equal(hashed, hash32(values))
    assert len(np.unique(hashed)) == len(values)


def test_host_graph_and_xla_agree_bit_for_bit():
    def both(epoch, records):
        keys = stateless.record_keys(2**31 - 1, 2, epoch, records)
        return keys, stateless.uniform(keys, 1001, 1)

    epoch = tf.constant(12, tf.int64)
    signature = [tf.TensorSpec([], tf.int64), tf.TensorSpec([None], tf.int64)]
    host = both(epoch, FAR)
    for compiled in (False, True):
        function = tf.function(both, input_signature=signature, jit_compile=compiled)
        for values, expected in zip(function(epoch, FAR), host, strict=True):
            np.testing.assert_array_equal(values, expected)


def test_shapes_are_static_and_a_batch_may_be_empty():
    keys = stateless.record_keys(1, 1, 0, tf.zeros([0], tf.int64))
    assert keys.shape == (0, 2)
    assert stateless.uniform(keys, 3).shape == (0, 3)
    signature = [tf.TensorSpec([None, 2], tf.uint32)]
    function = tf.function(lambda k: stateless.uniform(k, 3), signature)
    assert function.get_concrete_function().output_shapes.as_list() == [None, 3]


def test_numbers_are_multiples_of_a_float_s_precision_below_one():
    numbers = draw()
    assert numbers.dtype == np.float32
    assert numbers.min() >= 0 and numbers.max() < 1
    multiples = numbers * 2.0**24
    np.testing.assert_array_equal(multiples, np.round(multiples))
    assert np.any(multiples % 2)  # of no coarser grid


def test_numbers_are_uniform():
    numbers = draw()
    assert_flat(np.histogram(numbers, 1024, (0, 1))[0])
    # The bits that a histogram does not show.
    assert_flat(np.bincount((numbers * 2**24).astype(np.int64).ravel() % 1024))
    for column in numbers.T[:8]:
        assert_flat(np.histogram(column, 64, (0, 1))[0])
    for row in draw(count=4000, records=FAR):
        assert_flat(np.histogram(row, 64, (0, 1))[0])


@pytest.mark.parametrize("distance", [1, 2, 14, 15])
def test_neighbouring_numbers_of_a_record_are_independent(distance):
    numbers = draw()
    assert_independent(numbers[:, distance:], numbers[:, :-distance])


@pytest.mark.parametrize("distance", [1, 2, 256])
def test_neighbouring_records_are_independent(distance):
    numbers = draw()
    assert_independent(numbers[distance:], numbers[:-distance])


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 1},
        {"epoch": 2**16},
        {"stage": 2},
        {"seed": 2},
        {"seed": 2**31 - 1},
        {"stream": 1},
        {"stream": 2},
        {"records": RECORDS + 2**32},
        {"seed": 2, "stage": 2},
    ],
)
def test_each_word_of_a_key_changes_every_number(change):
    numbers, others = draw(), draw(**change)
    assert np.mean(numbers == others) < 1e-5
    assert_independent(numbers, others)


def test_no_word_of_a_key_stands_for_another():
    changes = [{"seed": 2}, {"stage": 2}, {"epoch": 1}, {"records": RECORDS + 1}]
    words = {"seed": 1, "stage": 1, "epoch": 0, "records": RECORDS}
    keys = [stateless.record_keys(**{**words, **change}).numpy() for change in changes]
    for one, other in itertools.combinations(keys, 2):
        assert (one != other).any(axis=1).all()


def test_streams_of_each_record_are_independent():
    """Not only on average: a stream is reached by one exclusive or."""
    first, second = (draw(count=500, records=FAR, stream=s) for s in (0, 1))
    for one, other in zip(first, second, strict=True):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(500)


@pytest.mark.parametrize("bit", [0, 1, 16, 31, 32, 40])
def test_a_bit_of_a_record_changes_half_of_its_key_s(bit):
    before = stateless.record_keys(1, 1, 0, RECORDS).numpy()
    after = stateless.record_keys(1, 1, 0, RECORDS ^ (1 << bit)).numpy()
    changed = np.unpackbits((before ^ after).view(np.uint8), axis=1)
    error = np.sqrt(0.25 / len(changed))
    np.testing.assert_allclose(changed.mean(axis=0), 0.5, atol=5 * error)


def test_keys_of_a_run_are_distinct():
    records = tf.range(100_000, dtype=tf.int64)
    keys = [
        stateless.record_keys(1, stage, epoch, records).numpy()
        for stage, epoch in [(1, 0), (1, 1), (1, 2), (2, 0)]
    ]
    words = np.concatenate(keys).astype(np.uint64)
    assert len(np.unique(words[:, 0] << np.uint64(32) | words[:, 1])) == 400_000


def test_a_record_s_numbers_are_its_own():
    """Neither its place in a batch nor how many numbers are drawn has a say."""
    numbers = draw(count=10)
    np.testing.assert_array_equal(draw(count=3), numbers[:, :3])
    some = [9, 4, 4, 3000]
    np.testing.assert_array_equal(
        draw(count=10, records=tf.gather(RECORDS, some)), numbers[some]
    )


@pytest.mark.parametrize("global_seed", [0, 17])
def test_global_seed_has_no_say(global_seed):
    expected = draw()
    tf.random.set_seed(global_seed)
    try:
        np.testing.assert_array_equal(draw(), expected)
    finally:
        tf.random.set_seed(None)
