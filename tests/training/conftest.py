import functools

import pytest

from tests.models.conftest import make_byel, make_classifier  # noqa: F401


@pytest.fixture(scope="session")
def faces(tmp_path_factory, prepare_pictures):
    """A small prepared data set with all three splits."""
    path = tmp_path_factory.mktemp("data") / "faces"
    return prepare_pictures(path, train=36, validation=12, test=12)


@pytest.fixture(scope="session")
def stage_runs(faces, tmp_path_factory, tiny_encoder):
    """A function from a stage's name and a number of replicas to its runs.

    Tracing takes seconds: every test gets the same model.
    """
    from tests.training.stage_runs import StageRuns

    @functools.cache
    def make(name, replicas=1):
        folder = tmp_path_factory.mktemp("unused")
        return StageRuns(name, faces, folder, tiny_encoder, replicas)

    return make
