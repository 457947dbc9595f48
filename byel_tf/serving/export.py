"""The SavedModel: from encoded images to probabilities, all inside."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.compat import without_layer_functions
from byel_tf.files import new_directory
from byel_tf.serving.action_units import ACTION_UNITS, ActionUnitReader
from byel_tf.serving.decoding import DecodingLimits, decode_within
from byel_tf.serving.parity import SAVED_MODEL_LIMIT, require_equal
from byel_tf.serving.warmup import FILE_NAME as WARMUP_FILE_NAME
from byel_tf.serving.warmup import warmup_requests

#: Facts about the export beside the SavedModel, for tools that do not load it.
METADATA_FILE_NAME = "byel.json"

#: What an export decodes; stated as `limits` among its facts.
LIMITS = DecodingLimits()

#: Signature that takes class shares besides the images.
PRIOR_SIGNATURE = "with_prior"

_INPUT_NAME = "image_bytes"
_CHECK_BATCH_SIZE = 64


class ServingModule(tf.Module):
    """What is saved: the classifier behind decoding, resizing and softmax.

    Attributes:
      classify: The classifier as it is saved: images (N, S, S, 3) in [0, 1] →
        representations (N, R), logits (N, K).
      class_names: Names in the order of the outputs, (K,), string.
      temperature: Divides the logits before the softmax, (), float32.
      image_size: Side in pixels of what the classifier is given.
      action_units: Reads action units from representations; None where none were
        learned.
    """

    def __init__(
        self,
        classifier: Callable[..., tuple[tf.Tensor, tf.Tensor]],
        class_names: Sequence[str],
        image_size: int,
        temperature: float = 1.0,
        action_units: ActionUnitReader | None = None,
        class_shares: Sequence[float] = (),
    ):
        """Wraps a classifier.

        Args:
          classifier: The trained network, or what computes as it does, in float32:
            images (N, S, S, 3) in [0, 1] → representations (N, R), logits (N, K).
          class_names: Names of its K classes.
          image_size: Side in pixels that it was trained on.
          temperature: Above 0; 1 leaves the logits as they are.
          action_units: What reads the action units of its representations, if it
            learned them.
          class_shares: Those of the classes in training; without them they are equal.
        """
        super().__init__(name="byel")
        self.classifier = classifier  # of a network the variables alone are saved
        pixels = tf.TensorSpec([None, image_size, image_size, 3], tf.float32)
        self.classify = tf.function(
            self._classify, input_signature=[pixels], autograph=False
        )
        self.action_units = action_units
        self.class_names = tf.constant(list(class_names))
        self.temperature = tf.Variable(temperature, trainable=False)
        shares = list(class_shares) or [1 / len(class_names)] * len(class_names)
        self.class_shares = tf.constant(shares, tf.float32)
        self.image_size = image_size

    def _classify(self, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.classifier(pixels, training=False)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, _INPUT_NAME)],
        autograph=False,
    )
    def serve(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies encoded images.

        Args:
          image_bytes: JPEG or PNG files, (N,), string; N may be 0.

        Returns:
          probabilities (N, K); logits (N, K), unscaled; label (N,), string;
          representation (N, R); valid (N,), bool: False where an image could not be
          decoded or exceeds `LIMITS`, and then its probabilities are all equal and its
          label is empty; action_units (N, U) where they were learned.
        """
        images, valid = decode_within(image_bytes, self.image_size, LIMITS)
        pixels = fixed(images)
        representation, logits = self.classify(pixels)
        count = tf.size(image_bytes)
        representation, logits = representation[:count], logits[:count]
        usable = valid[:, None]
        logits = tf.where(usable, logits, 0.0)
        labels = tf.gather(self.class_names, tf.argmax(logits, axis=-1))
        outputs = {
            "probabilities": tf.nn.softmax(logits / self.temperature),
            "logits": logits,
            "label": tf.where(valid, labels, ""),
            "representation": tf.where(usable, representation, 0.0),
            "valid": valid,
        }
        if self.action_units is not None:
            intensities = self.action_units.read(representation)
            outputs[ACTION_UNITS] = tf.where(usable, intensities, 0.0)
        return outputs

    def serve_with_prior(
        self, image_bytes: tf.Tensor, prior: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Classifies encoded images for other class shares than those trained on.

        Args:
          image_bytes: As of `serve`.
          prior: Class shares, (K,), float32, above 0 and of the sum 1.

        Returns:
          As `serve`, with probabilities by Bayes' rule (Saerens et al. 2002, equation
          2.4) and their labels; the logits are as they were.
        """
        outputs = self.serve(image_bytes)
        logits = outputs["logits"] / self.temperature
        logits += tf.math.log(prior) - tf.math.log(self.class_shares)
        valid = outputs["valid"]
        logits = tf.where(valid[:, None], logits, 0.0)
        labels = tf.gather(self.class_names, tf.argmax(logits, axis=-1))
        return {
            **outputs,
            "probabilities": tf.nn.softmax(logits),
            "label": tf.where(valid, labels, ""),
        }

    def prior_signature(self) -> tf.types.experimental.GenericFunction:
        """The function of `serve_with_prior`, whose prior is as long as the classes."""
        specs = [
            tf.TensorSpec([None], tf.string, _INPUT_NAME),
            tf.TensorSpec([self.class_names.shape[0]], tf.float32, "prior"),
        ]
        return tf.function(
            self.serve_with_prior, input_signature=specs, autograph=False
        )

    @tf.function(input_signature=[], autograph=False)
    def classes(self) -> dict[str, tf.Tensor]:
        """Names in the order of the outputs: classes (K,), string."""
        return {"classes": self.class_names}


def read_metadata(export: str | os.PathLike) -> dict[str, object]:
    """The facts that an export states of itself."""
    return json.loads(
        pathlib.Path(export, METADATA_FILE_NAME).read_text(encoding="utf-8")
    )


def export_saved_model(
    path: str | os.PathLike,
    module: ServingModule,
    metadata: dict[str, object],
    check_images: Mapping[str, bytes] | None = None,
) -> None:
    """Saves a module as a SavedModel that appears whole or not at all.

    Beside it are its facts, and requests for TensorFlow Serving to warm up with.

    Args:
      path: Folder to make, such as `export/1`.
      module: What to save; its `serve` becomes the signature `serving_default`, its
        `serve_with_prior` the one called `PRIOR_SIGNATURE`, its `classes` that of the
        same name.
      metadata: Facts written beside it as JSON, together with the limits.
      check_images: JPEG or PNG files by name, which what was saved has to classify as
        the module does.

    Raises:
      RunError: If the folder exists and is not empty, or what was saved differs.
    """
    with new_directory(path) as folder:
        write_saved_model(folder, module, metadata)
        if check_images:
            require_same_outputs(folder, module, check_images)


def write_saved_model(
    folder: pathlib.Path, module: ServingModule, metadata: Mapping[str, object]
) -> None:
    """Writes a SavedModel, its facts and its warm-up requests into a folder.

    Args:
      folder: A folder that holds none.
      module: As of `export_saved_model`.
      metadata: Likewise; the limits and the files' hashes are added to it.
    """
    signatures = {
        "serving_default": module.serve,
        PRIOR_SIGNATURE: module.prior_signature(),
        "classes": module.classes,
    }
    with without_layer_functions():
        tf.saved_model.save(module, str(folder), signatures=signatures)
    requests = warmup_requests(signatures, _INPUT_NAME, module.image_size)
    (folder / WARMUP_FILE_NAME).parent.mkdir()
    (folder / WARMUP_FILE_NAME).write_bytes(requests)
    facts = {
        **metadata,
        "limits": dataclasses.asdict(LIMITS),
        "files": _hashes(folder),
    }
    _write_metadata(folder, facts)


def add_facts(folder: pathlib.Path, facts: Mapping[str, object]) -> None:
    """Adds to what an export states of itself."""
    _write_metadata(folder, {**read_metadata(folder), **facts})


def _write_metadata(folder: pathlib.Path, facts: Mapping[str, object]) -> None:
    content = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    (folder / METADATA_FILE_NAME).write_text(content, encoding="utf-8")


def _hashes(folder: pathlib.Path) -> dict[str, str]:
    """SHA-256 of the files that are loaded, by their path in the folder."""
    files = [folder / "saved_model.pb", *sorted(folder.glob("variables/*"))]
    return {file.relative_to(folder).as_posix(): _sha256(file) for file in files}


def _sha256(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def damaged_file(folder: pathlib.Path, metadata: Mapping[str, object]) -> str | None:
    """The first file of an export that is not as it was written, or is missing.

    Args:
      folder: The version folder.
      metadata: Its facts; those of releases before 0.5 have no hashes.

    Returns:
      Its path in the folder, or None.
    """
    for name, expected in dict(metadata.get("files", {})).items():
        file = folder / name
        if not file.is_file() or _sha256(file) != expected:
            return name
    return None


def require_same_outputs(
    folder: pathlib.Path, module: ServingModule, images: Mapping[str, bytes]
) -> None:
    """Compares what was saved with the module in memory.

    Args:
      folder: Where it was saved.
      module: The module.
      images: JPEG or PNG files by name, at least one.

    Raises:
      RunError: If a probability differs by more than `SAVED_MODEL_LIMIT`, or a label.
    """
    saved = tf.saved_model.load(str(folder))
    files = list(images.values())
    found, expected = [], []
    for start in range(0, len(files), _CHECK_BATCH_SIZE):
        batch = tf.constant(files[start : start + _CHECK_BATCH_SIZE])
        outputs = saved.signatures["serving_default"](image_bytes=batch)
        found.append(outputs["probabilities"].numpy())
        expected.append(module.serve(batch)["probabilities"].numpy())
    require_equal(
        "the SavedModel",
        np.concatenate(found),
        np.concatenate(expected),
        list(images),
        SAVED_MODEL_LIMIT,
        reference="the model in memory",
    )
