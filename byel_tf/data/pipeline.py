"""From TFRecord files to batches, the same for any number of threads or replicas."""

import collections
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from byel_tf import stateless
from byel_tf.batch import Batch
from byel_tf.data.images import decode_and_resize
from byel_tf.data.kept_examples import KeptExamples
from byel_tf.data.order import FileOrder, Order, TrainingOrder
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.record import PAIR_ENCODED, PEEK_BYTES, peek_label
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError

_ENCODED, _LABEL = "image/encoded", "image/class/label"
_ACTION_UNITS, _VOTES = "image/face/action_units", "image/class/votes"
_PICTURES = "pictures"  # what those of a record are decoded to
# Steps that may be read and not used yet.
_READ_AHEAD = 64
_ALL_ROWS = slice(None)
_FEATURES = {
    _ENCODED: tf.io.FixedLenFeature([], tf.string),
    _LABEL: tf.io.FixedLenFeature([], tf.int64),
}


class SplitBatches:
    """A split as batches, any of them by its step, and any of their rows alone.

    Attributes:
      order: Which records make up a step.
      failure: What went wrong with reading a file, if something did: TensorFlow
        passes on its text only.
      labels: What each label of the data set is to the model, which may have more
        classes.
    """

    def __init__(
        self,
        dataset: PreparedDataset,
        split: str,
        order: Order,
        *,
        image_size: int,
        cache: str = "none",
        with_action_units: bool = False,
        with_votes: bool = False,
        with_pairs: bool = False,
        partners: Callable[[int, np.ndarray], np.ndarray] | None = None,
        records_of: Callable[[int], SplitRecords] | None = None,
        labels: Sequence[int] | None = None,
    ):
        """Opens nothing yet.

        Args:
          dataset: The prepared data set.
          split: One of its splits.
          order: The order of the split's records.
          image_size: Side in pixels.
          cache: Where decoded images are kept once they are read: "memory"; "disk", a
            file without a name that goes with the process; or "none".
          with_action_units: Whether the records' action units are read, all those
            that the data set names.
          with_votes: Whether their votes are read, one a class of the data set; 0 where
            a record has none.
          with_pairs: Whether the records' second pictures are read, as pair.
          partners: Gives the positions of the records whose pictures are pair instead,
            from epoch and draws: as of `Partners`; None without.
          records_of: The records of each epoch, from 0, where every epoch has others:
            as many as the split has, which are not kept once they are decoded.
          labels: What each label of the data set is in the batches; None for itself.
        """
        self.order = order
        self.failure: Exception | None = None
        self._records = SplitRecords(dataset, split)
        self._records_of = records_of
        self._latest: collections.deque = collections.deque(maxlen=_READ_AHEAD)
        self._name = f"data set {dataset.name} ({dataset.path})"
        self._num_classes = len(dataset.manifest.classes)
        self.labels = tuple(range(self._num_classes) if labels is None else labels)
        self._has_other_labels = self.labels != tuple(range(self._num_classes))
        self._image_size = image_size
        self._features = dict(_FEATURES)
        if with_action_units:
            units = [len(dataset.manifest.action_units)]
            self._features[_ACTION_UNITS] = tf.io.FixedLenFeature(units, tf.float32)
        if with_votes:
            self._features[_VOTES] = tf.io.FixedLenFeature(
                [self._num_classes], tf.float32, [0.0] * self._num_classes
            )
        self._partners = partners
        if with_pairs:
            self._features[PAIR_ENCODED] = tf.io.FixedLenFeature([], tf.string)
        self._kept = None
        if cache != "none" and records_of is None:
            self._kept = KeptExamples(len(self._records), cache == "disk")

    def batches(
        self,
        start_step: int = 0,
        end_step: int = tf.int64.max,
        rows: slice = _ALL_ROWS,
    ) -> tf.data.Dataset:
        """The batches of some steps, those of one epoch after the other.

        Args:
          start_step: Steps already done: the batches continue from there, and nothing
            before is read.
          end_step: The step before which they end; endless if not given.
          rows: Rows of each batch that are made. The others are neither read nor
            decoded: of several machines each makes its own.

        Returns:
          A data set of `Batch` with image, label, weight and, in training, key, and
          with label_weight where not all labels are known, and with action_units,
          votes and pair where asked for. An epoch's last, partial batch is filled with
          its own records, at weight 0: without them a replica could be left with no
          example at all, on which convolutions fail, and a compiled step would be
          compiled again for the odd size.
        """
        steps = tf.data.Dataset.range(start_step, end_step)
        batches = _map(steps, lambda step: self._batch(step, rows))
        return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())

    def epoch(self, rows: slice = _ALL_ROWS) -> tf.data.Dataset:
        """The batches of one epoch; as of `batches`."""
        return self.batches(end_step=self.order.steps_per_epoch, rows=rows)

    def filenames(self, step: int) -> list[str]:
        """Where the images of a step came from, as their records say.

        Raises:
          RunError: If a file is missing or broken.
        """
        epoch, draws, number = self.order.batch(step)
        records = self._of_epoch(epoch)
        positions = draws[:number] % len(records)
        return [records.parse(position).filename for position in positions]

    def _of_epoch(self, epoch: int) -> SplitRecords:
        return self._records_of(epoch) if self._records_of else self._records

    def _batch(self, step: tf.Tensor, rows: slice) -> Batch:
        order = self.order
        size = len(range(*rows.indices(order.batch_size)))
        count = size if self._partners is None else 2 * size
        epoch, draws, number, positions, missing, serialized = tf.numpy_function(
            lambda step: self._read(step, rows),
            [step],
            [tf.int64, tf.int64, tf.int64, tf.int64, tf.int64, tf.string],
        )
        epoch, number = (tf.ensure_shape(one, []) for one in (epoch, number))
        draws = tf.ensure_shape(draws, [size])
        missing = tf.ensure_shape(missing, [None if self._kept else count])
        serialized = tf.ensure_shape(serialized, missing.shape)
        positions = tf.ensure_shape(positions, [count])
        found = self._examples(positions, missing, serialized)
        pictures = found[_PICTURES]
        batch = {
            "image": pictures[:size, 0],
            "label": tf.cast(found[_LABEL][:size], tf.int32),
            "weight": _weight(number, order.batch_size)[rows],
        }
        if self._has_other_labels:
            batch["label"] = tf.gather(tf.constant(self.labels), batch["label"])
        if isinstance(order, TrainingOrder):
            if order.labelled is not None:
                batch["label_weight"] = self._label_weight(step)[rows]
            batch["key"] = stateless.record_keys(order.seed, order.stage, epoch, draws)
        taught = {"action_units": _ACTION_UNITS, "votes": _VOTES}
        taught = {key: found[name] for key, name in taught.items() if name in found}
        batch |= {key: values[:size] for key, values in taught.items()}
        if PAIR_ENCODED in self._features:
            batch["pair"] = pictures[:, 1]
        elif self._partners is not None:
            batch["pair"] = pictures[size:, 0]
            batch |= {f"pair_{key}": values[size:] for key, values in taught.items()}
        return batch

    def _examples(
        self, positions: tf.Tensor, missing: tf.Tensor, serialized: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Decoded pictures, (B, P, H, W, 3), uint8, and the other features, (B, …).

        Args:
          positions: Of all records, (B,).
          missing: Which of them were read, (M,): all where nothing is kept.
          serialized: Those, (M,).
        """
        parsed = tf.io.parse_example(serialized, self._features)
        encoded = [parsed.pop(k) for k in (_ENCODED, PAIR_ENCODED) if k in parsed]
        flat = _decode(tf.reshape(tf.stack(encoded, axis=1), [-1]), self._image_size)
        shape = [*serialized.shape, len(encoded), self._image_size, self._image_size, 3]
        shape = [-1 if size is None else size for size in shape]
        found = {_PICTURES: tf.reshape(flat, shape), **parsed}
        if self._kept is None:
            return found
        parts = [tf.convert_to_tensor(part) for part in found.values()]
        whole = tf.numpy_function(
            self._kept.complete,
            [positions, missing, *parts],
            [part.dtype for part in parts],
        )
        return {
            name: tf.ensure_shape(part, [*positions.shape, *read.shape[1:]])
            for name, part, read in zip(found, whole, parts, strict=True)
        }

    def _label_weight(self, step: tf.Tensor) -> tf.Tensor:
        """Share of each row of a step in the mean over known labels, (B,), float32."""
        weights = tf.numpy_function(
            lambda step: self.order.label_weights(int(step)), [step], tf.float32
        )
        return tf.ensure_shape(weights, [self.order.batch_size])

    def _read(self, step: np.int64, rows: slice):
        epoch, draws, number = self.order.batch(int(step))
        draws = draws[rows]
        try:
            records = self._of_epoch(epoch)
            positions = draws % len(records)
            if self._partners is not None:
                partners = self._partners(int(epoch), draws)
                positions = np.concatenate([positions, partners])
            missing = np.arange(len(positions))
            if self._kept is not None:
                missing = self._kept.missing(positions)
            read = positions[missing]
            self._latest.append((records, read))
            serialized = records.read(read)
            self._require_labels(records, read, serialized)
        except RunError as error:
            self.failure = error
            raise
        serialized = np.array(serialized, object)
        numbers = np.int64(epoch), draws, np.int64(number)
        return *numbers, positions, missing, serialized

    def explain(self, error: tf.errors.OpError) -> Exception | None:
        """Why a step failed, if its data are why.

        Args:
          error: TensorFlow's error, which does not say which image is broken.
        """
        if self.failure is None and isinstance(error, tf.errors.InvalidArgumentError):
            try:
                self._decode_again()
            except RunError as found:
                self.failure = found
        return self.failure

    def _decode_again(self) -> None:
        """Decodes what was read lately, one by one.

        Raises:
          RunError: With the first image that cannot be decoded.
        """
        latest: dict[SplitRecords, set[int]] = {}
        for records, positions in self._latest:
            latest.setdefault(records, set()).update(positions.tolist())
        for records, found in latest.items():
            for position in sorted(found):
                self._decode_one(records, position)

    def _decode_one(self, records: SplitRecords, position: int) -> None:
        record, is_paired = records.parse(position), PAIR_ENCODED in self._features
        pair = [record.pair.encoded] if record.pair and is_paired else []
        try:
            for encoded in (record.encoded, *pair):
                decode_and_resize(tf.constant(encoded), self._image_size)
        except tf.errors.InvalidArgumentError as error:
            reason = f"the image of {record.filename} cannot be decoded"
            raise records.broken(position, reason) from error

    def _require_labels(
        self, records: SplitRecords, positions: np.ndarray, serialized: Sequence[bytes]
    ) -> None:
        for position, record in zip(positions, serialized, strict=True):
            label = peek_label(record[:PEEK_BYTES])
            if label is not None and not 0 <= label < self._num_classes:
                name = records.parse(int(position)).filename
                raise RunError(
                    f"{self._name}: {name} has the label {label}, of "
                    f"{self._num_classes} classes: prepare it again"
                )


def evaluation_data(
    dataset: PreparedDataset,
    split: str,
    *,
    image_size: int,
    batch_size: int,
    cache: str = "none",
    labels: Sequence[int] | None = None,
) -> SplitBatches:
    """A split's labelled records once an epoch, in the order of the files.

    Raises:
      RunError: If a file is missing or broken, where labels have to be looked for.
    """
    positions = np.arange(dataset.manifest.splits[split].count)
    if dataset.manifest.splits[split].unlabelled:
        positions = np.flatnonzero(SplitRecords(dataset, split).labels() >= 0)
    order = FileOrder(positions, batch_size)
    return SplitBatches(
        dataset, split, order, image_size=image_size, cache=cache, labels=labels
    )


def augmented_batches(
    batches: tf.data.Dataset, make_views: Callable[[Batch], tuple[tf.Tensor, ...]]
) -> tf.data.Dataset:
    """Moves the augmentation from the training step into the pipeline.

    Args:
      batches: Batches with image and key.
      make_views: Makes the views (B, H, W, 3) of a batch.

    Returns:
      The batches with views, (B, views, H, W, 3), in place of the image.
    """

    def augment(batch: Batch) -> Batch:
        rest = {k: v for k, v in batch.items() if k not in ("image", "pair")}
        return {**rest, "views": tf.stack(make_views(batch), axis=1)}

    augmented = _map(batches, augment)
    return augmented.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _decode(encoded: tf.Tensor, image_size: int) -> tf.Tensor:
    """Images, (B, H, W, 3), uint8."""
    spec = tf.TensorSpec([image_size, image_size, 3], tf.uint8)
    return tf.map_fn(
        lambda one: decode_and_resize(one, image_size),
        encoded,
        fn_output_signature=spec,
    )


def _weight(number: tf.Tensor, batch_size: int) -> tf.Tensor:
    """A mean over the first examples of a batch, (B,), float32; 0 for the others."""
    is_example = tf.range(batch_size) < tf.cast(number, tf.int32)
    return tf.where(is_example, 1.0 / tf.cast(number, tf.float32), 0.0)


def _map(dataset: tf.data.Dataset, function) -> tf.data.Dataset:
    return dataset.map(
        tf.autograph.experimental.do_not_convert(function),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Batches are global: a strategy splits them, it does not split the files.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return options
