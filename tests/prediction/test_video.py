import struct

import numpy as np
import pytest
from PIL import Image

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.sources.item import Rejected
from byel_tf.prediction.video import read_frames

cv2 = pytest.importorskip("cv2")

SIZE, RATE = (160, 96), 8
# Colours of the quarters: upper left, upper right, lower left, lower right.
QUARTERS = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 0]]])
FIXED = 65536
# Of ISO/IEC 14496-12, 8.3.2: what clockwise turns by these degrees are written as.
MATRICES = {
    90: (0, FIXED, 0, -FIXED, 0, 0, 0, 0, 1 << 30),
    180: (-FIXED, 0, 0, 0, -FIXED, 0, 0, 0, 1 << 30),
    270: (0, -FIXED, 0, FIXED, 0, 0, 0, 0, 1 << 30),
}


@pytest.fixture
def clip(tmp_path):
    """A function that makes a video of 9 frames, to be turned by some degrees."""

    def make(degrees=0):
        path = str(tmp_path / f"{degrees}.mp4")
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), RATE, SIZE)
        if not writer.isOpened():
            pytest.skip("this OpenCV has no encoder for MPEG-4")
        picture = QUARTERS.repeat(48, axis=0).repeat(80, axis=1).astype(np.uint8)
        for _ in range(9):
            writer.write(picture[..., ::-1])
        writer.release()
        if degrees:
            content = bytearray((tmp_path / f"{degrees}.mp4").read_bytes())
            start = content.index(b"tkhd") + 44
            content[start : start + 36] = struct.pack(">9i", *MATRICES[degrees])
            (tmp_path / f"{degrees}.mp4").write_bytes(content)
        return path

    return make


def read(path, step=1):
    return list(read_frames("clip", path, step, ImageLimits()))


def quarters(image):
    small = image.resize((2, 2), Image.Resampling.BOX)
    return np.asarray(small).astype(int)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_stand_upright(clip, degrees):
    (frame, *_) = read(clip(degrees))
    expected = np.rot90(QUARTERS, -degrees // 90)
    assert np.abs(quarters(frame.image) - expected).max() < 40
    assert frame.image.size == (SIZE if degrees in (0, 180) else SIZE[::-1])


class OtherVersion:
    """Stands for OpenCV's reader in versions of other defaults."""

    def __init__(self, turns, obeys):
        self._turns, self._obeys = turns, obeys

    def __call__(self, path, backend):
        self._video = KEPT(path, backend)
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, self._turns)
        return self

    def set(self, name, value):
        return self._obeys and self._video.set(name, value)

    def __getattr__(self, name):
        return getattr(self._video, name)


KEPT = cv2.VideoCapture


@pytest.mark.parametrize(("turns", "obeys"), [(0, True), (1, True), (0, 0), (1, 0)])
def test_frames_stand_upright_whatever_the_version_does(
    clip, monkeypatch, turns, obeys
):
    path = clip(90)
    monkeypatch.setattr(cv2, "VideoCapture", OtherVersion(turns, obeys))
    (frame, *_) = read(path)
    expected = np.rot90(QUARTERS, -1)
    assert np.abs(quarters(frame.image) - expected).max() < 40


def test_times_are_seconds(clip):
    frames = read(clip(), step=3)
    assert [frame.name for frame in frames] == [f"clip#frame={k}" for k in (0, 3, 6)]
    assert [frame.time for frame in frames] == [0, 3 / RATE, 6 / RATE]


def test_too_large(clip):
    (found,) = read_frames("clip", clip(90), 1, ImageLimits(max_pixels=15359))
    assert found == Rejected("clip", "more than 15359 pixels")
