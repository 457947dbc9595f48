import itertools

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.data import pipeline
from byel_tf.data.pipeline import (
    RecordDraws,
    augmented_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)

COUNT, BATCH = 22, 4


@pytest.fixture
def dataset(make_dataset):
    made = make_dataset(train=COUNT, validation=5)
    assert len(made.manifest.splits["train"].shards) > 2
    return made


def take(dataset, steps, *, seed=1, stage=1, batch_size=BATCH, **options):
    """The first batches, as a list of dictionaries of arrays."""
    batches = training_batches(
        dataset,
        image_size=options.pop("image_size", 4),
        batch_size=batch_size,
        draws=RecordDraws(seed, stage, views=2, uniforms=3),
        **options,
    )
    return list(itertools.islice(batches.as_numpy_iterator(), steps))


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
    (batch,) = take(dataset, 1)
    shapes = {name: (value.shape, value.dtype) for name, value in batch.items()}
    assert shapes == {
        "image": ((4, 4, 4, 3), np.uint8),
        "label": ((4,), np.int32),
        "weight": ((4,), np.float32),
        "uniforms": ((4, 2, 3), np.float32),
        "key": ((4, 2), np.int64),
    }
    np.testing.assert_array_equal(batch["label"], batch["image"][:, 0, 0, 0] % 3)
    np.testing.assert_allclose(batch["weight"], 0.25)
    assert batch["uniforms"].min() >= 0 and batch["uniforms"].max() < 1


@pytest.mark.parametrize("cache", [False, True])
def test_every_record_once_an_epoch(dataset, cache):
    batches = take(dataset, 12, drop_remainder=False, cache=cache)
    assert counts(batches) == [4, 4, 4, 4, 4, 2] * 2
    first, second = numbers(batches[:6]), numbers(batches[6:])
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert first != sorted(first)


def test_partial_batch_is_dropped(dataset):
    batches = take(dataset, 10)
    assert counts(batches) == [4] * 10
    for epoch in (batches[:5], batches[5:]):
        assert len(set(numbers(epoch))) == 20


def test_weights_are_shares_of_the_batch_mean(dataset):
    for batch in take(dataset, 6, drop_remainder=False):
        weights = batch["weight"][batch["weight"] > 0]
        np.testing.assert_allclose(weights, 1 / len(weights), rtol=1e-6)


def test_partial_batch_is_filled_with_its_own_records(dataset):
    partial = take(dataset, 6, drop_remainder=False)[-1]
    np.testing.assert_allclose(partial["weight"], [0.5, 0.5, 0, 0])
    for name in partial.keys() - {"weight"}:
        assert len(partial[name]) == BATCH
        np.testing.assert_array_equal(partial[name][2:], partial[name][:2])


@pytest.mark.parametrize("cache", [False, True])
def test_action_units_travel_with_their_record(make_dataset, cache):
    dataset = make_dataset(train=COUNT, action_units=("brow", "lip"))
    options = {"drop_remainder": False, "cache": cache}
    plain = take(dataset, 6, **options)
    assert "action_units" not in plain[0]
    batches = take(dataset, 6, with_action_units=True, **options)
    for batch, without in zip(batches, plain, strict=True):
        number = batch["image"][:, 0, 0, 0].astype(np.float32)
        expected = np.stack([number, number / 2], axis=1)
        np.testing.assert_array_equal(batch.pop("action_units"), expected)
        assert_equal_batches([batch], [without])


def test_same_again(dataset):
    assert_equal_batches(take(dataset, 8), take(dataset, 8))


@pytest.mark.parametrize("global_seed", [0, 17])
def test_global_seed_has_no_say(dataset, global_seed):
    expected = take(dataset, 8)
    tf.random.set_seed(global_seed)
    try:
        assert_equal_batches(take(dataset, 8), expected)
    finally:
        tf.random.set_seed(None)


@pytest.mark.parametrize("change", [{"seed": 2}, {"stage": 2}])
def test_seed_and_stage_decide(dataset, change):
    before, after = take(dataset, 5), take(dataset, 5, **change)
    assert numbers(before) != numbers(after)
    keys = [
        {tuple(k) for b in batches for k in b["key"]} for batches in (before, after)
    ]
    assert not keys[0] & keys[1]


def test_cache_changes_nothing(dataset):
    plain = take(dataset, 13, drop_remainder=False)
    assert_equal_batches(take(dataset, 13, drop_remainder=False, cache=True), plain)


