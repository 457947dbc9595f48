import collections
import concurrent.futures
import dataclasses
import itertools
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from byel_tf import stateless
from byel_tf.data import pipeline
from byel_tf.data.order import TrainingOrder
from byel_tf.data.pipeline import (
    SplitBatches,
    augmented_batches,
    evaluation_data,
)
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import Pair
from byel_tf.data.records import SplitRecords
from byel_tf.data.tfrecord import frame, read_frames
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError

COUNT, BATCH = 22, 4
#: Classes of unequal size; which record is in which has to do with the order only.
LABELS = np.array([0] * 15 + [1] * 5 + [2] * 2)


@pytest.fixture
def dataset(make_dataset):
    made = make_dataset(train=COUNT, validation=5)
    assert len(made.manifest.splits["train"].shards) > 2
    return made


@pytest.fixture
def read_calls(monkeypatch):
    """The positions of each call that reads records."""
    calls = []
    read = SplitRecords.read

    def read_and_tell(self, positions):
        calls.append(tuple(map(int, positions)))
        return read(self, positions)

    monkeypatch.setattr(SplitRecords, "read", read_and_tell)
    return calls


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded, one batch after the other."""
    files = []
    decode = pipeline.decode_and_resize

    def decode_and_tell(encoded, image_size):
        def tell(value):
            files.append(value)
            return value

        same = tf.numpy_function(tell, [encoded], tf.string)
        return decode(tf.ensure_shape(same, []), image_size)

    monkeypatch.setattr(pipeline, "decode_and_resize", decode_and_tell)
    monkeypatch.setattr(pipeline, "_map", tf.data.Dataset.map)
    return files


def make_order(seed=1, stage=1, batch_size=BATCH, drop_remainder=True, **options):
    return TrainingOrder(COUNT, batch_size, drop_remainder, seed, stage, **options)


def make_data(dataset, order=None, image_size=4, **options):
    order = order or make_order()
    return SplitBatches(dataset, "train", order, image_size=image_size, **options)


def take(data, steps, start=0):
    """Some batches, as a list of dictionaries of arrays."""
    return list(itertools.islice(data.batches(start).as_numpy_iterator(), steps))


def numbers(batches):
    """The records' numbers, which their pictures tell; without those of weight 0."""
    return [
        int(number)
        for batch in batches
        for number in batch["image"][batch["weight"] > 0, 0, 0, 0]
    ]


def counts(batches):
    return [int((batch["weight"] > 0).sum()) for batch in batches]


def keys_of(batches):
    return {tuple(key) for batch in batches for key in batch["key"]}


def assert_equal_batches(batches, expected):
    assert len(batches) == len(expected)
    for batch, other in zip(batches, expected, strict=True):
        assert batch.keys() == other.keys()
        for name in batch:
            np.testing.assert_array_equal(batch[name], other[name], err_msg=name)


def test_content_of_a_batch(dataset):
    (batch,) = take(make_data(dataset), 1)
    shapes = {name: (value.shape, value.dtype) for name, value in batch.items()}
    assert shapes == {
        "image": ((4, 4, 4, 3), np.uint8),
        "label": ((4,), np.int32),
        "weight": ((4,), np.float32),
        "key": ((4, 2), np.uint32),
    }
    np.testing.assert_array_equal(batch["label"], batch["image"][:, 0, 0, 0] % 3)
    np.testing.assert_allclose(batch["weight"], 0.25)


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_shapes_are_static(make_dataset, cache):
    dataset = make_dataset(train=COUNT, action_units=("brow", "lip"))
    data = make_data(dataset, image_size=8, cache=cache, with_action_units=True)
    shapes = {name: spec.shape for name, spec in data.batches().element_spec.items()}
    assert shapes == {
        "image": (4, 8, 8, 3),
        "label": (4,),
        "weight": (4,),
        "key": (4, 2),
        "action_units": (4, 2),
    }


