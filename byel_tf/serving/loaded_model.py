"""`byel_tf.load`: an exported model that takes images as a program has them."""

import dataclasses
import itertools
import os
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from byel_tf.data.image_files import RejectedImage
from byel_tf.serving.image_inputs import ImageInput, as_images, encode_image
from byel_tf.serving.load import ExportedModel, find_export, load_export


@dataclasses.dataclass(frozen=True)
class PredictionResult:
    """What a model says of N images, in the order in which they were given.

    Attributes:
      labels: Class names; empty for an image that could not be read.
      probabilities: (N, K), float32, in the order of the model's `classes`; all equal
        for an image that could not be read.
      confidence: Probability of the label, (N,), float32; 0 where there is none.
      errors: Why an image could not be read; empty for the others.
      representation: (N, R), float32, zeros for an image that could not be read; None
        unless asked for.
    """

    labels: list[str]
    probabilities: np.ndarray
    confidence: np.ndarray
    errors: list[str]
    representation: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)


class Model:
    """An exported model.

    Attributes:
      classes: Names in the order of the probabilities.
      metadata: Facts written at export, such as `image_size`.
    """

    def __init__(self, exported: ExportedModel):
        """Takes a loaded export."""
        self.classes = exported.classes
        self.metadata = exported.metadata
        self._signature = exported.signature

    def predict(
        self,
        images: ImageInput | Iterable[ImageInput],
        *,
        batch_size: int = 64,
        with_representation: bool = False,
    ) -> PredictionResult:
        """Classifies images.

        They are read by the rules of the import (`byel_tf.cli.prepare`), and like
        there they are taken whole: crop to the face first, as the training images
        are.

        Args:
          images: Paths, bytes of files, arrays (uint8, [H, W] or [H, W, 1] grey,
            [H, W, 3] RGB, [H, W, 4] with opacity) and pictures of Pillow's, mixed; one
            of them, any iterable, or an array of several, [N, H, W] or [N, H, W, C].
          batch_size: Images at a time.
          with_representation: Whether the result has the representations.

        Returns:
          The result. An image that cannot be read is no exception: its label is empty
          and its entry of `errors` says why.

        Raises:
          ValueError: If the batch size is not positive, or it cannot be told what in an
            array are the images.
        """
        if batch_size < 1:
            raise ValueError(
                f"batch_size must be positive. Received: batch_size={batch_size}"
            )
        names = ["probabilities", "label", "valid"]
        names += ["representation"] * with_representation
        batches = {name: [] for name in names}
        errors = []
        remaining = iter(as_images(images))
        while batch := list(itertools.islice(remaining, batch_size)):
            encoded, reasons = _encode(batch)
            outputs = self._run(encoded)
            for name in names:
                batches[name].append(outputs[name].numpy())
            errors += [
                reason or ("" if valid else "cannot be decoded")
                for reason, valid in zip(reasons, batches["valid"][-1], strict=True)
            ]
        if not errors:
            outputs = self._run([])
            batches = {name: [outputs[name].numpy()] for name in names}
        joined = {name: np.concatenate(parts) for name, parts in batches.items()}
        return PredictionResult(
            labels=[label.decode() for label in joined["label"]],
            probabilities=joined["probabilities"],
            confidence=np.where(
                joined["valid"], joined["probabilities"].max(axis=1), np.float32(0)
            ),
            errors=errors,
            representation=joined.get("representation"),
        )

    def _run(self, encoded: list[bytes]) -> dict[str, tf.Tensor]:
        return self._signature(
            image_bytes=tf.constant(encoded, tf.string, [len(encoded)])
        )


def load_model(path: str | os.PathLike) -> Model:
    """Loads an export; see `byel_tf.load`.

    Args:
      path: A version folder, or the folder of a run.

    Raises:
      RunError: If there is no exported model.
    """
    return Model(load_export(find_export(path)))


def _encode(images: list[ImageInput]) -> tuple[list[bytes], list[str]]:
    """Files of the images, empty where one cannot be read, and the reasons."""
    encoded, reasons = [], []
    for image in images:
        content, reason = b"", ""
        try:
            content = encode_image(image)
        except RejectedImage as error:
            reason = str(error)
        encoded.append(content)
        reasons.append(reason)
    return encoded, reasons
