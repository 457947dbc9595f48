import functools

import numpy as np
import pytest
from PIL import Image

from byel_tf.detection.frame import frames_of
from byel_tf.detection.training.drawn import draw_heads
from byel_tf.synthesis.heads.load import BUILT_IN


@pytest.fixture(scope="session")
def heads():
    """Drawn heads of other persons than those that were learned from."""
    return draw_heads((BUILT_IN,), "synthetic", 24, 7001, 1)


@pytest.fixture(scope="session")
def place(heads):
    """A function that puts a drawn head before grey, and says where its points are."""

    @functools.cache
    def make(number, size=(320, 240), scale=1.0, centre=None, roll=0.0, grey=128):
        points = heads.points[number].astype(float)
        middle = frames_of(points[None])[0, :2]
        centre = np.divide(size, 2) if centre is None else np.array(centre)
        angle = np.radians(roll)
        turn = scale * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        back = np.linalg.inv(turn)
        # Pillow takes where each place of the new picture was in the old one.
        shift = middle - back @ centre
        matrix = [*back[0], shift[0], *back[1], shift[1]]
        layers = [
            Image.fromarray(np.ascontiguousarray(layer)).transform(
                size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
            )
            for layer in heads.pictures[number].transpose(2, 0, 1)
        ]
        picture = Image.new("L", size, grey)
        picture.paste(layers[0], (0, 0), layers[1])
        return picture.convert("RGB"), (points - middle) @ turn.T + centre

    return make