@pytest.mark.parametrize("start", [0, 10_000, 10**9])
def test_a_batch_is_what_the_order_says(dataset, start):
    order = make_order(seed=2**31 - 1, stage=2, drop_remainder=False)
    for step, batch in enumerate(take(make_data(dataset, order), 3, start), start):
        epoch, draws, number = order.batch(step)
        np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], draws)
        np.testing.assert_array_equal(
            batch["key"], stateless.record_keys(2**31 - 1, 2, epoch, draws)
        )
        np.testing.assert_array_equal(batch["weight"] > 0, np.arange(4) < number)


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_every_record_once_an_epoch(dataset, cache):
    batches = take(
        make_data(dataset, make_order(drop_remainder=False), cache=cache), 12
    )
    assert counts(batches) == [4, 4, 4, 4, 4, 2] * 2
    first, second = numbers(batches[:6]), numbers(batches[6:])
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert first != sorted(first)


def test_partial_batch_is_dropped(dataset):
    batches = take(make_data(dataset), 10)
    assert counts(batches) == [4] * 10
    for epoch in (batches[:5], batches[5:]):
        assert len(set(numbers(epoch))) == 20


def test_weights_are_shares_of_the_batch_mean(dataset):
    for batch in take(make_data(dataset, make_order(drop_remainder=False)), 6):
        weights = batch["weight"][batch["weight"] > 0]
        np.testing.assert_allclose(weights, 1 / len(weights), rtol=1e-6)


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_partial_batch_is_filled_with_its_own_records(dataset, cache):
    data = make_data(dataset, make_order(drop_remainder=False), cache=cache)
    partial = take(data, 6)[-1]
    np.testing.assert_allclose(partial["weight"], [0.5, 0.5, 0, 0])
    for name in partial.keys() - {"weight"}:
        assert len(partial[name]) == BATCH
        np.testing.assert_array_equal(partial[name][2:], partial[name][:2])


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_action_units_travel_with_their_record(make_dataset, cache):
    dataset = make_dataset(train=COUNT, action_units=("brow", "lip"))
    order = make_order(drop_remainder=False)
    plain = take(make_data(dataset, order, cache=cache), 6)
    assert "action_units" not in plain[0]
    data = make_data(dataset, order, cache=cache, with_action_units=True)
    for batch, without in zip(take(data, 6), plain, strict=True):
        number = batch["image"][:, 0, 0, 0].astype(np.float32)
        expected = np.stack([number, number / 2], axis=1)
        np.testing.assert_array_equal(batch.pop("action_units"), expected)
        assert_equal_batches([batch], [without])


def test_votes_travel_with_their_record(tmp_path, classes, make_record):
    votes = [None, (3.0, 1.0), (0.0, 2.0)]
    with write_dataset(tmp_path / "voted", classes[:2], {"kind": "test"}) as writer:
        for number, own in enumerate(votes):
            record = dataclasses.replace(make_record(number), label=0, votes=own)
            writer.add("train", record)
    dataset = open_dataset(str(tmp_path / "voted"))
    order = TrainingOrder(3, 3, drop_remainder=False, seed=1, stage=1)
    data = SplitBatches(dataset, "train", order, image_size=4, with_votes=True)
    batch = next(iter(data.batches()))
    _, draws, _ = order.batch(0)
    expected = [votes[draw % 3] or (0.0, 0.0) for draw in draws]
    np.testing.assert_array_equal(batch["votes"], expected)


def test_known_labels_have_weights_of_their_own(dataset):
    order = make_order(labelled=LABELS > 0, labelled_rows=1)
    batches = take(make_data(dataset, order), 5)
    for step, batch in enumerate(batches):
        expected = order.label_weights(step)
        np.testing.assert_array_equal(batch["label_weight"], expected)
        assert expected.sum() == pytest.approx(1)
    rows = next(iter(make_data(dataset, order).batches(rows=slice(1, 3))))
    np.testing.assert_array_equal(rows["label_weight"], batches[0]["label_weight"][1:3])


