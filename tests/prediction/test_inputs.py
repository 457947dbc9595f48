import io
import os

import pytest

from byel_tf.data.sources.item import Rejected
from byel_tf.errors import RunError, UsageError
from byel_tf.prediction.inputs import find_input, require_apart
from byel_tf.prediction.path_lists import read_lines


def names(given):
    return [entry.name for entry in given.entries()]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/2.png", "a/10.png", "a/deep/3.png", "b/1.jpg", "b/[1].jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_folder_leaves_nothing_out(files):
    (files / "a" / ".git").mkdir()
    (files / "a" / ".git" / "x.png").write_bytes(b"x")
    (files / "a" / "loop").symlink_to("../a")
    given = find_input("a/")
    assert sorted(names(given)) == [
        "a/.git/x.png", "a/10.png", "a/2.png", "a/deep/3.png", "a/loop"
    ]  # fmt: skip
    rejected = {e.name for e in given.entries() if isinstance(e, Rejected)}
    assert rejected == {"a/.git/x.png", "a/loop"}
    assert given.count() == 5


def test_patterns(files):
    (files / "a" / "loop").symlink_to("../a")
    assert names(find_input("a/**")) == ["a/10.png", "a/2.png", "a/deep/3.png"]
    assert names(find_input("*/*.png")) == ["a/10.png", "a/2.png"]
    assert names(find_input("**/*.jpg")) == ["b/1.jpg", "b/[1].jpg"]
    # What exists is no pattern.
    assert names(find_input("b/[1].jpg")) == ["b/[1].jpg"]


def test_lists_start_from_their_folder_or_root(files):
    for name, text in (("a/l.tsv", "n\tImage Path\n1\t2.png\n"), ("a/l.txt", "2.png")):
        (files / name).write_text(text)
        (entry,) = find_input(name).entries()
        assert (entry.name, entry.path) == ("2.png", "a/2.png")
        (entry,) = find_input(name, root="b").entries()
        assert (entry.name, entry.path) == ("2.png", "b/2.png")
    (files / "absolute.txt").write_text(f"{files}/b/1.jpg\n")
    (entry,) = find_input("absolute.txt", root="a").entries()
    assert entry.path == f"{files}/b/1.jpg"


def test_list_of_paths_with_commas_or_other_bytes(files):
    (files / "l.txt").write_bytes(b"image,1.jpg\n\xff.jpg\n")
    assert names(find_input("l.txt")) == ["image,1.jpg", os.fsdecode(b"\xff.jpg")]


@pytest.mark.parametrize("block", [1, 2, 3, 1000])
def test_lines_are_joined_over_blocks(block):
    class Slow(io.BytesIO):
        def read1(self, size):
            return super().read1(min(size, block))

    text = "\ufeffä.png\r\n\n b c .jpg\nlast".encode()
    assert list(read_lines(Slow(text), b"\n", "x")) == ["ä.png", " b c .jpg", "last"]
    parts = list(read_lines(Slow(b"a\nb\r\0c\0"), b"\0", "x"))
    assert parts == ["a\nb\r", "c"]


def test_what_is_no_list_is_not_held_in_memory():
    with pytest.raises(RunError, match="one path a line"):
        list(read_lines(io.BytesIO(bytes(3 * 2**20)), b"\n", "standard input"))


def test_output_apart_from_inputs(files):
    given = [find_input("a"), find_input("b/1.jpg"), find_input("-")]
    for output in ("a/x.csv", "a/deep/x.csv", "b/1.jpg"):
        with pytest.raises(UsageError, match="outside it"):
            require_apart(output, given)
    for output in ("ab.csv", "b/x.csv", "-.csv"):
        require_apart(output, given)
