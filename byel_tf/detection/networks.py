"""The detector's two networks, in NumPy.

The first proposes frames wherever it is shown a picture, one for each 8 pixels; the
second looks at an upright patch, says whether it is a face, and where its points are.
`byel_tf.detection.training.models` makes the same networks for learning.
"""

from __future__ import annotations

import numpy as np

from byel_tf.detection.frame import PATCH
from byel_tf.detection.layers import convolve, probability
from byel_tf.detection.pyramid import STRIDE

#: Outputs and stride of each convolution of 3 x 3, of the first network and the second.
PROPOSING = ((12, 2), (24, 2), (32, 1), (48, 2), (48, 1), (64, 1))
LOOKING = ((16, 2), (24, 1), (48, 2), (48, 1), (80, 2), (96, 2))
#: Width of the second network's dense layer.
DENSE = 96
#: Sides of faces that the first network is to find, in pixels of what it is shown.
SMALLEST, LARGEST = 15.0, 36.0
#: Of the first network's ways, in pixels; of the second's, in eye–mouth distances.
PROPOSED_UNIT, LOOKED_UNIT = 8.0, 0.25
#: Where the points of an average face lie in a patch, in eye–mouth distances.
USUAL_POINTS = np.array(
    [[-0.45, -0.5], [0.45, -0.5], [0.0, 0.08], [-0.36, 0.5], [0.36, 0.5]]
)


class Networks:
    """Both networks."""

    def __init__(self, weights: dict[str, np.ndarray]):
        """Takes weights by name, as `names` lists them."""
        self._weights = {n: w.astype(np.float32) for n, w in weights.items()}

    def propose(self, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frames of faces, one for each place.

        Args:
          level: uint8 [H, W], multiples of `STRIDE`.

        Returns:
          Probability of a face [N], and frames [N, 4] in its pixels.
        """
        x = normalized_level(level)[None, ..., None]
        x = self._convolved("propose", x, PROPOSING)
        y = self._dense("propose", x[0].reshape(-1, x.shape[-1]))
        rows, columns = x.shape[1:3]
        return probability(y[:, 0]), cells(rows, columns) + y[:, 1:] * PROPOSED_UNIT

    def look(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether patches are faces.

        Args:
          patches: [N, PATCH, PATCH].

        Returns:
          Log odds of a face [N], and points [N, 5, 2] in eye–mouth distances from the
          patch's middle.
        """
        x = normalized_patches(patches)[..., None]
        x = self._convolved("look", x, LOOKING).reshape(len(patches), -1)
        y = self._dense("look", np.maximum(self._dense("hidden", x), 0))
        points = y[:, 1:].reshape(-1, 5, 2) * LOOKED_UNIT
        return y[:, 0], USUAL_POINTS + points

    def _convolved(self, name: str, x: np.ndarray, layers) -> np.ndarray:
        for i, (_, stride) in enumerate(layers):
            kernel = self._weights[f"{name}/{i}/kernel"]
            x = convolve(x, kernel, self._weights[f"{name}/{i}/bias"], stride)
        return x

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]


def shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of all weights by name."""
    known = {}
    for name, layers in (("propose", PROPOSING), ("look", LOOKING)):
        channels = 1
        for i, (outputs, _) in enumerate(layers):
            known[f"{name}/{i}/kernel"] = (3, 3, channels, outputs)
            known[f"{name}/{i}/bias"] = (outputs,)
            channels = outputs
    side = PATCH // np.prod([stride for _, stride in LOOKING])
    for name, inputs, outputs in (
        ("propose", PROPOSING[-1][0], 5),
        ("hidden", int(side * side) * LOOKING[-1][0], DENSE),
        ("look", DENSE, 11),
    ):
        known[f"{name}/kernel"] = (inputs, outputs)
        known[f"{name}/bias"] = (outputs,)
    return known


def cells(rows: int, columns: int) -> np.ndarray:
    """What the first network's outputs are added to: its places' middles, [N, 4]."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    places = np.stack([x + 0.5, y + 0.5], axis=1) * STRIDE
    return np.concatenate([places, np.zeros_like(places)], axis=1)


def normalized_level(level: np.ndarray) -> np.ndarray:
    """Bytes as the first network takes them."""
    return (level.astype(np.float32) - 127.5) / 64


def normalized_patches(patches: np.ndarray) -> np.ndarray:
    """Patches [N, PATCH, PATCH] with mean 0 and deviation 1; nearly plain ones less."""
    patches = patches.astype(np.float32)
    patches = patches - patches.mean(axis=(1, 2), keepdims=True)
    return patches / (patches.std(axis=(1, 2), keepdims=True) + 4)
