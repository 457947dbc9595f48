import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.printing import print_over
from byel_tf.synthesis.prototype_sheet import plain_face


@pytest.fixture
def printed(synthetic):
    """Prints over a grey picture; what differs from it."""
    plain = plain_face(synthetic, "neutral", {}, 0)

    def differing(seed=1, side=64, **fields):
        chosen = {"opacity": 0.5, "luminance": 1.0, "size": 0.1, "x": 0.0, "y": 0.2,
                  "angle": 0.0, **fields}  # fmt: skip
        face = dataclasses.replace(
            plain,
            texture_seed=seed,
            print=dataclasses.replace(plain.print, **chosen),
        )
        picture = np.full((side, side, 3), 0.4, np.float32)
        print_over(picture, face)
        return picture - np.float32(0.4)

    return differing


def rows(change):
    return np.flatnonzero(np.abs(change).max(axis=(1, 2)) > 0.02)


def test_nothing_where_nothing_is_printed(printed):
    assert not printed(kind="none").any()


def test_a_watermark_lets_the_picture_through(printed):
    change = printed(kind="watermark", seed=2)
    assert 0.1 < change.max() <= 0.3 + 1e-6  # half of the way to white
    assert change.min() >= 0
    assert printed(kind="watermark", seed=2, luminance=0.0).min() == pytest.approx(
        -change.max() * 0.4 / 0.6, abs=1e-5
    )


def test_a_watermark_is_where_it_says(printed):
    # Lines of some go across the picture: the middle of what is printed counts.
    for seed in range(6):
        low = np.abs(printed(kind="watermark", seed=seed, y=0.35)).sum(axis=(1, 2))
        high = np.abs(printed(kind="watermark", seed=seed, y=-0.35)).sum(axis=(1, 2))
        row = np.arange(64)
        assert (low @ row) / low.sum() > (high @ row) / high.sum() + 10


def test_letters_are_of_the_size_and_turn_that_are_asked_for(printed):
    # Seed 2 has letters alone.
    small = rows(printed(kind="watermark", seed=2, size=0.06))
    large = rows(printed(kind="watermark", seed=2, size=0.16))
    turned = rows(printed(kind="watermark", seed=2, size=0.06, angle=40.0))
    assert np.ptp(large) > 1.5 * np.ptp(small)
    assert np.ptp(turned) > 2 * np.ptp(small)


@pytest.mark.parametrize(("y", "side"), [(-0.2, slice(0, 20)), (0.2, slice(44, 64))])
def test_a_caption_is_at_an_edge_with_an_edge_of_its_own(printed, y, side):
    change = printed(kind="caption", y=y)
    assert set(rows(change)) <= set(range(64)[side])
    assert change.max() > 0.3 and change.min() < -0.2


def test_the_face_decides_the_letters(printed):
    one, same, other = (printed(kind="caption", seed=seed) for seed in (1, 1, 5))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.3
