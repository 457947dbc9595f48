import io
import zipfile

import numpy as np
import pytest

from byel_tf.detection import weights as weights_module
from byel_tf.detection.networks import shapes
from byel_tf.detection.weights import (
    SHIPPED,
    parse_weights,
    shipped_weights,
    weights_file,
)
from byel_tf.errors import RunError


def some_weights(seed=1):
    draws = np.random.default_rng(seed)
    return {
        name: draws.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in shapes().items()
    }


def test_what_ships_is_small_and_its_own():
    assert SHIPPED.stat().st_size < 1_000_000
    weights = shipped_weights()
    assert {name: array.shape for name, array in weights.items()} == shapes()
    assert all(np.isfinite(array).all() for array in weights.values())
    # It holds arrays alone: nothing that unpickling could run.
    with zipfile.ZipFile(SHIPPED) as archive:
        assert sorted(archive.namelist()) == sorted(f"{name}.npy" for name in shapes())


def test_there_and_back():
    weights = some_weights()
    content = weights_file(weights)
    assert weights_file(dict(reversed(weights.items()))) == content
    for name, array in parse_weights(content, "x.npz").items():
        np.testing.assert_array_equal(array, weights[name].astype(np.float16))


def test_another_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "weights.npz"
    monkeypatch.setattr(weights_module, "SHIPPED", path)
    with pytest.raises(RunError, match=r"weights\.npz: No such file.*install byel_tf"):
        shipped_weights()
    path.write_bytes(weights_file(some_weights()))
    with pytest.raises(RunError, match=r"weights\.npz is not what this version ships"):
        shipped_weights()


def test_what_are_no_weights():
    content = weights_file(some_weights())
    for wrong in (b"", b"weights", content[: len(content) // 2]):
        with pytest.raises(RunError, match=r"x\.npz holds no weights"):
            parse_weights(wrong, "x.npz")
    pickled = io.BytesIO()
    np.savez(pickled, **{"propose/bias": np.array([{}], object)})
    with pytest.raises(RunError, match=r"x\.npz holds no weights"):
        parse_weights(pickled.getvalue(), "x.npz")
    other = io.BytesIO()
    np.savez(other, **{**some_weights(), "look/bias": np.zeros(3)})
    with pytest.raises(RunError, match=r"x\.npz holds the weights of another network"):
        parse_weights(other.getvalue(), "x.npz")
