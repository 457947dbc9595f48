"""The three networks of the MTCNN face detector, in NumPy.

"Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
Zhang et al., arXiv 1604.02878. The weights are those that the package mtcnn carries;
its own code needs TensorFlow, and with it seconds and 500 to 800 MB in every process.

Pictures are float32 [N, H, W, 3], RGB, normalised to (value - 127.5) / 128. Boxes are
to be corrected by offsets of left, top, right and bottom, in shares of the side.
"""

import functools
import hashlib
import importlib.metadata
import io
import math

import numpy as np

from byel_tf.errors import RunError

PACKAGE = "mtcnn==1.0.0"
#: Side of the windows of the first network, and pixels from one to the next.
PROPOSAL_WINDOW, PROPOSAL_STRIDE = 12, 2

# The files of its weights, in the order of the networks.
_SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


class Networks:
    """The networks with their weights."""

    def __init__(self):
        """Reads the weights from the installed package, without importing it.

        Raises:
          RunError: If the package is not installed, or another version.
        """
        self._proposal, self._refinement, self._output = _read_weights()

    def propose(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks at every window of 12 pixels, `PROPOSAL_STRIDE` pixels apart.

        Args:
          pictures: [N, H, W, 3], H and W from 12.

        Returns:
          Probability of a face, [N, rows, columns], and offsets [N, rows, columns, 4].
        """
        w = self._proposal
        x = _pool(_prelu(_convolve(pictures, *w[:2]), w[2]), 2, pad=True)
        x = _prelu(_convolve(x, *w[3:5]), w[5])
        x = _prelu(_convolve(x, *w[6:8]), w[8])
        return _second_of_two(_convolve(x, *w[11:13])), _convolve(x, *w[9:11])

    def refine(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks at windows of 24 pixels.

        Args:
          pictures: [N, 24, 24, 3].

        Returns:
          Probability of a face, [N], and offsets [N, 4].
        """
        w = self._refinement
        x = _pool(_prelu(_convolve(pictures, *w[:2]), w[2]), 3, pad=True)
        x = _pool(_prelu(_convolve(x, *w[3:5]), w[5]), 3, pad=False)
        x = _prelu(_convolve(x, *w[6:8]), w[8])
        x = _prelu(_flatten(x) @ w[9] + w[10], w[11])
        return _second_of_two(x @ w[14] + w[15]), x @ w[12] + w[13]

    def locate(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Looks at windows of 48 pixels, and for five points in each.

        Args:
          pictures: [N, 48, 48, 3].

        Returns:
          Probability of a face, [N], offsets [N, 4], and points [N, 5, 2]: x and y, in
          shares of the side, of the left and right eye, the nose, and the left and
          right corner of the mouth.
        """
        w = self._output
        x = _pool(_prelu(_convolve(pictures, *w[:2]), w[2]), 3, pad=True)
        x = _pool(_prelu(_convolve(x, *w[3:5]), w[5]), 3, pad=False)
        x = _pool(_prelu(_convolve(x, *w[6:8]), w[8]), 2, pad=True)
        x = _prelu(_convolve(x, *w[9:11]), w[11])
        x = _prelu(_flatten(x) @ w[12] + w[13], w[14])
        points = x @ w[17] + w[18]
        return (
            _second_of_two(x @ w[19] + w[20]),
            x @ w[15] + w[16],
            points.reshape(len(x), 2, 5).transpose(0, 2, 1),
        )


def _read_weights() -> list[list[np.ndarray]]:
    """Weights of the three networks, in the order of their layers."""
    advice = f"finding faces needs the package mtcnn: pip install {PACKAGE}"
    try:
        import joblib
        import lz4.frame

        package = importlib.metadata.distribution("mtcnn")
        weights = []
        for name, expected in _SHA256.items():
            path = package.locate_file(f"mtcnn/assets/weights/{name}.lz4")
            content = path.read_bytes()
            # They are pickles, which can run code: none but the known ones is opened.
            if hashlib.sha256(content).hexdigest() != expected:
                raise RunError(f"{advice} ({path} is another file than {PACKAGE}'s)")
            content = lz4.frame.decompress(content)
            weights.append(joblib.load(io.BytesIO(content)))
    except importlib.metadata.PackageNotFoundError as error:
        raise RunError(f"{advice} (it is not installed)") from error
    except (ImportError, OSError) as error:
        raise RunError(f"{advice} ({error})") from error
    return weights


def _convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Cross-correlation of [N, H, W, C] with [h, w, C, O], without padding."""
    height, width, channels, outputs = kernel.shape
    count, rows, columns, _ = x.shape
    # Columns and channels as one axis, so that whole rows of a window are copied.
    windows = np.lib.stride_tricks.sliding_window_view(
        x.reshape(count, rows, columns * channels),
        (height, width * channels),
        axis=(1, 2),
    )[:, :, ::channels]
    y = windows.reshape(-1, height * width * channels) @ kernel.reshape(-1, outputs)
    y += bias
    return y.reshape(count, rows - height + 1, columns - width + 1, outputs)


def _prelu(x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Values where positive, else times their channel's slope."""
    return np.maximum(x, 0) + slopes.reshape(-1) * np.minimum(x, 0)


def _pool(x: np.ndarray, size: int, *, pad: bool) -> np.ndarray:
    """Largest values of windows of `size` that are 2 apart; padded, no edge is lost."""
    lengths = [-(-n // 2) if pad else (n - size) // 2 + 1 for n in x.shape[1:3]]
    reached = [2 * length - 2 + size for length in lengths]
    missing = [max(0, r - n) for r, n in zip(reached, x.shape[1:3], strict=True)]
    x = np.pad(
        x,
        ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)),
        constant_values=-np.inf,
    )
    rows, columns = (slice(2 * length - 1) for length in lengths)
    shifted = [
        x[:, i:, j:][:, rows, columns][:, ::2, ::2]
        for i in range(size)
        for j in range(size)
    ]
    return functools.reduce(np.maximum, shifted)


def _flatten(x: np.ndarray) -> np.ndarray:
    """[N, H, W, C] to [N, W·H·C]: the weights come from column-major Matlab."""
    return x.transpose(0, 2, 1, 3).reshape(len(x), math.prod(x.shape[1:]))


def _second_of_two(logits: np.ndarray) -> np.ndarray:
    """Softmax of two classes, probability of the second."""
    return 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
