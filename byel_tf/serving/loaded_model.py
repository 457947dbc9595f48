"""`byel_tf.load`: an exported model that takes images as a program has them."""

import dataclasses
import itertools
import os
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.data.image_files import RejectedImage, quiet_pillow
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.class_subset import restrict
from byel_tf.serving.cropping import CROPS, choose_cropping, few_faces
from byel_tf.serving.image_inputs import (
    ImageInput,
    as_images,
    encode_face,
    encode_image,
)
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
      action_units: Intensities in the order of the model's `action_units`, (N, U),
        float32, zeros for an image that could not be read; None if it gives none.
      faces: How many faces were found in each image, (N,), int, 0 for one that could
        not be read; None unless images were cropped.
    """

    labels: list[str]
    probabilities: np.ndarray
    confidence: np.ndarray
    errors: list[str]
    representation: np.ndarray | None = None
    action_units: np.ndarray | None = None
    faces: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)


class Model:
    """An exported model.

    Attributes:
      classes: Names in the order of the probabilities.
      action_units: Names of the action units that it gives; () if it gives none.
      metadata: Facts written at export, such as `image_size`.
    """

    def __init__(self, exported: ExportedModel):
        """Takes a loaded export."""
        self.classes = exported.classes
        self.action_units = exported.action_units
        self.metadata = exported.metadata
        self._signature = exported.signature

    def predict(
        self,
        images: ImageInput | Iterable[ImageInput],
        *,
        batch_size: int = 64,
        with_representation: bool = False,
        crop: str = "auto",
        crop_margin: float | None = None,
        detector: str = "mtcnn",
    ) -> PredictionResult:
        """Classifies images.

        They are read by the rules of the import (`byel_tf.cli.prepare`), and cropped
        to their largest face if the training images were. Looking for it takes longer
        than the rest, and is done in this process.

        Args:
          images: Paths, bytes of files, arrays (uint8, [H, W] or [H, W, 1] grey,
            [H, W, 3] RGB, [H, W, 4] with opacity) and pictures of Pillow's, mixed; one
            of them, any iterable, or an array of several, [N, H, W] or [N, H, W, C].
          batch_size: Images at a time.
          with_representation: Whether the result has the representations.
          crop: "face" crops every image to its largest face; where none is found it is
            taken whole. "none" takes all whole, as is right for those that show the
            face alone already. "auto" crops if the training images were cropped, or
            drawn so; not if the export does not say, as those of old releases.
          crop_margin: Side of the crop, as a multiple of that of rendered faces; None
            for that of the training images.
          detector: What finds faces: "mtcnn", of whose weights their author says that
            they should not be used commercially, "own" or "haar"; see docs/detector.md.

        Returns:
          The result. An image that cannot be read is no exception: its label is empty
          and its entry of `errors` says why.

        Raises:
          ValueError: If the batch size is not positive, it cannot be told what in an
            array are the images, or crop or margin cannot be meant.

        Warns:
          UserWarning: If images are cropped otherwise than the training images, or on
            more than a fifth of them no face is found.
        """
        if batch_size < 1:
            raise ValueError(
                f"batch_size must be positive. Received: batch_size={batch_size}"
            )
        margin = self._margin(crop, crop_margin)
        names = ["probabilities", "label", "valid"]
        names += ["representation"] * with_representation
        names += [ACTION_UNITS] * bool(self.action_units)
        batches = {name: [] for name in names}
        errors, faces = [], []
        remaining = iter(as_images(images))
        while batch := list(itertools.islice(remaining, batch_size)):
            encoded, reasons, found = _encode(batch, margin, detector)
            outputs = self._run(encoded)
            for name in names:
                batches[name].append(outputs[name].numpy())
            errors += [
                reason or ("" if valid else "cannot be decoded")
                for reason, valid in zip(reasons, batches["valid"][-1], strict=True)
            ]
            faces += found
        if not errors:
            outputs = self._run([])
            batches = {name: [outputs[name].numpy()] for name in names}
        looked = [n for n, error in zip(faces, errors, strict=True) if not error]
        warning = few_faces(looked.count(0), len(looked))
        if margin is not None and warning:
            warnings.warn(warning, stacklevel=2)
        joined = {name: np.concatenate(parts) for name, parts in batches.items()}
        return PredictionResult(
            labels=[label.decode() for label in joined["label"]],
            probabilities=joined["probabilities"],
            confidence=np.where(
                joined["valid"], joined["probabilities"].max(axis=1), np.float32(0)
            ),
            errors=errors,
            representation=joined.get("representation"),
            action_units=joined.get(ACTION_UNITS),
            faces=None if margin is None else np.array(faces, np.int64),
        )

    def _margin(self, crop: str, crop_margin: float | None) -> float | None:
        """That of the crop; None if there is none."""
        if crop not in CROPS:
            raise ValueError(f"crop must be one of {CROPS}. Received: crop={crop!r}")
        chosen = choose_cropping(crop, crop_margin, self.metadata)
        if chosen.cropping.kind == "none":
            return None
        if chosen.warning:
            warnings.warn(chosen.warning, stacklevel=3)
        return chosen.cropping.margin

    def _run(self, encoded: list[bytes]) -> dict[str, tf.Tensor]:
        return self._signature(
            image_bytes=tf.constant(encoded, tf.string, [len(encoded)])
        )


def load_model(path: str | os.PathLike, classes: Sequence[str] = ()) -> Model:
    """Loads an export; see `byel_tf.load`.

    Args:
      path: A version folder, the folder of a run, or the name of a model that comes
        with the package.
      classes: Those of its classes that are asked about; none for all.

    Raises:
      RunError: If there is no exported model.
      UsageError: If it has no such class.
    """
    return Model(restrict(load_export(find_export(path)), classes))


def _encode(
    images: list[ImageInput], margin: float | None, detector: str
) -> tuple[list[bytes], list[str], list[int]]:
    """Files of the images, empty where one cannot be read, the reasons, and faces."""
    encoded, reasons, faces = [], [], []
    for image in images:
        content, reason, found = b"", "", 0
        try:
            with quiet_pillow():
                if margin is None:
                    content = encode_image(image)
                else:
                    content, found = encode_face(image, margin, detector)
        except RejectedImage as error:
            reason = str(error)
        encoded.append(content)
        reasons.append(reason)
        faces.append(found)
    return encoded, reasons, faces