@pytest.fixture
def paired(tmp_path, make_record, encode):
    """A set whose second pictures tell the record's number and 100."""
    with write_dataset(tmp_path / "pairs", ("a", "b", "c"), {"pairs": "x"}) as writer:
        for number in range(COUNT):
            record = make_record(number)
            pixels = np.full((4, 4, 3), number + 100, np.uint8)
            pair = Pair(encode(pixels), "png", "somebody")
            changes = {"class_name": "abc"[record.label], "action_units": None}
            writer.add("train", dataclasses.replace(record, pair=pair, **changes))
    return open_dataset(str(tmp_path / "pairs"))


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_second_pictures_travel_with_their_record(paired, cache):
    order = make_order(drop_remainder=False)
    plain = take(make_data(paired, order), 12)
    data = make_data(paired, order, cache=cache, with_pairs=True)
    found = take(data, 12)  # in the second epoch from the cache
    for batch, without in zip(found, plain, strict=True):
        second = batch.pop("pair")
        expected = np.broadcast_to(batch["image"][:, :, :, :1] + 100, second.shape)
        np.testing.assert_array_equal(second, expected)
        assert_equal_batches([batch], [without])
    rows = next(iter(data.batches(7, rows=slice(1, 3)).as_numpy_iterator()))
    np.testing.assert_array_equal(rows["image"], found[7]["image"][1:3])
    np.testing.assert_array_equal(
        rows["pair"][:, 0, 0, 0], rows["image"][:, 0, 0, 0] + 100
    )


def test_a_second_picture_that_is_damaged_is_named(paired, monkeypatch):
    data = make_data(paired, with_pairs=True)
    take(data, 1)
    broken = dataclasses.replace(
        data._records.parse(0), pair=Pair(b"no picture", "png")
    )
    monkeypatch.setattr(data._records, "parse", lambda position: broken)
    error = tf.errors.InvalidArgumentError(None, None, "an image")
    assert "the image of 0.png cannot be decoded" in str(data.explain(error))


@pytest.mark.parametrize("cache", ["none", "memory"])
def test_partners_pictures_are_read_besides_with_what_they_teach(make_dataset, cache):
    def partners(epoch, draws):
        return (draws + epoch + 1) % COUNT

    dataset = make_dataset(train=COUNT, action_units=("brow", "lip"))
    order = make_order(drop_remainder=False)
    plain = take(make_data(dataset, order, with_action_units=True), 12)
    data = make_data(
        dataset, order, cache=cache, partners=partners, with_action_units=True
    )
    for step, (batch, without) in enumerate(zip(take(data, 12), plain, strict=True)):
        epoch, draws, _ = order.batch(step)
        second = batch.pop("pair")[:, 0, 0, 0]
        np.testing.assert_array_equal(second, partners(epoch, draws))
        number = second.astype(np.float32)
        np.testing.assert_array_equal(
            batch.pop("pair_action_units"), np.stack([number, number / 2], axis=1)
        )
        assert_equal_batches([batch], [without])


def test_same_again(dataset):
    data = make_data(dataset)
    first = take(data, 8)
    assert_equal_batches(take(data, 8), first)
    assert_equal_batches(take(make_data(dataset), 8), first)


def test_global_seeds_have_no_say(dataset):
    expected = take(make_data(dataset), 8)
    state = np.random.get_state()
    try:
        for global_seed in (0, 17):
            tf.random.set_seed(global_seed)
            np.random.seed(global_seed)
            assert_equal_batches(take(make_data(dataset), 8), expected)
    finally:
        tf.random.set_seed(None)
        np.random.set_state(state)


def test_seed_and_stage_decide(dataset):
    changes = {}, {"seed": 2}, {"stage": 2}
    taken = [take(make_data(dataset, make_order(**change)), 5) for change in changes]
    for before, after in itertools.combinations(taken, 2):
        assert numbers(before) != numbers(after)
        assert not keys_of(before) & keys_of(after)


@pytest.mark.parametrize(
    ("starts", "cache", "options"),
    [
        ((5, 11), "none", {"drop_remainder": True}),
        ((5, 6, 13), "disk", {"drop_remainder": False}),
        ((1, 4, 13), "memory", {"drop_remainder": True}),
        ((5, 6), "memory", {"drop_remainder": False, "labels": LABELS}),
        ((7, 10), "none", {"drop_remainder": True, "labels": LABELS}),
    ],
)
def test_continues_anywhere_as_if_it_had_never_stopped(dataset, starts, cache, options):
    order = make_order(**options)
    whole = take(make_data(dataset, order, cache=cache), 18)
    for start in starts:
        resumed = make_data(dataset, order, cache=cache)
        assert_equal_batches(take(resumed, 5, start), whole[start : start + 5])


