"""Patches for the second network: what the first proposes, and faces nearly aligned."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from byel_tf.detection.finder import candidates, look, propose
from byel_tf.detection.frame import frames_of
from byel_tf.detection.networks import Networks
from byel_tf.detection.pyramid import Pyramid
from byel_tf.detection.training.targets import looking_targets

# Least probability of a proposal that is learned from: less than in detection.
_LEAST = 0.08
# Proposals of a scene, frames about each of its faces, and frames anywhere.
_PROPOSALS, _ALIGNED, _ANYWHERE = 10, 3, 1
# Eye–mouth distances of those, in pixels.
_DISTANCES = (6.0, 32.0)
# Log odds from which a look at no face is an error, from which it is looked at again,
# and below which a face is denied.
_TAKEN, _TAKEN_AGAIN, _DENIED = -1.4, -2.2, -2.2
_AT_ONCE = 64
# Errors of aligned frames, in eye–mouth distances: of the order of a proposal's, and of
# a look's.
_ERRORS = (0.13, 0.05)


@dataclasses.dataclass(frozen=True)
class Patches:
    """Patches and what the second network is to say of them.

    Attributes:
      pixels: uint8 [N, PATCH, PATCH].
      targets: As from `looking_targets`, without those that don't matter.
    """

    pixels: np.ndarray
    targets: np.ndarray

    def __add__(self, other: Patches) -> Patches:
        return Patches(
            np.concatenate([self.pixels, other.pixels]),
            np.concatenate([self.targets, other.targets]),
        )


def cut_patches(
    networks: Networks,
    pixels: np.ndarray,
    points: np.ndarray,
    draws: np.random.Generator,
) -> Patches:
    """Patches of one scene.

    Args:
      networks: Of which the first proposes.
      pixels: uint8 [H, W].
      points: Of the scene's faces, [F, 5, 2].
      draws: Decide the errors of alignment.
    """
    pyramid = Pyramid(Image.fromarray(pixels))
    frames = propose(networks, pyramid, _LEAST)[:_PROPOSALS]
    frames = np.concatenate([frames, _anywhere(pixels.shape, draws)])
    if len(points):
        true = np.repeat(frames_of(points), _ALIGNED, axis=0)
        spread = np.where(draws.random((len(true), 1)) < 0.5, *_ERRORS)
        errors = draws.normal(0, 1, (len(true), 4)) * spread
        errors *= np.hypot(true[:, 2], true[:, 3])[:, None]
        frames = np.concatenate([frames, true + errors * [1, 1, 1.3, 1.3]])
    targets = looking_targets(frames, points)
    matters = targets[:, 0] >= 0
    return Patches(_bytes(pyramid, frames[matters]), targets[matters])


def cut_errors(networks: Networks, pixels: np.ndarray) -> Patches:
    """Patches of a scene without a face that the second network takes for one.

    Args:
      networks: Both.
      pixels: uint8 [H, W].
    """
    pyramid = Pyramid(Image.fromarray(pixels))
    frames = candidates(networks, pyramid, _LEAST)
    odds, points = look(networks, pyramid, frames)
    again = frames_of(points[odds > _TAKEN_AGAIN])
    frames = np.concatenate([frames[odds > _TAKEN], again])
    return Patches(
        _bytes(pyramid, frames), looking_targets(frames, np.zeros((0, 5, 2)))
    )


def recognisable(networks: Networks, patches: Patches) -> Patches:
    """Patches without those of faces that even the network that learned them denies.

    Darkness, noise and what is before them have left nothing of these: who learns them
    learns to see faces everywhere.
    """
    denied = np.zeros(len(patches.pixels), bool)
    for start in range(0, len(denied), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        odds, _ = networks.look(patches.pixels[some])
        denied[some] = (odds < _DENIED) & (patches.targets[some, 0] == 1)
    return Patches(patches.pixels[~denied], patches.targets[~denied])


def _bytes(pyramid: Pyramid, frames: np.ndarray) -> np.ndarray:
    return (pyramid.patches(frames) + 0.5).astype(np.uint8)


def _anywhere(shape: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """Frames of any place, size and roll."""
    middles = draws.uniform(0, 1, (_ANYWHERE, 2)) * shape[::-1]
    distances = np.exp(draws.uniform(*np.log(_DISTANCES), (_ANYWHERE, 1)))
    angles = draws.uniform(-np.pi, np.pi, (_ANYWHERE, 1))
    ways = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    return np.concatenate([middles, distances * ways], axis=1)
