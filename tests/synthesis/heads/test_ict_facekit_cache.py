import pathlib
import sys

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.ict_facekit_cache import (
    cache_file,
    cache_folder,
    decode,
    encode,
)
from byel_tf.synthesis.heads.morphable import MorphableHead

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def head(rng):
    """A head without meaning, with displacements of many sizes."""
    sizes = np.array([60, 4, 0.03, 0])[:, None, None]
    return MorphableHead(
        name="any",
        vertices=rng.normal(0, 9, (80, 3)).astype(np.float32),
        triangles=rng.integers(0, 80, (100, 3)).astype(np.int32),
        regions=np.repeat(np.arange(4), 20).astype(np.int8),
        identities=(sizes * rng.uniform(-1, 1, (4, 80, 3))).astype(np.float32),
        expressions={
            name: Shape(
                np.sort(rng.choice(80, n, replace=False)).astype(np.int32),
                rng.normal(0, 1, (n, 3)).astype(np.float32),
            )
            for name, n in (("jawOpen", 40), ("nothing", 0), ("eyeBlink_L", 3))
        },
        landmarks=np.arange(68, dtype=np.int32),
    )


def test_a_head_comes_back(head):
    back = decode(encode(head), "another name")
    assert back.name == "another name"
    for field in ("vertices", "triangles", "regions", "landmarks"):
        np.testing.assert_array_equal(getattr(back, field), getattr(head, field))
    assert tuple(back.expressions) == tuple(head.expressions)
    for name, shape in head.expressions.items():
        np.testing.assert_array_equal(back.expressions[name].indices, shape.indices)
        assert back.expressions[name].indices.dtype == np.int32
        assert back.expressions[name].offsets.dtype == np.float32
        np.testing.assert_allclose(
            back.expressions[name].offsets, shape.offsets, atol=1e-4
        )
    for mode, expected, tolerance in zip(
        back.identities, head.identities, (1e-3, 1e-4, 1e-6, 0), strict=True
    ):
        np.testing.assert_allclose(mode, expected, atol=tolerance, rtol=0)


def test_it_says_whose_work_it_is(head):
    assert b"USC Institute for Creative Technologies" in encode(head).replace(
        b"\0", b""
    )


def test_it_is_the_same_each_time(head):
    assert encode(head) == encode(head)


def test_files_of_several_forms_lie_side_by_side(tmp_path):
    file = cache_file(tmp_path, DIGEST)
    assert file.parent == tmp_path
    assert cache_file(tmp_path, "f" + DIGEST[1:]) != file


@pytest.mark.parametrize(
    "platform, variables, expected",
    [
        ("linux", {}, "HOME/.cache/byel_tf"),
        ("linux", {"XDG_CACHE_HOME": "HOME/x"}, "HOME/x/byel_tf"),
        ("linux", {"XDG_CACHE_HOME": ""}, "HOME/.cache/byel_tf"),
        ("darwin", {"XDG_CACHE_HOME": "HOME/x"}, "HOME/Library/Caches/byel_tf"),
        ("win32", {"LOCALAPPDATA": "HOME/local"}, "HOME/local/byel_tf/Cache"),
        ("win32", {}, "HOME/AppData/Local/byel_tf/Cache"),
        (
            "linux",
            {"BYEL_TF_CACHE": "/scratch/c", "XDG_CACHE_HOME": "/x"},
            "/scratch/c",
        ),
        ("darwin", {"BYEL_TF_CACHE": "~/c"}, "HOME/c"),
        ("linux", {"BYEL_TF_CACHE": ""}, "HOME/.cache/byel_tf"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_such_files(
    monkeypatch, tmp_path, platform, variables, expected
):
    for name in ("BYEL_TF_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("HOME", str(tmp_path)))
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == pathlib.Path(expected.replace("HOME", str(tmp_path)))


def test_no_home(monkeypatch):
    monkeypatch.setenv("BYEL_TF_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(RunError, match="set BYEL_TF_CACHE to a folder"):
        cache_folder()
