"""What a stage reads: the same batches from any step, views, weights of classes."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.augment.policies import policy
from byel_tf.config import training_config
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError, UsageError
from byel_tf.training.inputs import (
    build_inputs,
    class_weights,
    require_policy_options,
    split_data,
    stage_policy,
)
from byel_tf.training.loop import failures_explained
from tests.training.stage_runs import configure


@pytest.fixture(scope="module")
def build(faces):
    """A function that sets up the data of a stage."""

    def make(*flags, data=faces, stage=1, num_views=2, **options):
        config = configure(data, "unused", *flags)
        return build_inputs(
            open_dataset(str(data)),
            config.data,
            config.run,
            stage=stage,
            num_views=num_views,
            augmentation=policy("faces"),
            **{"drop_remainder": stage == 1, **options},
        )

    return make


def take(inputs, start, count=1):
    return list(inputs.batches(start).take(count))


def assert_same_batches(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


def test_steps_in_an_epoch(build):
    assert build(stage=1).steps_per_epoch == 4
    assert build(stage=2).steps_per_epoch == 5


def test_batches_of_any_step_are_those_of_the_whole(build):
    inputs = build(stage=2)
    whole = take(inputs, 0, 11)
    for start in (1, 4, 5, 9):
        assert_same_batches(take(build(stage=2), start, 2), whole[start : start + 2])
    assert whole[4]["weight"].numpy().tolist() == [0.25] * 4 + [0.0] * 4


def test_the_stages_draw_apart_and_seeds_decide(build):
    first, second = (take(build(stage=stage), 0)[0] for stage in (1, 2))
    assert (first["key"].numpy() != second["key"].numpy()).any()
    other = take(build("--seed=2"), 0)[0]
    assert (first["key"].numpy() != other["key"].numpy()).any()
    assert_same_batches(take(build(), 0), [first])


@pytest.mark.parametrize("num_views", [1, 2])
def test_views_are_the_same_in_the_pipeline_and_in_the_step(build, num_views):
    in_step = build(num_views=num_views)
    in_pipeline = build(num_views=num_views, in_pipeline=True, compile_views=True)
    (batch,), (ready,) = take(in_step, 3), take(in_pipeline, 3)
    assert "image" not in ready and "views" not in batch
    views, others = in_step.make_views(batch), in_pipeline.make_views(ready)
    assert len(views) == len(others) == num_views
    for ours, theirs in zip(views, others, strict=True):
        assert ours.shape == (8, 16, 16, 3)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_array_equal(batch["key"], ready["key"])
    if num_views == 2:
        assert np.abs(views[0] - views[1]).max() > 0.1


def test_kept_images_change_nothing(build):
    kept = build(cache="memory")
    assert_same_batches(take(kept, 0, 6), take(build(), 0, 6))
    assert_same_batches(take(kept, 2, 3), take(build(), 2, 3))


def test_action_units_are_read_where_they_are_learned(build, faces):
    assert "action_units" not in take(build(), 0)[0]
    inputs = build(with_action_units=True)
    (batch,) = take(inputs, 2)
    _, draws, number = inputs.data.order.batch(2)
    records = SplitRecords(open_dataset(str(faces)), "train")
    expected = [records.parse(int(draw) % 36).action_units for draw in draws[:number]]
    np.testing.assert_allclose(batch["action_units"], expected, rtol=1e-6)


def test_a_picture_shows_images_and_their_views(build):
    inputs = build()
    assert inputs.preview(50)[0].shape == (50, 16, 16, 3)  # of 36 images
    images, first, second = inputs.preview(5)
    assert images.shape == first.shape == second.shape == (5, 16, 16, 3)
    assert not np.array_equal(first, second)
    batch = take(inputs, 0)[0]["image"][:5]
    np.testing.assert_array_equal(images, fixed(batch))


@pytest.fixture(scope="module")
def unequal(prepare_pictures, tmp_path_factory):
    """Twelve training images of two classes, and none of a third one."""
    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    path = tmp_path_factory.mktemp("unequal") / "set"
    encoded = tf.io.encode_png(np.zeros([16, 16, 3], np.uint8)).numpy()
    with write_dataset(path, ("a", "b", "c"), {"kind": "test"}) as writer:
        for number in range(12):
            label = 2 if number < 3 else 0
            record = Record(encoded, "png", 16, 16, label, "", f"{number}.png")
            writer.add("train", record)
    return path


def test_weights_count_each_class_alike(unequal, faces):
    dataset = open_dataset(str(unequal))
    weights = class_weights(dataset, "weights")
    assert weights == [12 / (2 * 9), 0.0, 12 / (2 * 3)]
    counts = np.array([9, 0, 3])
    assert counts @ weights / 12 == pytest.approx(1)  # the mean over the images
    assert counts[0] * weights[0] == pytest.approx(counts[2] * weights[2])
    assert class_weights(dataset, "none") is None
    assert class_weights(dataset, "sampling") is None
    assert class_weights(open_dataset(str(faces)), "weights") == [1.0] * 6


def test_sampling_draws_each_class_equally_often(build, unequal):
    inputs = build("--class_balance=sampling", "--batch_size=4", data=unequal)
    labels = np.concatenate([batch["label"] for batch in take(inputs, 0, 6)])
    assert np.bincount(labels, minlength=3).tolist() == [12, 0, 12]
    plain = build("--batch_size=4", data=unequal)
    labels = np.concatenate([batch["label"] for batch in take(plain, 0, 3)])
    assert np.bincount(labels, minlength=3).tolist() == [9, 0, 3]


def test_few_labels(build, unequal, faces):
    labelled = np.arange(12) % 4 == 0  # one of three, and two of nine
    dataset = open_dataset(str(unequal))
    assert class_weights(dataset, "weights", labelled) == [3 / (2 * 2), 0, 3 / 2]
    flags = ["--batch_size=4", "--labelled_rows=0.5"]
    options = {"data": unequal, "labelled": labelled, "drop_remainder": True}
    some = build(*flags, **options)
    only = build(*flags, **options, sees_all=False)
    # An epoch keeps its steps; all that is seen in training on labels has one.
    assert some.steps_per_epoch == only.steps_per_epoch == 3
    shares = [(b["label_weight"].numpy() > 0).sum() for b in take(some, 0, 6)]
    assert min(shares) >= 2 and max(shares) < 4
    batches = take(only, 0, 6)
    for batch in batches:
        np.testing.assert_array_equal(batch["label_weight"], batch["weight"])
    labels = np.concatenate([batch["label"] for batch in batches])
    assert np.bincount(labels, minlength=3).tolist() == [16, 0, 8]


def test_batches_of_a_split_that_there_is(faces, unequal):
    dataset = open_dataset(str(faces))
    batches = list(split_data(dataset, "validation", 16, 8).epoch())
    assert [int((b["weight"] > 0).numpy().sum()) for b in batches] == [8, 4]
    assert split_data(open_dataset(str(unequal)), "validation", 16, 8) is None


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)


def truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def read_all(inputs):
    with failures_explained("pretrain", inputs.data):
        take(inputs, 0, 5)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip, r"train-.*: record \d+ does not match .*inspect --verify"),
        (truncate, r"train-.* ends within record \d+: .*inspect --verify"),
        (lambda file: file.unlink(), "train-.*cannot be read, No such file"),
    ],
)
def test_training_data_that_cannot_be_read_are_named(
    build, faces, tmp_path, damage, expected
):
    shutil.copytree(faces, tmp_path / "copy")
    inputs = build(data=tmp_path / "copy")
    (shard,) = (tmp_path / "copy").glob("train-*.tfrecord")
    damage(shard)
    with pytest.raises(RunError, match=expected) as caught:
        read_all(inputs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip, r"validation-.*: record \d+ does not match .*inspect --verify"),
        (lambda file: file.unlink(), "validation-.*cannot be read, No such file"),
    ],
)
def test_evaluation_data_that_cannot_be_read_are_named(
    faces, tmp_path, damage, expected
):
    shutil.copytree(faces, tmp_path / "copy")
    data = split_data(open_dataset(str(tmp_path / "copy")), "validation", 16, 8)
    (shard,) = (tmp_path / "copy").glob("validation-*.tfrecord")
    damage(shard)
    with pytest.raises(RunError, match=expected) as caught:  # noqa: SIM117
        with failures_explained("finetune", data):
            list(data.epoch())
    assert "\n" not in str(caught.value)


def test_an_image_that_is_damaged_is_told_apart(build, monkeypatch):
    inputs = build()
    records = inputs.data._records
    read = records.read

    def read_damaged(positions):
        return [record.replace(b"IDAT", b"IDAX") for record in read(positions)]

    monkeypatch.setattr(records, "read", read_damaged)
    with pytest.raises(RunError, match="pretrain: an image of the data set is damaged"):
        read_all(inputs)


def test_a_record_without_the_action_units_that_are_said_is_told_apart(
    build, tmp_path, tiny_png
):
    from byel_tf.data.record import Record
    from byel_tf.data.writer import write_dataset

    with write_dataset(tmp_path / "set", ("a", "b"), {"kind": "test"}, ()) as writer:
        for number in range(8):
            record = Record(tiny_png, "png", 1, 1, 0, "a", f"{number}.png")
            writer.add("train", record)
    inputs = build(data=tmp_path / "set")
    feature = tf.io.FixedLenFeature([3], tf.float32)
    inputs.data._features["image/face/action_units"] = feature
    with pytest.raises(RunError, match="a record .* damaged.*image/face/action_units"):
        read_all(inputs)


def test_options_of_faces_reach_its_stages_alone():
    both = {"random_convolution": 0.5, "augmentation": "faces"}
    config = training_config(train_data="a", model_dir="b", **both)
    assert stage_policy(config, 1).num_uniforms > policy("faces").num_uniforms
    config = training_config(
        train_data="a", model_dir="b", finetune_augmentation="byol", **both
    )
    assert stage_policy(config, 2) is policy("byol")
    require_policy_options(config)
    alone = training_config(
        train_data="a",
        model_dir="b",
        objective="supervised",
        finetune_augmentation="byol",
        **both,
    )
    with pytest.raises(UsageError, match="--random_convolution=0.5: only views of"):
        require_policy_options(alone)