def test_what_is_skipped_is_not_read(dataset, read_calls):
    order = make_order()
    start = 10_000
    first = take(make_data(dataset, order), 3, start)
    calls = set(read_calls)
    steps = [tuple(order.batch(start + i)[1]) for i in range(1000)]
    assert set(steps[:3]) <= calls <= set(steps)  # some were read ahead
    assert numbers(first) == list(itertools.chain(*steps[:3]))


def test_nothing_is_read_before_batches_are_wanted(dataset, read_calls):
    make_data(dataset, cache="memory").batches(3)
    assert not read_calls


def test_cache_changes_nothing(dataset):
    order = make_order(drop_remainder=False)
    plain = take(make_data(dataset, order), 13)
    assert_equal_batches(take(make_data(dataset, order, cache="memory"), 13), plain)


@pytest.mark.parametrize("options", [{"drop_remainder": False}, {}, {"labels": LABELS}])
def test_cache_decodes_each_image_once(dataset, decoded, options):
    """Also where an epoch has left out, or drawn again, some of them."""
    data = make_data(dataset, make_order(**options), cache="memory")
    first = take(data, 60)
    assert max(collections.Counter(decoded).values()) == 1
    assert len(decoded) == COUNT
    assert_equal_batches(take(data, 12), first[:12])
    assert len(decoded) == COUNT


def test_without_a_cache_images_are_decoded_again(dataset, decoded):
    take(make_data(dataset), 15)
    assert len(decoded) >= 60


def test_repeated_records_have_keys_of_their_own(dataset):
    order = make_order(labels=LABELS, drop_remainder=False)
    batches = take(make_data(dataset, order), 12)
    for epoch in (batches[:6], batches[6:]):
        assert len(set(numbers(epoch))) < COUNT
        assert len(keys_of(epoch)) == COUNT
        drawn = np.bincount(LABELS[numbers(epoch)])
        assert sorted(drawn) == [7, 7, 8]
    assert len(keys_of(batches)) == 2 * COUNT


def test_keys_are_the_records_own(dataset):
    """Neither the batch size nor the neighbours have a say in them."""

    def keys(batch_size):
        order = make_order(batch_size=batch_size, drop_remainder=False)
        return {
            int(batch["image"][i, 0, 0, 0]): tuple(batch["key"][i])
            for batch in take(make_data(dataset, order), order.steps_per_epoch)
            for i in range(batch_size)
        }

    ones = keys(1)
    assert ones == keys(5)
    assert ones.keys() == set(range(COUNT))


def test_keys_differ_by_record_and_epoch(dataset):
    batches = take(make_data(dataset, make_order(batch_size=COUNT)), 12)
    assert len(keys_of(batches)) == 12 * COUNT


def test_order_does_not_depend_on_batch_size(dataset):
    fours, sevens = (
        take(
            make_data(dataset, make_order(batch_size=size, drop_remainder=False)), steps
        )
        for size, steps in ((4, 6), (7, 4))
    )
    assert numbers(fours) == numbers(sevens)


def test_small_window_keeps_every_record(dataset):
    order = make_order(drop_remainder=False, window=3)
    assert sorted(numbers(take(make_data(dataset, order), 6))) == list(range(COUNT))


@pytest.mark.parametrize("labels", [None, LABELS])
def test_filenames_are_those_of_a_step_s_records(dataset, labels):
    order = make_order(drop_remainder=False, labels=labels)
    data = make_data(dataset, order)
    batches = take(data, 4, start=16)
    assert counts(batches) == [4, 2, 4, 4]
    for step, batch in enumerate(batches, 16):
        assert data.filenames(step) == [f"{n}.png" for n in numbers([batch])]


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_readers_at_once_do_not_disturb_each_other(dataset, cache):
    order = make_order(drop_remainder=False)
    whole = take(make_data(dataset, order), 20)
    data = make_data(dataset, order, cache=cache)

    def read(start):
        assert_equal_batches(take(data, 8, start), whole[start : start + 8])

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(read, (0, 5, 12)))


