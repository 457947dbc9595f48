import importlib.metadata
import sys
from unittest import mock

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.faces.networks import PROPOSAL_STRIDE, PROPOSAL_WINDOW, Networks


@pytest.fixture(scope="module")
def stages():
    """The Keras models of the package whose weights are read."""
    from mtcnn import MTCNN

    return [stage.model for stage in MTCNN().stages]


@pytest.fixture
def pictures(rng):
    def make(*shape):
        return rng.normal(0, 0.5, (*shape, 3)).astype(np.float32)

    return make


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-6)


# lz4 leaves a reader behind that complains.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_networks_are_the_packages(stages, pictures):
    networks = Networks()
    for shape in ((12, 12), (33, 40), (40, 33), (101, 100)):
        images = pictures(2, *shape)
        offsets, scores = (x.numpy() for x in stages[0](images))
        ours = networks.propose(images)
        assert_same(ours[0], scores[..., 1])
        assert_same(ours[1], offsets)
        windows = (np.array(shape) - PROPOSAL_WINDOW + 1) // PROPOSAL_STRIDE
        assert np.abs(ours[0].shape[1:] - windows).max() <= 1

    images = pictures(5, 24, 24)
    offsets, scores = (x.numpy() for x in stages[1](images))
    ours = networks.refine(images)
    assert_same(ours[0], scores[:, 1])
    assert_same(ours[1], offsets)

    images = pictures(5, 48, 48)
    offsets, points, scores = (x.numpy() for x in stages[2](images))
    ours = networks.locate(images)
    assert_same(ours[0], scores[:, 1])
    assert_same(ours[1], offsets)
    assert_same(ours[2], np.stack([points[:, :5], points[:, 5:]], axis=-1))


def test_no_pictures_give_no_results(pictures):
    networks = Networks()
    assert [x.shape for x in networks.refine(pictures(0, 24, 24))] == [(0,), (0, 4)]
    shapes = [x.shape for x in networks.locate(pictures(0, 48, 48))]
    assert shapes == [(0,), (0, 4), (0, 5, 2)]


def test_without_the_package_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(RunError, match=r"pip install mtcnn==1\.0\.0 \(it is not inst"):
        Networks()


def test_another_release_is_told(monkeypatch, tmp_path):
    """Up to 0.1.1 the weights were in another file."""
    other = mock.Mock(locate_file=tmp_path.joinpath)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: other)
    with pytest.raises(RunError, match=r"pip install mtcnn==1\.0\.0 \(.*pnet\.lz4"):
        Networks()


def test_without_lz4_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(RunError, match=r"pip install mtcnn==1\.0\.0 \(.*lz4"):
        Networks()
