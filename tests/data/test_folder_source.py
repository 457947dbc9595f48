import os

import pytest

from byel_tf.data.folder_source import list_folder
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.errors import RunError


@pytest.fixture
def tree(tmp_path):
    """Makes empty files below a source folder, and lists it."""
    source = tmp_path / "source"
    source.mkdir()

    def touch(*names):
        for name in names:
            file = source / os.fsdecode(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
        return source

    return touch


def listed(source, classes=DEFAULT_CLASSES):
    listing = list_folder(source, classes)
    examples = {example.filename: example.class_name for example in listing.examples}
    assert len(examples) == len(listing.examples)
    return examples, dict(listing.rejected)


def test_class_folders_in_common_spellings(tree):
    source = tree("happy/b.jpg", "happy/a.png", "SAD/x", "Fear/y", "anger/z")
    assert listed(source) == (
        {
            "happy/a.png": "happiness",
            "happy/b.jpg": "happiness",
            "SAD/x": "sadness",
            "Fear/y": "fear",
            "anger/z": "anger",
        },
        {},
    )


def test_first_class_on_the_path_counts(tree):
    source = tree("photos/anger/a", "fear/subject 1/b", "fear/anger/c")
    assert listed(source)[0] == {
        "photos/anger/a": "anger",
        "fear/subject 1/b": "fear",
        "fear/anger/c": "fear",
    }


def test_everything_else_is_rejected_with_a_reason(tree):
    source = tree("anger/a", "neutral/b", "x/y/c", "d", ".hidden")
    assert listed(source)[1] == {
        "neutral/b": "unknown class 'neutral'",
        "x/y/c": "unknown class 'y'",
        "d": "not in a class folder",
        ".hidden": "not in a class folder",
    }


def test_order_does_not_depend_on_the_file_system(tree):
    source = tree("fear/2", "anger/b", "fear/10", "anger/a")
    names = [
        example.filename for example in list_folder(source, ("fear", "anger")).examples
    ]
    assert names == ["anger/a", "anger/b", "fear/10", "fear/2"]


def test_labels_follow_the_given_classes(tree):
    listing = list_folder(tree("b/1", "a/2"), ("b", "a"))
    assert [(e.class_name, e.label) for e in listing.examples] == [("a", 1), ("b", 0)]


def test_hostile_names(tree):
    source = tree("anger/line\nbreak", "anger/ünï ☺", b"anger/\xff.png", b"\xfe/x")
    examples, rejected = listed(source)
    assert set(examples) == {
        "anger/line\nbreak",
        "anger/ünï ☺",
        os.fsdecode(b"anger/\xff.png"),
    }
    assert list(rejected) == [os.fsdecode(b"\xfe/x")]


def test_linked_class_folder_is_followed(tree, tmp_path):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "a").write_bytes(b"")
    source = tree("fear/b")
    (source / "anger").symlink_to(tmp_path / "elsewhere")
    assert listed(source) == ({"anger/deep/a": "anger", "fear/b": "fear"}, {})


@pytest.mark.parametrize("target", [".", "..", "anger", "../.."])
def test_link_loop_ends(tree, target):
    source = tree("anger/a")
    (source / "anger" / "loop").symlink_to(source / target)
    examples, rejected = listed(source)
    assert examples == {"anger/a": "anger"}
    assert rejected == {"anger/loop": "link to a folder that is listed anyway"}


def test_link_loop_outside_ends(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"")
    (outside / "loop").symlink_to(outside)
    source = tree("fear/b")
    (source / "anger").symlink_to(outside)
    (source / "surprise").symlink_to(outside)
    examples, rejected = listed(source)
    assert examples == {"anger/a": "anger", "fear/b": "fear"}
    assert rejected == {
        "anger/loop": "folder is listed as anger already",
        "surprise": "folder is listed as anger already",
    }


def test_source_may_be_a_link(tree, tmp_path):
    (tmp_path / "link").symlink_to(tree("anger/a"))
    assert listed(tmp_path / "link")[0] == {"anger/a": "anger"}


@pytest.mark.parametrize("name", ["missing", "file"])
def test_source_that_is_no_folder(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is not a folder"):
        list_folder(tmp_path / name, DEFAULT_CLASSES)


def test_no_known_class(tree):
    with pytest.raises(RunError, match=r"found: cat, dog\): rename the folders"):
        list_folder(tree("cat/a", "dog/b"), DEFAULT_CLASSES)


def test_empty_source(tree):
    with pytest.raises(RunError, match="found: nothing"):
        list_folder(tree(), DEFAULT_CLASSES)


def fail_to_scan(monkeypatch, folder):
    scan = os.scandir

    def denied(path):
        if os.fspath(path) == os.fspath(folder):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)


def test_unreadable_folder_is_a_reject(tree, monkeypatch):
    source = tree("anger/a", "fear/b")
    fail_to_scan(monkeypatch, source / "fear")
    assert listed(source) == (
        {"anger/a": "anger"},
        {"fear": "folder cannot be read: Permission denied"},
    )


def test_unreadable_source(tree, monkeypatch):
    source = tree("anger/a")
    fail_to_scan(monkeypatch, source)
    with pytest.raises(RunError, match="source cannot be read: Permission denied"):
        list_folder(source, DEFAULT_CLASSES)
