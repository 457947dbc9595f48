"""From TFRecord files to batches, the same for any number of threads or replicas.

The order of records, the draws of their augmentation and the keys of their dropout
are functions of (seed, stage, epoch, record), all through stateless operations.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from byel_tf import stateless
from byel_tf.batch import Batch
from byel_tf.data.images import decode_and_resize
from byel_tf.data.manifest import PreparedDataset

# Fixed, so that the order of records does not depend on the machine.
_CYCLE_LENGTH = 8

_ACTION_UNITS = "image/face/action_units"
_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


@dataclasses.dataclass(frozen=True)
class RecordDraws:
    """What is drawn for each record.

    Attributes:
      seed: The run's seed.
      stage: 1 or 2; the stages of one run draw apart.
      views: Augmented views an image.
      uniforms: Draws a view.
    """

    seed: int
    stage: int
    views: int
    uniforms: int


def training_batches(
    dataset: PreparedDataset,
    *,
    image_size: int,
    batch_size: int,
    draws: RecordDraws,
    start_step: int = 0,
    drop_remainder: bool = True,
    shuffle_buffer: int = 16384,
    cache: bool = False,
    with_action_units: bool = False,
) -> tf.data.Dataset:
    """Endless shuffled batches of the train split, one epoch after the other.

    Args:
      dataset: The prepared data set.
      image_size: Side in pixels.
      batch_size: Global batch size.
      draws: What is drawn for each record.
      start_step: Steps already done: the batches continue from there.
      drop_remainder: Whether an epoch's last, partial batch is left out.
      shuffle_buffer: Records held for shuffling.
      cache: Whether decoded images stay in memory.
      with_action_units: Whether the records' action units are read, all those that
        the data set names.

    Returns:
      A data set of `Batch` with image, label, weight, uniforms and key, and with
      action_units where asked for.
    """
    count = dataset.manifest.splits["train"].count
    steps = steps_per_epoch(count, batch_size, drop_remainder)
    start_epoch, done = divmod(start_step, steps)
    root = tf.constant([draws.seed, draws.stage], tf.int64)
    features = dict(_FEATURES)
    if with_action_units:
        names = dataset.manifest.action_units
        features[_ACTION_UNITS] = tf.io.FixedLenFeature([len(names)], tf.float32)

    def parse(index: tf.Tensor, serialized: tf.Tensor) -> Batch:
        return _parse(index, serialized, features, image_size)

    records = _records(dataset, "train")
    if cache:
        records = _map(records, parse).cache()

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        key = tf.random.experimental.stateless_fold_in(root, epoch, alg="philox")
        order = tf.random.stateless_uniform(
            [], key, minval=None, maxval=None, dtype=tf.int64, alg="philox"
        )
        # `shuffle` mixes in the global seed, or this graph's own where it has one.
        tf.random.set_seed(1)
        epoch_records = records.shuffle(
            shuffle_buffer, seed=order, reshuffle_each_iteration=False
        )
        skipped = tf.where(epoch == start_epoch, done * batch_size, 0)
        epoch_records = epoch_records.skip(tf.cast(skipped, tf.int64))
        if not cache:
            epoch_records = _map(epoch_records, parse)
        epoch_records = _map(epoch_records, lambda record: _draw(record, key, draws))
        return epoch_records.batch(batch_size, drop_remainder=drop_remainder)

    epochs = tf.data.Dataset.range(start_epoch, tf.int64.max)
    batches = _map(epochs.flat_map(one_epoch), lambda b: _fill(b, batch_size))
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def evaluation_batches(
    dataset: PreparedDataset, split: str, *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """A split's labelled records once, in the order of the files.

    Those that fill the last batch have weight 0.

    Returns:
      A data set of `Batch` with image, label and weight.
    """
    records = _map(
        _records(dataset, split), lambda i, r: _parse(i, r, _FEATURES, image_size)
    ).filter(lambda record: record["label"] >= 0)
    batches = _map(records.batch(batch_size), lambda b: _fill(b, batch_size))
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def steps_per_epoch(count: int, batch_size: int, drop_remainder: bool) -> int:
    """Batches in an epoch of `count` records."""
    return count // batch_size if drop_remainder else -(-count // batch_size)


def augmented_batches(batches: tf.data.Dataset, views) -> tf.data.Dataset:
    """Moves the augmentation from the training step into the pipeline.

    Args:
      batches: Batches with image and uniforms.
      views: Makes the views (B, H, W, 3) of a batch.

    Returns:
      The batches with views, (B, views, H, W, 3), in their place.
    """

    def augment(batch: Batch) -> Batch:
        rest = {k: v for k, v in batch.items() if k not in ("image", "uniforms")}
        return {**rest, "views": tf.stack(views(batch), axis=1)}

    augmented = _map(batches, augment)
    return augmented.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _records(dataset: PreparedDataset, split: str) -> tf.data.Dataset:
    """(index, serialized record) of a split; the index is the record's for good."""
    shards = dataset.manifest.splits[split].shards
    offsets = [sum(s.records for s in shards[:i]) for i in range(len(shards))]
    files = tf.data.Dataset.from_tensor_slices(
        (dataset.shard_paths(split), tf.constant(offsets, tf.int64))
    )

    def read(path: tf.Tensor, offset: tf.Tensor) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(path, buffer_size=2**20).enumerate(offset)

    return files.interleave(
        read,
        cycle_length=min(_CYCLE_LENGTH, len(shards)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _parse(
    index: tf.Tensor,
    serialized: tf.Tensor,
    features: Mapping[str, tf.io.FixedLenFeature],
    image_size: int,
) -> Batch:
    parsed = tf.io.parse_single_example(serialized, features)
    record = {
        "index": index,
        "image": decode_and_resize(parsed["image/encoded"], image_size),
        "label": tf.cast(parsed["image/class/label"], tf.int32),
    }
    if _ACTION_UNITS in features:
        record["action_units"] = parsed[_ACTION_UNITS]
    return record


def _draw(record: Batch, epoch_key: tf.Tensor, draws: RecordDraws) -> Batch:
    key = tf.random.experimental.stateless_fold_in(
        epoch_key, record["index"], alg="philox"
    )
    views_key, dropout_key = tf.unstack(
        tf.random.experimental.stateless_split(key, 2, alg="philox")
    )
    return {
        **record,
        "uniforms": stateless.uniform([draws.views, draws.uniforms], views_key),
        "key": dropout_key,
    }


def _fill(batch: Batch, batch_size: int) -> Batch:
    """Adds weights, and fills an epoch's last, partial batch with its own records.

    The repeated records have weight 0: batch norm sees them, losses and metrics do
    not. Without them a replica could be left with no example at all, on which
    convolutions fail, and a compiled step would be compiled again for the odd size.
    """
    records = {key: value for key, value in batch.items() if key != "index"}
    if batch["label"].shape[0] == batch_size:  # no partial batch can come
        return {**records, "weight": tf.fill([batch_size], 1.0 / batch_size)}
    count = tf.shape(batch["label"])[0]
    positions = tf.range(batch_size)
    weight = tf.where(positions < count, 1.0 / tf.cast(count, tf.float32), 0.0)
    filled = {
        key: tf.gather(value, positions % count) for key, value in records.items()
    }
    return {**filled, "weight": weight}


def _map(dataset: tf.data.Dataset, function) -> tf.data.Dataset:
    return dataset.map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Batches are global: a strategy splits them, it does not split the files.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return options
