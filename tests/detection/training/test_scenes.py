import numpy as np
import pytest

from byel_tf.detection.frame import frames_of, sizes_of
from byel_tf.detection.training.clutter import draw_clutter
from byel_tf.detection.training.drawn import SIZE, DrawnHeads
from byel_tf.detection.training.photograph import photograph
from byel_tf.detection.training.scene_sets import draw_scenes, save_heads
from byel_tf.detection.training.scenes import SCENE, Scenes

POINTS = np.array([[42, 42], [70, 42], [56, 57], [45, 73], [67, 73]], np.float32)


@pytest.fixture(scope="module")
def heads():
    """A dark disc with five bright points, one of another grey each."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    grey = np.full((SIZE, SIZE), 30.0)
    for (px, py), value in zip(POINTS, (150, 130, 110, 90, 70), strict=True):
        grey[np.hypot(x - px, y - py) < 5] = value
    opacity = 255.0 * (np.hypot(x - 56, y - 56) < 50)
    pictures = np.stack([grey, opacity], axis=-1).astype(np.uint8)[None]
    return DrawnHeads(pictures.repeat(3, axis=0), POINTS[None].repeat(3, axis=0))


def test_a_scene_depends_on_its_number_alone(heads):
    scene = Scenes(heads, 4)[7]
    other = Scenes(heads, 4)
    assert other[6].pixels.tobytes() != scene.pixels.tobytes()
    again = other[7]
    np.testing.assert_array_equal(again.pixels, scene.pixels)
    np.testing.assert_array_equal(again.points, scene.points)
    assert Scenes(heads, 5)[7].pixels.tobytes() != scene.pixels.tobytes()


def test_faces_are_where_their_points_say(heads, monkeypatch):
    """Points are brighter than what is around them, whatever the roll and mirror."""
    place = "byel_tf.detection.training.scenes."
    monkeypatch.setattr(place + "photograph", lambda p, _: p.astype(np.uint8))
    monkeypatch.setattr(place + "_hide", lambda *_: None)
    monkeypatch.setattr(place + "draw_clutter", lambda n, _: np.full((n, n), 30, "f4"))
    scenes, seen, rolls, counts = Scenes(heads, 1), [], [], []
    for number in range(60):
        scene = scenes[number]
        assert scene.pixels.shape == (SCENE, SCENE)
        assert scene.pixels.dtype == np.uint8
        counts.append(len(scene.points))
        frames = frames_of(scene.points)
        rolls += np.arctan2(-frames[:, 2], frames[:, 3]).tolist()
        for five, size in zip(scene.points, sizes_of(frames), strict=True):
            if size < 30 or five.min() < 3 or five.max() > SCENE - 4:
                continue
            column, row = five.astype(int).T
            seen.append(scene.pixels[row, column].astype(float))
    seen = np.array(seen)
    assert len(seen) > 20
    # Eyes, nose and mouth from bright to dark, in each: left and right keep theirs, or
    # change places together with the mirror.
    assert (seen[:, :2].min(axis=1) > seen[:, 2]).mean() > 0.95
    assert (seen[:, 2] > seen[:, 3:].max(axis=1)).mean() > 0.95
    straight = seen[:, 0] > seen[:, 1]
    np.testing.assert_array_equal(straight, seen[:, 3] > seen[:, 4])
    assert 0.2 < straight.mean() < 0.8
    assert np.degrees(np.abs(rolls)).max() > 60
    assert min(counts) == 0
    assert max(counts) >= 4


def test_without_faces(heads):
    scenes = Scenes(heads, 1, faces=False)
    assert all(scenes[number].points.shape == (0, 5, 2) for number in range(20))


def test_processes_draw_the_same(heads, tmp_path):
    save_heads(heads, tmp_path)
    drawn = draw_scenes(tmp_path, 5, 3, 1)
    alone = Scenes(heads, 3)
    for number, scene in enumerate(drawn):
        np.testing.assert_array_equal(scene.pixels, alone[number].pixels)
        np.testing.assert_array_equal(scene.points, alone[number].points)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_clutter(size):
    drawn = [draw_clutter(size, np.random.default_rng(i)) for i in range(60)]
    again = [draw_clutter(size, np.random.default_rng(i)) for i in range(3)]
    for picture in drawn:
        assert (picture.shape, picture.dtype) == ((size, size), np.float32)
        assert picture.min() >= 0
        assert picture.max() <= 255
    for one, other in zip(drawn, again, strict=False):
        np.testing.assert_array_equal(one, other)
    assert np.std([picture.mean() for picture in drawn]) > 20


def test_photographs_are_bytes_of_the_same_size():
    picture = np.linspace(-20, 300, 64 * 48).reshape(48, 64).astype(np.float32)
    for i in range(60):
        pixels = photograph(picture, np.random.default_rng(i))
        assert (pixels.shape, pixels.dtype) == ((48, 64), np.uint8)
        # What was brighter stays so.
        assert pixels[-8:].mean() > pixels[:8].mean()
