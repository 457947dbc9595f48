import pytest

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.drawing import renderer
from byel_tf.synthesis.heads.load import BUILT_IN


@pytest.fixture(scope="session")
def draw():
    """The renderer of the built-in head."""
    return renderer(BUILT_IN)


@pytest.fixture(scope="session")
def synthetic():
    return load_domain("synthetic")
