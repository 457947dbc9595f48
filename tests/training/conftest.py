import pytest


@pytest.fixture(scope="session")
def faces(tmp_path_factory, prepare_pictures):
    """A small prepared data set with all three splits."""
    path = tmp_path_factory.mktemp("data") / "faces"
    return prepare_pictures(path, train=36, validation=12, test=12)