def test_cache_decodes_each_image_once(dataset, monkeypatch):
    decoded = []
    decode = pipeline.decode_and_resize

    def counting(encoded, image_size):
        def count(value):
            decoded.append(1)
            return value

        same = tf.numpy_function(count, [encoded], tf.string)
        return decode(tf.ensure_shape(same, []), image_size)

    monkeypatch.setattr(pipeline, "decode_and_resize", counting)
    take(dataset, 15, cache=True)
    assert len(decoded) == COUNT
    take(dataset, 15)
    assert len(decoded) > 3 * COUNT  # of the fourth epoch as much as was asked for


@pytest.mark.parametrize(
    ("start", "drop_remainder", "cache"),
    [
        (1, True, False),
        (4, True, True),
        (5, True, False),
        (5, False, True),
        (6, False, False),
        (11, True, True),
        (13, False, False),
    ],
)
def test_continues_where_it_was(dataset, start, drop_remainder, cache):
    options = {"drop_remainder": drop_remainder, "cache": cache}
    whole = take(dataset, start + 8, **options)
    rest = take(dataset, 8, start_step=start, **options)
    assert_equal_batches(rest, whole[start:])


def test_draws_are_the_records_own(dataset):
    """Neither the batch size nor the neighbours have a say in them."""

    def draws(batch_size):
        batches = take(
            dataset,
            -(-COUNT // batch_size),
            batch_size=batch_size,
            drop_remainder=False,
        )
        return {
            int(batch["image"][i, 0, 0, 0]): (batch["key"][i], batch["uniforms"][i])
            for batch in batches
            for i in range(len(batch["label"]))
        }

    ones, fives = draws(1), draws(5)
    assert ones.keys() == fives.keys() == set(range(COUNT))
    for number, (key, uniforms) in ones.items():
        np.testing.assert_array_equal(key, fives[number][0])
        np.testing.assert_array_equal(uniforms, fives[number][1])


def test_draws_differ_by_record_view_and_epoch(dataset):
    batches = take(dataset, 12, batch_size=COUNT)
    uniforms = np.concatenate([batch["uniforms"].ravel() for batch in batches])
    assert len(np.unique(uniforms)) > 0.99 * uniforms.size
    assert len(keys_of(batches)) == 12 * COUNT


def test_order_does_not_depend_on_batch_size(dataset):
    fours = numbers(take(dataset, 6, drop_remainder=False))
    sevens = numbers(take(dataset, 4, batch_size=7, drop_remainder=False))
    assert fours == sevens


def test_small_shuffle_buffer_keeps_every_record(dataset):
    batches = take(dataset, 6, drop_remainder=False, shuffle_buffer=3)
    assert sorted(numbers(batches)) == list(range(COUNT))


def test_shapes_are_static(dataset):
    batches = training_batches(
        dataset, image_size=8, batch_size=4, draws=RecordDraws(1, 1, 2, 3)
    )
    spec = batches.element_spec
    assert spec["image"].shape == (4, 8, 8, 3)
    assert spec["uniforms"].shape == (4, 2, 3)


@pytest.mark.parametrize(
    ("count", "batch_size", "drop_remainder", "steps"),
    [
        (8, 4, True, 2),
        (9, 4, True, 2),
        (9, 4, False, 3),
        (3, 4, True, 0),
        (3, 4, False, 1),
    ],
)
def test_steps_per_epoch(count, batch_size, drop_remainder, steps):
    assert steps_per_epoch(count, batch_size, drop_remainder) == steps


def test_evaluation_reads_labelled_records_in_order(make_dataset):
    dataset = make_dataset(name="some", validation=9, unlabelled=3, shard_bytes=10**6)
    batches = list(
        evaluation_batches(
            dataset, "validation", image_size=4, batch_size=4
        ).as_numpy_iterator()
    )
    assert numbers(batches) == list(range(9))
    assert counts(batches) == [4, 4, 1]
    for batch in batches:
        np.testing.assert_allclose(batch["weight"].sum(), 1, rtol=1e-6)
        assert batch.keys() == {"image", "label", "weight"}


def test_augmentation_in_the_pipeline(dataset):
    def views(batch):
        images = tf.cast(batch["image"], tf.float32) / 255.0
        return tuple(
            images + batch["uniforms"][:, view, :1, None, None] for view in range(2)
        )

    plain = take(dataset, 3)
    made = training_batches(
        dataset, image_size=4, batch_size=BATCH, draws=RecordDraws(1, 1, 2, 3)
    )
    augmented = augmented_batches(made, views).take(3).as_numpy_iterator()
    for batch, before in zip(augmented, plain, strict=True):
        assert batch.keys() == {"views", "label", "weight", "key"}
        expected = np.stack([view.numpy() for view in views(before)], axis=1)
        np.testing.assert_allclose(batch["views"], expected, rtol=1e-6)
        np.testing.assert_array_equal(batch["key"], before["key"])
