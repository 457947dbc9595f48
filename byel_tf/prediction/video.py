"""Frames of video files, by OpenCV's own FFmpeg."""

from __future__ import annotations

import dataclasses
import math
import os
import stat
from collections.abc import Iterator

from PIL import Image

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.sources.item import Rejected

_SUFFIXES = frozenset(
    (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
)
# By how much a frame is to be turned clockwise, as phones note it, and how Pillow does.
_TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
# Headers often estimate the number of frames.
_TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
      name: The video's, and the frame's number from 0: `clip.mp4#frame=120`.
      image: The upright picture, RGB.
      time: Seconds from the video's start, as the file states them.
    """

    name: str
    image: Image.Image
    time: float


def is_video(path: str) -> bool:
    """Whether a file is a video, by its name."""
    return os.path.splitext(path)[1].casefold() in _SUFFIXES


def read_frames(
    name: str, path: str, step: int, limits: ImageLimits
) -> Iterator[Frame | Rejected]:
    """Every `step`th frame of a video, from the first.

    Args:
      name: What to call it.
      path: The file.
      step: Frames from one to the next.
      limits: How many pixels a frame may have; bytes of the file are not limited.

    Yields:
      The frames, or why there is none; and last, whether many are missing.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            yield Rejected(name, "not a regular file")
            return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file has such a name"
        yield Rejected(name, f"cannot be read: {reason}")
        return
    import cv2  # needs a quarter of a second

    # Their own reports of broken files would stand between the progress lines.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    logging = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # from 4.13 on
    logging.setLogLevel(0)
    # Other backends take names of files for cameras or for series of pictures.
    video = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        yield from _frames(video, name, step, limits)
    except cv2.error as error:
        yield Rejected(name, f"cannot be decoded: {' '.join(str(error).split())}")
    finally:
        video.release()


def _frames(video, name: str, step: int, limits: ImageLimits):
    import cv2

    if not video.isOpened():
        yield Rejected(name, "cannot be decoded as a video")
        return
    sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    if math.prod(map(video.get, sides)) > limits.max_pixels:
        yield Rejected(name, f"more than {limits.max_pixels} pixels")
        return
    # Versions differ in whether they turn frames unasked: 4.11 does not.
    video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    is_turned = bool(video.get(cv2.CAP_PROP_ORIENTATION_AUTO))
    degrees = 0 if is_turned else round(video.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
    promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
    number = 0
    while video.grab():
        if number % step == 0:
            found, picture = video.retrieve()
            frame = f"{name}#frame={number}"
            if found:
                image = Image.fromarray(picture[..., ::-1].copy())
                if degrees in _TURNS:
                    image = image.transpose(_TURNS[degrees])
                time = round(video.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                yield Frame(frame, image, time)
            else:
                yield Rejected(frame, "cannot be decoded")
        number += 1
    if number == 0:
        yield Rejected(name, "cannot be decoded: no frame")
    elif number < (1 - _TOLERANCE) * promised - 1:
        reason = f"the video ends here; its header promises {promised:.0f} frames"
        yield Rejected(f"{name}#frame={number}", reason)
