import numpy as np
import pytest

from byel_tf.detection.frame import frames_of, sizes_of
from byel_tf.detection.training.drawn import SIZE, MarkedRenderer, draw_heads
from byel_tf.errors import UsageError
from byel_tf.synthesis import renderer as rendering
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.load import BUILT_IN, load_head
from byel_tf.synthesis.sampling import sample_face


def test_points_are_the_renderers(monkeypatch):
    """What it hands on to draw glasses: marks of the face, its turn and its view."""
    seen = []
    draw_glasses = rendering.draw_glasses

    def spy(picture, depth, face, landmarks, turn, pivot, view):
        marks = (landmarks - pivot) @ turn.T
        seen.append((view.project(marks)[:, :2].astype(float) + 0.5) / len(picture))
        return draw_glasses(picture, depth, face, landmarks, turn, pivot, view)

    monkeypatch.setattr(rendering, "draw_glasses", spy)
    renderer = MarkedRenderer(load_head(BUILT_IN))
    domain = load_domain("synthetic")
    for index in range(3):
        face = sample_face(domain, "surprise", 3, 40 * index)
        renderer.render(face, 96)
        marks = seen.pop() * 96
        expected = [marks[36:42].mean(0), marks[42:48].mean(0), *marks[[30, 48, 54]]]
        np.testing.assert_allclose(renderer.points(face, 96), expected, atol=0.3)


def test_heads_stand_free():
    heads = draw_heads((BUILT_IN,), "synthetic", 5, 1, 1)
    again = draw_heads((BUILT_IN,), "synthetic", 5, 1, 1)
    np.testing.assert_array_equal(heads.pictures, again.pictures)
    np.testing.assert_array_equal(heads.points, again.points)
    assert heads.pictures.shape == (5, SIZE, SIZE, 2)
    sizes = sizes_of(frames_of(heads.points))
    assert np.all((sizes > 0.4 * SIZE) & (sizes < 0.8 * SIZE))
    opacity = heads.pictures[..., 1]
    # The corners above are empty, the face's middle is not.
    assert opacity[:, :3, :3].max() < 10
    for picture, five in zip(opacity, heads.points, strict=True):
        x, y = np.rint(five[3:].mean(axis=0)).astype(int)
        assert picture[y - 2 : y + 3, x - 2 : x + 3].min() > 245
    # Upright: the eyes are above the mouth, and the viewer's left is left.
    assert np.all(heads.points[:, :2, 1] < heads.points[:, 3:, 1].min(axis=1)[:, None])


def test_nothing_is_printed_over_heads(tmp_path):
    pictures = []
    for kind in ("none", "caption"):
        file = tmp_path / kind / "mine.toml"
        file.parent.mkdir()
        file.write_text(f'base = "shifted"\n[print]\nkind = "{kind}"\n')
        pictures.append(draw_heads((BUILT_IN,), str(file), 1, 1, 1).pictures)
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize(
    ("head", "domain", "says"),
    [("nobody", "synthetic", "--head=nobody"), (BUILT_IN, "nowhere", "nowhere")],
)
def test_what_there_is_not(head, domain, says):
    with pytest.raises(UsageError, match=says):
        draw_heads((head,), domain, 2, 1, 1)
