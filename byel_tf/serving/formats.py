"""ONNX and LiteRT beside a SavedModel: converted, checked, and only then written."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from byel_tf import __version__
from byel_tf.files import write_atomically
from byel_tf.serving import litert, onnx, parity
from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.decoded import INPUT_NAME, DecodedClassifier
from byel_tf.serving.parity import CheckImages

#: What programs need to know of the converted files; written last.
FORMATS_FILE_NAME = "formats.json"

# Images that action units are compared on; they follow from the representation.
_UNIT_IMAGES = 64
_PACKAGES = ("tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy")
_OUTSIDE = (
    "Decode to 8-bit RGB, a grey image to three equal channels. Resize to image_size × "
    "image_size without keeping the sides' ratio: bicubic (Keys, a = -0.5), half-pixel "
    "centres, antialiased when scaling down, rounded to integers from 0 to 255. As "
    "tf.image.resize(method='bicubic', antialias=True); "
    "byel_tf.serving.image_inputs.decode_images does it."
)
_INSIDE = (
    "Scaling to [0, 1], grey values where the encoder takes them, standardisation, "
    "averaging with the mirror image where the run asked for it, the network, and "
    "softmax(logits / temperature)."
)


@dataclasses.dataclass(frozen=True)
class ConvertedFile:
    """A file that has passed its check.

    Attributes:
      content: The file.
      facts: What `formats.json` says of it besides hash and size.
    """

    content: bytes
    facts: dict[str, Any]


def convert_to_onnx(
    classifier: DecodedClassifier, images: CheckImages
) -> ConvertedFile:
    """Converts to ONNX, and compares.

    Raises:
      RunError: If the result differs from the SavedModel.
      UsageError: If a package is missing.
    """
    content = onnx.to_onnx(classifier)
    return ConvertedFile(
        content,
        {
            "opset": onnx.OPSET,
            "input_shape": [None, *images.pixels.shape[1:]],
            "parity": _require_equal(
                onnx.FILE_NAME, onnx.OnnxModel(content), classifier, images
            ),
        },
    )


def convert_to_litert(
    classifier: DecodedClassifier, images: CheckImages
) -> ConvertedFile:
    """Converts to LiteRT in float32, and compares.

    Raises:
      RunError: If the result differs from the SavedModel.
      UsageError: If the package is missing.
    """
    content = litert.to_litert(classifier)
    model = litert.LiteRTModel(content)
    facts = {
        "input_shape": model.input_shape,
        "parity": _require_equal(litert.FILE_NAME, model, classifier, images),
    }
    return ConvertedFile(content, facts)


def convert_to_int8(
    classifier: DecodedClassifier,
    model: bytes,
    images: CheckImages,
    representative: np.ndarray,
    representative_name: str,
) -> ConvertedFile:
    """Converts to LiteRT with the network in int8, and compares macro F1.

    Args:
      classifier: The function to convert.
      model: Its conversion in float32, by `litert.to_litert`.
      images: What to compare on.
      representative: Images of a train split, (N, S, S, 3), uint8.
      representative_name: The data set's, for the record.

    Raises:
      RunError: If macro F1 differs from the SavedModel's.
      UsageError: If the package is missing.
    """
    content = litert.to_int8(classifier, model, representative)
    quantized = litert.LiteRTModel(content)
    found = parity.run_batches(quantized, images.pixels)
    return ConvertedFile(
        content,
        {
            "input_shape": quantized.input_shape,
            "quantization": "int8 weights (per channel) and activations",
            "float_operations": litert.float_operations(content),
            "representative_set": {
                "name": representative_name,
                "split": "train",
                "images": len(representative),
            },
            "parity": parity.require_equal_macro_f1(
                litert.INT8_FILE_NAME, found, images
            ),
        },
    )


def write_formats(
    folder: str | os.PathLike,
    classifier: DecodedClassifier,
    files: Mapping[str, ConvertedFile],
    datasets: Mapping[str, str],
) -> None:
    """Writes converted files into an export's folder, each whole or not at all.

    `formats.json` comes last: what its hashes do not fit is of an export broken off.

    Args:
      folder: The version folder.
      classifier: What was converted.
      files: The files by name.
      datasets: Hashes of the data sets compared on, by name.
    """
    folder = pathlib.Path(folder)
    entries = read_formats(folder).get("files", {})
    for name, file in files.items():
        entries[name] = {
            "bytes": len(file.content),
            "sha256": hashlib.sha256(file.content).hexdigest(),
            **file.facts,
            "compared_on": dict(datasets),
            "versions": _versions(),
        }
        write_atomically(folder / name, file.content)
    content = {**describe(classifier), "files": entries}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / FORMATS_FILE_NAME, text)


def read_formats(folder: str | os.PathLike) -> dict[str, Any]:
    """Content of a folder's `formats.json`, of the files that are as it says.

    Empty where there is none.
    """
    folder = pathlib.Path(folder)
    try:
        content = json.loads((folder / FORMATS_FILE_NAME).read_text(encoding="utf-8"))
        files = {
            name: entry
            for name, entry in content["files"].items()
            if hashlib.sha256((folder / name).read_bytes()).hexdigest()
            == entry["sha256"]
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {**content, "files": files}


def describe(classifier: DecodedClassifier) -> dict[str, Any]:
    """What the converted models take and give."""
    size = classifier.image_size
    units = list(classifier.action_units)
    return {
        "classes": list(classifier.classes),
        **({ACTION_UNITS: units} if units else {}),
        "temperature": classifier.temperature,
        "image_size": size,
        "input": {
            "name": INPUT_NAME,
            "shape": [None, size, size, 3],
            "dtype": "uint8",
            "range": [0, 255],
            "channels": "RGB",
        },
        "outputs": {
            name: {"shape": [None, numbers], "dtype": "float32"}
            for name, numbers in classifier.output_sizes.items()
        },
        "preprocessing": {"outside": _OUTSIDE, "inside": _INSIDE},
    }


def _require_equal(
    name: str, model: Any, classifier: DecodedClassifier, images: CheckImages
) -> dict[str, Any]:
    found = parity.run_batches(model, images.pixels)
    compared = parity.require_equal(
        name, found, images.probabilities, images.names, parity.FLOAT_LIMIT
    )
    if not classifier.action_units:
        return compared
    # Of a fixed batch the function takes that many at a time.
    few = images.pixels[: classifier.batch or _UNIT_IMAGES]
    expected = classifier.function(few)[ACTION_UNITS].numpy()
    difference = parity.require_equal_action_units(
        name, model(few)[ACTION_UNITS], expected
    )
    return {**compared, "max_action_unit_difference": difference}


def _versions() -> dict[str, str]:
    found = {"byel_tf": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
