import io

import numpy as np
import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError, UsageError

CLASSES = (
    *("neutral", "happiness", "sadness", "surprise"),
    *("fear", "disgust", "anger", "contempt"),
)
EIGHT = ClassNames((*DEFAULT_CLASSES, "neutral", "contempt"))


def saved(value, **options):
    buffer = io.BytesIO()
    np.save(buffer, value, **options)
    return buffer.getvalue()


@pytest.fixture
def annotate(write):
    def make(name, value, folder="train_set/"):
        content = value if isinstance(value, bytes) else saved(value)
        return write(f"{folder}annotations/{name}_exp.npy", content)

    return make


@pytest.mark.parametrize(
    "kind",
    [
        str,
        int,
        float,
        np.float32,
        np.int64,
        lambda n: np.array(str(n).encode()),
        lambda n: [n],
    ],
)
def test_values(touch, write, annotate, opened, classes_of, kind):
    """However NumPy holds the number; other annotations beside it are not read."""
    for n in range(8):
        annotate(n, kind(n))
        write(f"train_set/annotations/{n}_val.npy", b"x")
        root = touch(f"train_set/images/{n}.jpg")
    source = opened(root)
    assert (source.kind, source.gives_splits, source.gives_boxes) == (
        "affectnet",
        True,
        False,
    )
    found, rejects = classes_of(root, labels=EIGHT)
    assert found == {f"train_set/images/{n}.jpg": c for n, c in enumerate(CLASSES)}
    assert not rejects


def test_splits_and_paths(touch, annotate, read, opened, root):
    for folder in ("train_set/", "val_set/", "test_set/"):
        annotate("1", "3", folder)
        touch(f"{folder}images/1.jpg")
    items, _ = read(root)
    assert {name: item.split for name, item in items.items()} == {
        "train_set/images/1.jpg": "train",
        "val_set/images/1.jpg": "validation",
        "test_set/images/1.jpg": "test",
    }
    name = "val_set/images/1.jpg"
    assert items[name].path == str(root / name)
    items, _ = read(root / "val_set")
    assert items["images/1.jpg"].split == "validation"
    assert "val_set as validation" in opened(root / "val_set").description


def test_pictures_and_annotations_alone(touch, annotate, read, opened):
    annotate("a b.é", "3", "")
    root = touch("images/a b.é.JPG")
    items, _ = read(root)
    assert items["images/a b.é.JPG"].split is None
    assert not opened(root).gives_splits


def test_what_cannot_be_taken(touch, write, annotate, read, root):
    annotate("0", "1")
    pickled = io.BytesIO()
    np.save(pickled, np.array("1", dtype=object), allow_pickle=True)
    broken = (b"", b"\x93NUMPY", b"text", saved("1")[:-2], saved([1, 2]), saved([]),
              pickled.getvalue(), saved(np.zeros(2000)))  # fmt: skip
    for n, content in enumerate(broken):
        annotate(f"b{n}", content)
        touch(f"train_set/images/b{n}.jpg")
    annotate("c", "8")
    annotate("d", "")
    annotate("e", "11")
    annotate("alone", "1")
    (root / "train_set/annotations/f_exp.npy").mkdir()
    touch(*(f"train_set/images/{n}.jpg" for n in ("0", "c", "d", "e", "f", "g")))
    touch("train_set/images/.DS_Store")
    items, rejects = read(root)
    assert list(items) == ["train_set/images/0.jpg"]
    expected = {
        f"train_set/images/b{n}.jpg": "its annotation is no array of one number or text"
        for n in range(len(broken))
    }
    assert rejects == expected | {
        "train_set/images/c.jpg": "no expression ('none')",
        "train_set/images/d.jpg": "its annotation is empty",
        "train_set/images/e.jpg": "unknown class '11'",
        "train_set/images/f.jpg": "its annotation cannot be read: Is a directory",
        "train_set/images/g.jpg": "its annotation is missing",
        "train_set/images/.DS_Store": "hidden or system file",
        "train_set/annotations/alone_exp.npy": "annotation without an image",
    }


def test_subjects_and_options(touch, annotate, read, opened):
    annotate("1", "1")
    root = touch("train_set/images/1.jpg")
    items, _ = read(root, subject_pattern=r"(\d)\.jpg")
    assert items["train_set/images/1.jpg"].subject == "1"
    with pytest.raises(UsageError, match="--root=r has no meaning"):
        opened(root, root="r")


def test_tables_come_first(touch, annotate, write, opened):
    annotate("1", "1")
    root = touch("train_set/images/1.jpg")
    write("training.csv", "subDirectory_filePath,expression\n1/1.jpg,3\n")
    assert "training.csv" in opened(root).description


def test_other_arrays_beside_images(touch, write, opened):
    write("annotations/1_lnd.npy", b"x")
    root = touch("images/1.jpg", "anger/1.jpg")
    assert opened(root).kind == "folder"
    with pytest.raises(RunError, match="nor images/0.jpg and annotations/0_exp.npy"):
        opened(root, "affectnet")
