import numpy as np
import pytest

from byel_tf.synthesis.colours import LUMA, hair_colour, skin_colour


def test_melanin_darkens_evenly_in_the_logarithm():
    luminances = [skin_colour(melanin, 0.25) @ LUMA for melanin in (0, 1, 2, 3)]
    assert luminances[0] == pytest.approx(0.63, abs=0.02)
    assert luminances[3] == pytest.approx(0.03, abs=0.02)
    np.testing.assert_allclose(np.diff(np.log(luminances)), -0.91, atol=0.05)


def test_blood_reddens_skin():
    pale, red = skin_colour(0.5, 0.0), skin_colour(0.5, 1.0)
    assert red[0] / red[1] > pale[0] / pale[1]


@pytest.mark.parametrize("luminance", [0.01, 0.1, 0.5])
def test_hair_has_its_luminance_whatever_its_warmth(luminance):
    for warmth in (0.0, 0.5, 1.0):
        assert hair_colour(luminance, warmth) @ LUMA == pytest.approx(luminance)
    grey, red = hair_colour(luminance, 0.0), hair_colour(luminance, 1.0)
    assert np.ptp(grey) == pytest.approx(0)
    assert red[0] > red[1] > red[2]