def take_until_failure(data):
    batches = []
    with pytest.raises(tf.errors.OpError):
        for batch in data.batches().as_numpy_iterator():
            batches.append(batch)
    return batches


def test_a_damaged_record_is_named_where_it_is_reached(dataset):
    order = make_order(seed=2, drop_remainder=False)
    whole = take(make_data(dataset, order), 6)
    before, shard = dataset.manifest.splits["train"].shards[:2]
    path = dataset.path / shard.file
    first, second, *_ = read_frames(path)
    content = bytearray(path.read_bytes())
    content[len(frame(first)) + len(frame(second)) - 10] ^= 1
    path.write_bytes(content)
    data = make_data(dataset, order)
    assert data.failure is None
    position = before.records + 1
    step = next(s for s in range(6) if position in order.batch(s)[1])
    assert step > 0
    assert_equal_batches(take_until_failure(data), whole[:step])
    assert isinstance(data.failure, RunError)
    reason = rf"{path}: record 1 does not match its checksum: .* --verify "
    assert re.match(reason, str(data.failure))
    with pytest.raises(RunError, match=reason):
        data.filenames(step)


def test_a_file_that_vanished_is_named(dataset):
    data = make_data(dataset, cache="memory")
    path = dataset.shard_paths("train")[1]
    pathlib.Path(path).unlink()
    take_until_failure(data)
    assert isinstance(data.failure, RunError)
    assert re.match(rf"{path}: cannot be read, No such file", str(data.failure))


@pytest.mark.parametrize("label", [3, 99, -1, -2])
def test_a_label_of_no_class_is_named(tmp_path, make_record, label):
    source = {"kind": "test"}
    with write_dataset(tmp_path / "set", ("a", "b", "c"), source) as writer:
        for number in range(COUNT):
            given = label if number == 5 else number % 3
            writer.add("train", make_record(number, label=given))
    data = make_data(open_dataset(str(tmp_path / "set")))
    take_until_failure(data)
    assert re.match(rf".* has the label {label}, of 3 classes: ", str(data.failure))


