import numpy as np
import pytest
from PIL import Image

from byel_tf.detection.frame import PATCH, PATCH_SIDE
from byel_tf.detection.pyramid import AROUND, STRIDE, Pyramid, padded

DISTANCE = PATCH / PATCH_SIDE  # of a face whose patch has the picture's own pixels
PIXELS = np.random.default_rng(1).integers(256, size=(90, 120), dtype=np.uint8)


def patch(pixels, frame):
    return Pyramid(Image.fromarray(pixels)).patches(np.array([frame], float))[0]


def test_an_upright_patch_is_a_slice():
    cut = patch(PIXELS, [60, 40, 0, DISTANCE])
    np.testing.assert_allclose(cut, PIXELS[16:64, 36:84], atol=1e-3)


def test_a_patch_is_turned_upright():
    """A face that lies with its eyes to the right."""
    cut = patch(PIXELS, [60, 40, -DISTANCE, 0])
    np.testing.assert_allclose(cut, np.rot90(PIXELS[16:64, 36:84]), atol=1e-3)


def test_beyond_the_picture_its_edge_is_repeated():
    cut = patch(PIXELS, [4, 4, 0, DISTANCE])
    around = np.pad(PIXELS, 24, mode="edge")
    np.testing.assert_allclose(cut, around[4:52, 4:52], atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (13, 400), (48, 48), (333, 200)])
def test_sizes(size):
    pyramid = Pyramid(Image.new("L", size, 77))
    sides = [level.shape for level in pyramid.levels]
    assert sides[0] == size[::-1]
    for larger, smaller in zip(sides, sides[1:], strict=False):
        assert smaller[0] <= larger[0]
        assert smaller[1] <= larger[1]
    assert min(size) < 12 or 12 <= min(sides[-1]) + 1 < 19
    for level in pyramid.levels:
        whole = padded(level)
        assert all(length % STRIDE == 0 for length in whole.shape)
        assert (whole == 77).all()
        np.testing.assert_array_equal(
            whole[AROUND : AROUND + level.shape[0], AROUND : AROUND + level.shape[1]],
            level,
        )


def test_large_faces_are_cut_out_of_small_sizes():
    """What is seen of one is smooth, not single pixels far from each other."""
    noise = np.random.default_rng(2).integers(256, size=(400, 400), dtype=np.uint8)
    cut = patch(noise, [200, 200, 0, 8 * DISTANCE])
    assert abs(cut.mean() - 127) < 5
    assert cut.std() < 25
