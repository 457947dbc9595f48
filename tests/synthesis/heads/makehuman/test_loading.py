import hashlib

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.makehuman import loading, makehuman_head
from byel_tf.synthesis.heads.makehuman.source import Entry, Release

CONTENT = b"v 0 0 0\n"
PATH = "mpfb2/base.obj"


@pytest.fixture
def release(server):
    entry = Entry(PATH, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), False)
    server.files["/mpfb2/aa/base.obj"] = CONTENT
    form = server.url + "/{repository}/{commit}/{path}"
    return Release((entry,), {"mpfb2": ("aa",)}, form, form)


@pytest.fixture
def read(parts, monkeypatch):
    """Folders that parts were read from, and what they held; heads are their parts."""
    folders = []

    def read_parts(folder, targets):
        folders.append((str(folder), (folder / PATH).read_bytes()))
        return parts

    monkeypatch.setattr(loading, "read_parts", read_parts)
    monkeypatch.setattr(loading, "makehuman_head_of", lambda parts, name: (parts, name))
    return folders


def same(parts, other):
    np.testing.assert_array_equal(parts.base, other.base)
    assert list(parts.pictures) == list(other.pictures)


def test_fetched_once_and_kept(release, server, read, parts, tmp_path):
    kept, name = makehuman_head(cache=tmp_path, release=release)
    assert name == "makehuman"
    assert [content for _, content in read] == [CONTENT]
    server.stop()
    again, name = makehuman_head(cache=tmp_path, release=release)
    assert name == "makehuman"
    same(again, parts)
    same(kept, parts)
    assert len(read) == 1
    # Only the converted data stay.
    assert [file.suffix for file in tmp_path.iterdir() if file.is_file()] == [".head"]


def test_a_damaged_file_in_the_cache_is_made_anew(release, server, read, tmp_path):
    makehuman_head(cache=tmp_path, release=release)
    (file,) = (path for path in tmp_path.iterdir() if path.is_file())
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    makehuman_head(cache=tmp_path, release=release)
    assert len(read) == 2
    assert file.read_bytes() == whole


def test_no_network_and_nothing_kept(release, server, read, tmp_path):
    server.stop()
    with pytest.raises(RunError, match="cannot fetch MakeHuman's data") as caught:
        makehuman_head(cache=tmp_path, release=release)
    assert "pass --head=FOLDER" in str(caught.value)
    assert not read
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_needs_no_network(release, server, read, tmp_path):
    server.stop()
    folder = tmp_path / "data"
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(CONTENT)
    _, name = makehuman_head(folder, cache=tmp_path / "cache", release=release)
    assert name == "makehuman"
    # It is kept as what it is: without the folder it is there, too.
    _, name = makehuman_head(cache=tmp_path / "cache", release=release)
    assert name == "makehuman"
    assert len(read) == 1


def test_a_folder_of_other_files_shows_in_the_name(release, read, tmp_path):
    folder = tmp_path / "data"
    (folder / PATH).parent.mkdir(parents=True)
    names = set()
    for content in (CONTENT + b"#", CONTENT + b"##"):
        (folder / PATH).write_bytes(content)
        for _ in range(2):
            _, name = makehuman_head(folder, cache=tmp_path / "cache", release=release)
            names.add(name)
    assert len(names) == len(read) == 2
    assert all(name.startswith("makehuman (modified, sha256 ") for name in names)


def test_a_cache_that_cannot_be_written(release, read, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        RunError, match="cannot write to .*file: .*set BYEL_TF_CACHE to"
    ):
        makehuman_head(cache=tmp_path / "file", release=release)
