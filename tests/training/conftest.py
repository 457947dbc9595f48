import pytest

from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.synthesis.dataset import synthesize
from byel_tf.synthesis.domains import DOMAINS


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """A small prepared data set with all three splits."""
    path = tmp_path_factory.mktemp("data") / "faces"
    synthesize(
        path,
        domain=DOMAINS["synthetic"],
        count=60,
        classes=DEFAULT_CLASSES,
        size=16,
        seed=1,
        shares={"train": 0.6, "validation": 0.2, "test": 0.2},
        workers=1,
    )
    return path
