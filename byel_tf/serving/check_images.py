"""Images of prepared data sets, for checks and for int8's representative set."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.data.images import decode_and_resize
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.errors import RunError
from byel_tf.serving.load import ExportedModel
from byel_tf.serving.parity import CheckImages

#: Most images of a data set that models are compared on.
MAX_CHECK_IMAGES = 10_000
#: Images that show int8 the activations' ranges.
REPRESENTATIVE_IMAGES = 500

_BATCH_SIZE = 64
_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/filename": tf.io.FixedLenFeature([], tf.string),
}


def read_check_images(
    model: ExportedModel,
    datasets: Sequence[PreparedDataset],
    advance: Callable[[int], object] = lambda count: None,
    limit: int = MAX_CHECK_IMAGES,
) -> CheckImages:
    """The test splits of data sets, classified by the SavedModel.

    Args:
      model: The SavedModel.
      datasets: Prepared data sets of its classes.
      advance: Called with numbers of images done.
      limit: Most images of a data set; the first ones, whose order is random.

    Raises:
      RunError: If the classes differ, a data set has no test split or a file of it is
        damaged, or one of its images cannot be decoded.
    """
    names, pixels, labels, probabilities = [], [], [], []
    for dataset in datasets:
        if dataset.manifest.classes != model.classes:
            raise RunError(
                f"data set {dataset.name} ({dataset.path}) has the classes "
                f"{', '.join(dataset.manifest.classes)}, the model has "
                f"{', '.join(model.classes)}: prepare it with --classes="
                f"{','.join(model.classes)}"
            )
        for batch in record_batches(dataset, "test", limit, "compare the models on"):
            outputs = model.signature(image_bytes=batch["image/encoded"])
            names += [
                f"{dataset.name}: {name.decode(errors='backslashreplace')}"
                for name in batch["image/filename"].numpy()
            ]
            pixels.append(_decode(dataset, batch, int(model.metadata["image_size"])))
            labels.append(batch["image/class/label"].numpy())
            probabilities.append(outputs["probabilities"].numpy())
            advance(len(labels[-1]))
    return CheckImages(
        names,
        np.concatenate(pixels),
        np.concatenate(labels),
        np.concatenate(probabilities),
    )


def read_files(datasets: Sequence[PreparedDataset], limit: int) -> dict[str, bytes]:
    """Image files of test splits by name, for `export_saved_model` to check with.

    Args:
      datasets: Prepared data sets; those without a test split are passed over.
      limit: Most images of a data set.

    Raises:
      RunError: If a file is damaged.
    """
    files = {}
    for dataset in datasets:
        if "test" in dataset.manifest.splits:
            for batch in record_batches(
                dataset, "test", limit, "check the export with"
            ):
                names = batch["image/filename"].numpy()
                contents = batch["image/encoded"].numpy()
                for name, content in zip(names, contents, strict=True):
                    shown = name.decode(errors="backslashreplace")
                    files[f"{dataset.name}: {shown}"] = content
    return files


def read_representative_images(
    dataset: PreparedDataset, image_size: int, limit: int = REPRESENTATIVE_IMAGES
) -> np.ndarray:
    """Images of a train split, (N, S, S, 3), uint8: the first ones, in random order.

    Raises:
      RunError: If it has none, a file is damaged, or an image cannot be decoded.
    """
    batches = record_batches(
        dataset, "train", limit, "take int8's representative set from"
    )
    return np.concatenate([_decode(dataset, b, image_size) for b in batches])


def record_batches(
    dataset: PreparedDataset, split: str, limit: int, purpose: str
) -> Iterator[dict[str, tf.Tensor]]:
    """The records of a split, parsed: encoded images, labels and file names.

    Args:
      dataset: A prepared data set.
      split: Name of a split.
      limit: Most records, the first ones; -1 for all.
      purpose: What for, of the error.

    Raises:
      RunError: If there is no such split, or a file is damaged.
    """
    found = dataset.manifest.splits.get(split)
    if found is None or not found.count:
        present = ", ".join(dataset.manifest.splits) or "none"
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has no {split} split to "
            f"{purpose} (it has: {present}): prepare it with --splits"
        )
    records = tf.data.TFRecordDataset(dataset.shard_paths(split)).take(limit)
    try:
        for serialized in records.batch(_BATCH_SIZE):
            yield tf.io.parse_example(serialized, _FEATURES)
    except tf.errors.DataLossError as error:
        raise RunError(
            f"data set {dataset.name} ({dataset.path}) has a damaged file: copy or "
            f"prepare it again ({' '.join(error.message.split())})"
        ) from error


def _decode(
    dataset: PreparedDataset, batch: dict[str, tf.Tensor], image_size: int
) -> np.ndarray:
    pictures = []
    for content, name in zip(
        batch["image/encoded"].numpy(), batch["image/filename"].numpy(), strict=True
    ):
        try:
            pictures.append(decode_and_resize(content, image_size).numpy())
        except tf.errors.InvalidArgumentError as error:
            raise RunError(
                f"data set {dataset.name}: {name.decode(errors='backslashreplace')} "
                "cannot be decoded: prepare it again without this image"
            ) from error
    return np.stack(pictures)