def test_evaluation_refuses_a_label_of_no_class(tmp_path, make_record):
    source = {"kind": "test"}
    with write_dataset(tmp_path / "set", ("a", "b", "c"), source) as writer:
        for number, label in enumerate([0, -1, 2, 3]):
            writer.add("test", make_record(number, label=label))
    dataset = open_dataset(str(tmp_path / "set"))
    data = evaluation_data(dataset, "test", image_size=4, batch_size=4)
    take_until_failure(data)
    assert re.match(r".* 3\.png has the label 3, of 3 classes: ", str(data.failure))


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_an_image_that_cannot_be_decoded(tmp_path, classes, make_record, cache):
    records = [make_record(number) for number in range(COUNT)]
    broken = dataclasses.replace(records[9], encoded=records[9].encoded[:-30])
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        for record in (*records[:9], broken, *records[10:]):
            writer.add("train", record)
    data = make_data(open_dataset(str(tmp_path / "set")), cache=cache)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        list(data.batches().take(COUNT // BATCH + 1))
    assert data.failure is None
    expected = r".*-00001\.tfrecord: record 9: the image of 9\.png cannot be decoded: "
    assert re.match(expected, str(data.explain(caught.value)))


def test_other_errors_are_not_of_the_data(dataset):
    data = make_data(dataset)
    list(data.batches().take(2))
    for kind in (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError):
        assert data.explain(kind(None, None, "for another reason")) is None


def test_a_healthy_split_has_no_failure(dataset):
    data = make_data(dataset)
    take(data, 12)
    assert data.failure is None


def test_evaluation_reads_labelled_records_in_order(make_dataset):
    dataset = make_dataset(name="some", validation=9, unlabelled=3, shard_bytes=10**6)
    batches = evaluation_data(dataset, "validation", image_size=4, batch_size=4).epoch()
    taken = list(batches.as_numpy_iterator())
    assert numbers(taken) == list(range(9))
    assert counts(taken) == [4, 4, 1]
    for batch in taken:
        np.testing.assert_allclose(batch["weight"].sum(), 1, rtol=1e-6)
        np.testing.assert_array_equal(batch["label"], batch["image"][:, 0, 0, 0] % 3)
        assert batch.keys() == {"image", "label", "weight"}
    assert_equal_batches(list(batches.as_numpy_iterator()), taken)


def test_evaluation_fills_a_partial_batch_with_its_own_records(make_dataset):
    dataset = make_dataset(validation=6, unlabelled=1)
    batches = evaluation_data(dataset, "validation", image_size=8, batch_size=4).epoch()
    *_, partial = batches.as_numpy_iterator()
    np.testing.assert_allclose(partial["weight"], [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(partial["image"][:, 0, 0, 0], [4, 5, 4, 5])
    np.testing.assert_array_equal(partial["label"], [1, 2, 1, 2])
    shapes = {name: spec.shape for name, spec in batches.element_spec.items()}
    assert shapes == {"image": (4, 8, 8, 3), "label": (4,), "weight": (4,)}


def test_evaluation_of_whole_batches_adds_none(make_dataset):
    dataset = make_dataset(validation=8, unlabelled=2)
    batches = evaluation_data(dataset, "validation", image_size=4, batch_size=4).epoch()
    assert counts(batches.as_numpy_iterator()) == [4, 4]


def test_augmentation_in_the_pipeline(make_dataset):
    dataset = make_dataset(train=COUNT, action_units=("brow", "lip"))

    def views(batch):
        images = tf.cast(batch["image"], tf.float32) / 255.0
        uniforms = stateless.uniform(batch["key"], 2)
        return tuple(images + uniforms[:, view, None, None, None] for view in range(2))

    data = make_data(dataset, cache="memory", with_action_units=True)
    plain = take(data, 3, start=4)
    augmented = augmented_batches(data.batches(4), views)
    assert augmented.element_spec["views"].shape == (4, 2, 4, 4, 3)
    for batch, before in zip(augmented.take(3).as_numpy_iterator(), plain, strict=True):
        expected = np.stack([view.numpy() for view in views(before)], axis=1)
        np.testing.assert_allclose(batch.pop("views"), expected, rtol=1e-6)
        del before["image"]
        assert_equal_batches([batch], [before])


@pytest.mark.parametrize("cache", ["none", "memory"])
def test_rows_of_several_machines_are_the_batch_and_no_image_is_decoded_twice(
    dataset, decoded, cache
):
    order = make_order(drop_remainder=False)
    steps = 2 * order.steps_per_epoch
    whole = take(make_data(dataset, order, cache=cache), steps)
    thirds = [slice(0, 1), slice(1, 3), slice(3, BATCH)]
    del decoded[:]
    parts = []
    for rows in thirds:
        data = make_data(dataset, order, cache=cache)
        parts.append(list(data.batches(0, steps, rows).as_numpy_iterator()))
    for step, batch in enumerate(whole):
        for name, values in batch.items():
            joined = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(joined, values, err_msg=name)
    if cache == "none":
        assert len(decoded) == steps * BATCH
    # Each machine has read nothing but its own rows.
    data = make_data(dataset, order, cache=cache)
    list(data.batches(0, 1, thirds[1]))
    assert [len(positions) for positions in data._latest] == [2]


def test_rows_of_an_evaluation_count_each_record_once(make_dataset):
    dataset = make_dataset(validation=9, unlabelled=2)
    data = evaluation_data(dataset, "validation", image_size=4, batch_size=4)
    counted = []
    for rows in (slice(0, 2), slice(2, 4)):
        batches = list(data.epoch(rows).as_numpy_iterator())
        assert len(batches) == 3  # as many on every machine
        for batch in batches:
            counted += batch["image"][batch["weight"] > 0, 0, 0, 0].tolist()
    assert sorted(counted) == list(range(9))
