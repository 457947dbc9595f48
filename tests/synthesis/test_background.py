import numpy as np
import pytest

from byel_tf.synthesis.background import draw_background
from byel_tf.synthesis.face import Background

PLAIN = {
    "kind": "plain", "luminance": 0.4, "contrast": 0.6, "colourfulness": 0.0,
    "blur": 1.0, "grain": 0.0,
}  # fmt: skip


def drawn(seed=0, size=90, **changes):
    background = Background(**{**PLAIN, **changes})
    return draw_background(background, size, np.random.default_rng(seed))


def test_plain():
    np.testing.assert_allclose(drawn(), 0.4, atol=1e-6)


@pytest.mark.parametrize("kind", ["gradient", "shapes"])
def test_varied_ones_differ_and_stay_in_range(kind):
    first, second = drawn(0, kind=kind), drawn(1, kind=kind)
    assert first.shape == (90, 90, 3) and first.dtype == np.float32
    assert min(first.min(), second.min()) >= 0
    assert max(first.max(), second.max()) <= 1
    assert first.std() > 0.02
    assert np.abs(first - second).max() > 0.05
    np.testing.assert_array_equal(first, drawn(0, kind=kind))


def test_grain_and_colour():
    assert drawn(grain=0.1).std() > 0.02
    assert np.ptp(drawn(colourfulness=1.0), axis=2).max() > 0.05
