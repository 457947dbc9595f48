import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.heads.load import BUILT_IN, load_head
from byel_tf.synthesis.prototype_sheet import plain_face
from byel_tf.synthesis.worn import with_worn


@pytest.fixture(scope="module")
def anatomy():
    return Anatomy(load_head(BUILT_IN))


@pytest.fixture
def dress(anatomy, synthetic):
    """The sheets of a plain face that wears something, and where its eyes are."""
    plain = plain_face(synthetic, "neutral", {}, 0)
    vertices = anatomy.head.vertices
    eyes = vertices[anatomy.head.landmarks[36:48]].mean(axis=0)

    def dressed(own=None, **changes):
        face = dataclasses.replace(
            plain,
            **{
                section: dataclasses.replace(getattr(plain, section), **fields)
                for section, fields in changes.items()
            },
        )
        return with_worn(own, anatomy, face, vertices), eyes

    return dressed


def cover(kind, edge=4.0, brim=5.0, slope=0.0):
    return {
        "accessories": {"head_cover": kind, "cover_luminance": 0.3},
        "headwear": {"edge": edge, "brim": brim, "slope": slope},
    }


def strands(kind, side=0.5, end=1.0):
    return {"strands": {"kind": kind, "side": side, "end": end}}


def test_nothing_worn_is_nothing_added(dress):
    assert dress()[0] is None
    assert dress(accessories={"head_cover": "cap"})[0] is None
    own, _ = dress(**cover("hat"))
    assert dress(own)[0] is own


def test_a_peak_is_before_the_head_and_a_brim_all_round(dress, anatomy):
    nose = anatomy.head.vertices[anatomy.head.landmarks[30], 2]
    for kind, behind in (("visor", False), ("hat", True)):
        cards, eyes = dress(**cover(kind))
        assert cards.casts[cards.layers].all()
        assert cards.points[:, 2].max() > nose + 1
        assert (cards.points[:, 2].min() < -8) == behind
        heights = cards.points[:, 1] - eyes[1]
        assert heights.min() > 3 and heights.max() < 6


def test_headwear_says_how_a_brim_sits(dress):
    low, _ = dress(**cover("hat", edge=3.0))
    high, _ = dress(**cover("hat", edge=5.0))
    np.testing.assert_allclose(
        high.points[:, 1].mean() - low.points[:, 1].mean(), 2.0, atol=0.1
    )
    wide, _ = dress(**cover("hat", brim=7.0))
    narrow, _ = dress(**cover("hat", brim=3.0))
    assert np.ptp(wide.points[:, 0]) > np.ptp(narrow.points[:, 0]) + 4
    falling, _ = dress(**cover("visor", slope=30.0))
    level, _ = dress(**cover("visor"))
    assert falling.points[:, 1].min() < level.points[:, 1].min() - 1.5


def test_a_hood_goes_round_the_face(dress, anatomy):
    cards, eyes = dress(**cover("hood"))
    face = anatomy.head.vertices[anatomy.head.landmarks[:17]]
    inner = cards.points.reshape(-1, 4, 3)[:, 0]
    assert inner[:, 0].max() > face[:, 0].max() - 1
    assert inner[:, 1].min() < face[:, 1].min() and inner[:, 1].max() > eyes[1] + 6


@pytest.mark.parametrize("side", [-0.6, 0.6])
def test_locks_fall_where_they_should(dress, side):
    fringe, eyes = dress(**strands("fringe", side, end=1.5))
    x, y = fringe.points[:, 0], fringe.points[:, 1] - eyes[1]
    assert x.min() < -4 and x.max() > 4 and 0 < y.min() < 2.5
    lock, _ = dress(**strands("lock", side))
    ends = lock.points.reshape(-1, 9, 3, 3)[:, -1].mean(axis=(0, 1))
    assert np.sign(ends[0]) == np.sign(side)
    curtain, _ = dress(**strands("curtain", side))
    x, y = curtain.points[:, 0] * np.sign(side), curtain.points[:, 1] - eyes[1]
    assert x.min() > -1 and y.min() < -6


def test_locks_lie_before_the_skin(dress, anatomy):
    cards, _ = dress(**strands("fringe"))
    front = anatomy.head.vertices[anatomy.face]
    for point in cards.points[::5]:
        near = np.hypot(*(front[:, :2] - point[:2]).T) < 0.3
        if near.any():
            assert point[2] > front[near, 2].max() - 0.4


@pytest.mark.parametrize(
    "changes", [{"accessories": {"head_cover": "scarf"}}, {"hair": {"cover": 0.0}}]
)
def test_no_locks_without_hair_that_is_seen(dress, changes):
    assert dress(**strands("fringe"), **changes)[0] is None


def test_joined_with_a_persons_own_sheets(dress):
    """Somebody with sheets of hair, as MakeHuman's people have."""
    own, _ = dress(**strands("fringe"))
    bald = {"hair": {"cover": 0.0}}  # hair is on their own sheets
    both, _ = dress(own, **strands("lock"), **bald)
    count = len(own.points)
    np.testing.assert_array_equal(both.points[:count], own.points)
    np.testing.assert_array_equal(both.pictures[:2], own.pictures)
    assert both.triangles.max() == len(both.points) - 1
    assert both.triangles[len(own.triangles) :].min() == count
    assert set(both.layers) == {1, 3}
    assert len(both.colours) == len(both.pictures) == len(both.sizes) == 4
