"""Weights of the detector's networks: one small file without pickles."""

from __future__ import annotations

import hashlib
import io
import pathlib
import zipfile

import numpy as np

from byel_tf.detection.networks import shapes
from byel_tf.errors import RunError

#: The file that the package ships, and its SHA-256; docs/detector.md says what made it.
SHIPPED = pathlib.Path(__file__).with_name("weights.npz")
SHIPPED_SHA256 = "f21cbca8fc79e15ec80a8c24cd8dc7bc83a62fd158a54bdde780dea173e2aaf2"


def shipped_weights() -> dict[str, np.ndarray]:
    """The weights that the package ships.

    Raises:
      RunError: If the file is not there, or is another.
    """
    try:
        content = SHIPPED.read_bytes()
    except OSError as error:
        raise RunError(
            f"cannot read {SHIPPED}: {error.strerror}: install byel_tf again"
        ) from error
    if hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
        raise RunError(
            f"{SHIPPED} is not what this version ships: install byel_tf again"
        )
    return parse_weights(content, str(SHIPPED))


def parse_weights(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Weights from a file's content.

    Args:
      content: As from `weights_file`.
      name: What messages call it.

    Raises:
      RunError: If the content is something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            weights = {key: arrays[key] for key in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise RunError(f"{name} holds no weights of a face detector") from error
    if {key: array.shape for key, array in weights.items()} != shapes():
        raise RunError(
            f"{name} holds the weights of another network than this version's"
        )
    return weights


def weights_file(weights: dict[str, np.ndarray]) -> bytes:
    """The content of a file; equal weights give equal bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in shapes():
            array = io.BytesIO()
            np.lib.format.write_array(
                array, weights[key].astype(np.float16), allow_pickle=False
            )
            # A date of its own, or the file would differ each time.
            entry = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, array.getvalue(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
