"""Images and uniforms that every augmentation test uses."""

import numpy as np
import pytest


@pytest.fixture
def generator():
    return np.random.default_rng(20220710)


@pytest.fixture
def make_images(generator):
    """Float images in [0, 1], black and white included: noise, the hardest case."""

    def make(batch=5, height=12, width=10, channels=3):
        images = generator.random((batch, height, width, channels))
        images[:, 0, 0] = 0.0
        images[:, 0, 1] = 1.0
        images[:, 1, 0] = 0.5
        return images.astype(np.float32)

    return make
