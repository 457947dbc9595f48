import functools
import sys
import types

import pytest

from byel_tf.errors import UsageError
from byel_tf.synthesis.heads import ict_facekit, load
from byel_tf.synthesis.heads.ict_facekit_cache import cache_file, encode
from byel_tf.synthesis.heads.ict_facekit_layout import read_head
from byel_tf.synthesis.heads.ict_facekit_source import PUBLISHED, content_digest
from byel_tf.synthesis.heads.load import load_head


@pytest.fixture
def cache(tmp_path, monkeypatch, checkout, layout):
    """The small head for the published one: in the cache, and of its size."""
    monkeypatch.setenv("BYEL_TF_CACHE", str(tmp_path))
    monkeypatch.setattr(ict_facekit, "_is_known", lambda data, release: True)
    read = functools.partial(read_head, layout=layout)
    monkeypatch.setattr(
        ict_facekit, "read_head", lambda folder, name, _: read(folder, name)
    )
    file = cache_file(tmp_path, PUBLISHED.converted)
    file.write_bytes(encode(read(checkout, "any")))


def test_the_built_in_head(monkeypatch):
    head = object()
    module = types.SimpleNamespace(parametric_head=lambda: head)
    monkeypatch.setitem(sys.modules, "byel_tf.synthesis.heads.parametric", module)
    assert load_head("built-in") is head


def test_ict_facekit(cache):
    head = load_head("ict-facekit")
    assert head.name == "ict-facekit"
    assert len(head.identities) == 100


def test_the_folder_of_a_checkout(cache, checkout, monkeypatch):
    digest = content_digest(checkout)
    name = f"ict-facekit (modified, sha256 {digest[:16]})"
    assert load_head(str(checkout)).name == name
    monkeypatch.chdir(checkout.parent)
    assert load_head("checkout").name == name
    monkeypatch.setenv("HOME", str(checkout.parent))
    assert load_head("~/checkout").name == name


def test_a_folder_called_like_a_head_is_reached_by_its_path(
    cache, checkout, monkeypatch
):
    checkout.rename(checkout.parent / "ict-facekit")
    monkeypatch.chdir(checkout.parent)
    assert load_head("ict-facekit").name == "ict-facekit"
    assert load_head("./ict-facekit").name != "ict-facekit"


@pytest.mark.parametrize(
    "name", ["builtin", "", "ICT", "/no/such/folder", "~nobody-here/x", "a\0b"]
)
def test_anything_else_is_wrong_usage(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_head(name)
    message = str(caught.value)
    assert message.startswith(f"--head={name}: expected built-in, ict-facekit or")
    assert "\n" not in message


def test_a_folder_or_file_that_is_no_checkout(checkout):
    for wrong in (checkout / "FaceXModel", checkout.parent):
        with pytest.raises(UsageError, match="holds neither FaceXModel nor mpfb2, "):
            load_head(str(wrong))
    archive = checkout.parent / "ICT-FaceKit.zip"
    archive.write_text("")
    with pytest.raises(UsageError, match="no such folder: use built-in"):
        load_head(str(archive))


@pytest.fixture
def people(monkeypatch):
    """What asks for MakeHuman's people, and the folders it asks for."""
    load._people.cache_clear()
    asked = []
    module = types.SimpleNamespace(makehuman_head=lambda folder: asked.append(folder))
    monkeypatch.setitem(sys.modules, "byel_tf.synthesis.heads.makehuman", module)
    yield asked
    load._people.cache_clear()


def test_makehuman(people):
    load_head("makehuman")
    assert people == [None]


def test_a_folder_of_its_data(people, tmp_path, monkeypatch):
    for name in ("mpfb2", "makehuman", "makehuman-assets"):
        with pytest.raises(
            UsageError, match="this folder holds neither FaceXModel nor"
        ):
            load_head(str(tmp_path))
        (tmp_path / name).mkdir()
    load_head(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    load_head(f"~/{tmp_path.name}")
    assert people == [tmp_path]  # once in memory
    # Beside a checkout that is called like a head, the name means the head.
    monkeypatch.chdir(tmp_path)
    load_head("makehuman")
    assert people[-1] is None
