import numpy as np
import pytest

from byel_tf.detection.frame import PATCH
from byel_tf.detection.networks import LOOKED_UNIT, USUAL_POINTS, Networks, shapes
from byel_tf.detection.training.patches import (
    Patches,
    cut_errors,
    cut_patches,
    recognisable,
)


@pytest.fixture(scope="module")
def networks():
    """The first proposes nothing; the second takes bright patches' places for faces."""
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes().items()}
    weights["propose/bias"][0] = -9
    return Networks(weights)


def test_faces_are_cut_out_nearly_aligned(networks):
    """A bright dot on each of the face's points comes to lie where targets say."""
    pixels = np.full((128, 128), 40, np.uint8)
    points = USUAL_POINTS * 24 + [64, 60]
    for x, y in points.round().astype(int):
        pixels[y - 2 : y + 2, x - 2 : x + 2] = 250
    draws = np.random.default_rng(1)
    patches = cut_patches(networks, pixels, points.round()[None], draws)
    assert patches.pixels.shape[1:] == (PATCH, PATCH)
    assert patches.pixels.dtype == np.uint8
    faces = patches.targets[:, 0] == 1
    assert faces.sum() >= 2
    assert set(patches.targets[:, 0].tolist()) <= {0.0, 1.0}
    for patch, target in zip(
        patches.pixels[faces], patches.targets[faces], strict=True
    ):
        places = USUAL_POINTS + target[1:11].reshape(5, 2) * LOOKED_UNIT
        x, y = np.floor(places * PATCH / 3 + PATCH / 2).astype(int).T
        assert (patch[y, x] > 150).sum() >= 4
        assert patch.mean() < 90


def test_errors_are_what_is_taken_for_faces(networks):
    pixels = np.random.default_rng(2).integers(256, size=(128, 128), dtype=np.uint8)
    # All odds are 0: each of the frames for faces that fill the picture, and what a
    # second look at it shows.
    errors = cut_errors(networks, pixels)
    assert len(errors.pixels) == 10
    assert not errors.targets.any()
    sure = {name: np.zeros(shape, np.float32) for name, shape in shapes().items()}
    sure["propose/bias"][0] = sure["look/bias"][0] = -9
    none = cut_errors(Networks(sure), pixels)
    assert none.pixels.shape == (0, PATCH, PATCH)
    assert none.targets.shape == (0, 12)


def test_faces_that_nobody_sees_are_left_out():
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes().items()}
    weights["look/bias"][0] = -3
    targets = np.zeros((4, 12), np.float32)
    targets[1:3, 0] = 1
    pixels = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones(
        (1, PATCH, PATCH), np.uint8
    )
    left = recognisable(Networks(weights), Patches(pixels, targets))
    np.testing.assert_array_equal(left.pixels[:, 0, 0], [0, 3])
    weights["look/bias"][0] = -2
    assert len(recognisable(Networks(weights), Patches(pixels, targets)).pixels) == 4
