import os

import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError, UsageError

LINES = "".join(f"train_0000{n}.jpg {n}\n" for n in range(1, 8)) + "test_0001.jpg 4\n"
CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
SEVEN = ClassNames((*DEFAULT_CLASSES, "neutral"))


@pytest.fixture
def tree(write, touch):
    def make(place="basic/EmoLabel", name="list_patition_label.txt", lines=LINES):
        path = write(f"{place}/{name}", lines)
        base = f"{place}/".removesuffix("EmoLabel/")
        touch(f"{base}Image/aligned/train_00001_aligned.jpg")
        touch(f"{base}Image/original/train_00001.jpg")
        return path

    return make


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("gap", [" ", "\t", "  "])
def test_list_in_its_tree(tree, opened, classes_of, read, end, gap):
    path = tree(lines=LINES.replace("\n", end).replace(" ", gap))
    assert (opened(path).kind, opened(path).gives_splits) == ("raf-db", True)
    found, rejects = classes_of(path, labels=SEVEN)
    train = {f"train_0000{n}.jpg": name for n, name in enumerate(CLASSES, start=1)}
    assert found == train | {"test_0001.jpg": "happiness"}
    assert not rejects
    items, rejects = read(path)
    assert rejects == {"train_00007.jpg": "unknown class 'neutral'"}
    assert items["test_0001.jpg"].split == "test"
    assert items["train_00001.jpg"].split == "train"
    assert os.path.isfile(items["train_00001.jpg"].path)
    assert items["test_0001.jpg"].path.endswith("Image/aligned/test_0001_aligned.jpg")
    assert "aligned images" in opened(path).description


@pytest.mark.parametrize(
    "name", ["list_patition_label.txt", "list_partition_label.txt"]
)
@pytest.mark.parametrize(
    "place", ["EmoLabel", "basic/EmoLabel", "basic/basic/EmoLabel", "."]
)
def test_folders_that_hold_the_list(tree, root, opened, place, name):
    tree(place, name)
    assert opened(root).kind == "raf-db"
    assert len(list(opened(root).items())) == 8


def test_original_images(write, touch, opened, read, root):
    path = write("EmoLabel/list_patition_label.txt", LINES)
    touch("Image/original/train_00002.jpg")
    items, _ = read(path)
    assert items["test_0001.jpg"].path.endswith("Image/original/test_0001.jpg")
    assert "listed images" in opened(path).description


def test_images_beside_the_list(write, touch, read, root):
    path = write("l.txt", LINES)
    touch("train_00002_aligned.jpg")
    items, _ = read(path)
    assert items["test_0001.jpg"].path == str(root / "test_0001_aligned.jpg")


def test_aligned_images_come_first(write, touch, read, root):
    path = write("l.txt", LINES)
    touch("train_00001_aligned.jpg", "train_00001.jpg")
    items, _ = read(path)
    assert items["test_0001.jpg"].path == str(root / "test_0001_aligned.jpg")


def test_root_overrides(tree, read, root):
    path = tree()
    items, _ = read(path, root=str(root / "basic/Image/original"))
    assert items["test_0001.jpg"].path.endswith("original/test_0001.jpg")


def test_images_that_are_nowhere(write, opened):
    path = write("EmoLabel/list_patition_label.txt", LINES)
    with pytest.raises(
        RunError, match="Image/aligned, .*: unpack them, or give --root"
    ):
        opened(path)


def test_lines_that_cannot_be_taken(tree, read):
    path = tree(lines=LINES + "other_1.jpg 3\ntest_2.jpg\ntest_3.jpg 8\na b c\n\n")
    assert read(path)[1] == {
        "train_00007.jpg": "unknown class 'neutral'",
        "other_1.jpg": "name begins with neither train_ nor test_",
        "list_patition_label.txt row 10": "line is no name and label",
        "test_3.jpg": "unknown class '8'",
        "list_patition_label.txt row 12": "line is no name and label",
    }


def test_compound_expressions_are_refused(tree, opened):
    with pytest.raises(RunError, match="compound expressions"):
        opened(tree("compound/EmoLabel"))


def test_copy_of_kaggle(write, touch, opened, classes_of, read):
    source = touch("DATASET/train/1/a.jpg", "DATASET/test/7/b.jpg", "DATASET/test/6/c")
    write("train_labels.csv", "image,label\na.jpg,1\n")
    assert opened(source).kind == "raf-db"
    assert opened(source / "DATASET", "raf-db").kind == "raf-db"
    items, rejects = read(source)
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        "train/1/a.jpg": (5, "train"),
        "test/6/c": (0, "test"),
    }
    assert rejects == {"test/7/b.jpg": "unknown class 'neutral'"}
    assert classes_of(source, labels=SEVEN)[0]["test/7/b.jpg"] == "neutral"


def test_what_is_no_raf_db(write, touch, opened):
    with pytest.raises(RunError, match="expected lines as 'train_00001.jpg 5'"):
        opened(write("l.csv", "path,label\n"), "raf-db")
    with pytest.raises(RunError, match="neither EmoLabel/list_patition_label.txt"):
        opened(touch("anger/a"), "raf-db")


def test_subjects_and_options(tree, read, opened):
    items, _ = read(tree(), subject_pattern=r"_(\d+)")
    assert items["test_0001.jpg"].subject == "0001"
    with pytest.raises(UsageError, match="--label_pattern=.* has no meaning"):
        opened(tree(), label_pattern="(a)")


KAGGLE = "image,label\n" + "".join(
    f"train_0000{n}_aligned.jpg,{n}\n" for n in range(1, 8)
)


@pytest.mark.parametrize("folders", ["DATASET/train/2/", "train/2/", "train/", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_table_of_kaggle(write, touch, opened, classes_of, read, root, folders, end):
    """RAF-DB's numbers begin with 1: those of a table in general begin with 0."""
    path = write("train_labels.csv", KAGGLE.replace("\n", end))
    touch(f"{folders}train_00002_aligned.jpg")
    assert (opened(path).kind, opened(path).gives_splits) == ("raf-db", True)
    found, rejects = classes_of(path, labels=SEVEN)
    assert list(found.values()) == list(CLASSES)
    assert not rejects
    item = read(path)[0]["train_00003_aligned.jpg"]
    assert item.path == str(
        root / folders.replace("2", "3") / "train_00003_aligned.jpg"
    )
    assert item.split == "train"


def test_table_of_kaggle_that_cannot_be_taken(write, touch, opened, read, root):
    path = write("test_labels.csv", KAGGLE.replace("train_", "test_"))
    with pytest.raises(RunError, match=r"none of the first images .*test_00001_align"):
        opened(path)
    touch("else/test_00001_aligned.jpg")
    items, rejects = read(path, root=str(root / "else"))
    assert items["test_00001_aligned.jpg"].split == "test"
    assert rejects == {"test_00007_aligned.jpg": "unknown class 'neutral'"}
    path = write("test_labels.csv", KAGGLE + "train_9_aligned.jpg,0\n")
    with pytest.raises(RunError, match="has the label 0, and RAF-DB's count from 1"):
        opened(path)
    rows = KAGGLE + ",3\nother_1.jpg,2\ntrain_1_aligned.jpg,8\n"
    touch("train_00001_aligned.jpg")
    assert read(write("train_labels.csv", rows))[1] == {
        "train_00007_aligned.jpg": "unknown class 'neutral'",
        "train_labels.csv row 9": "row has no path",
        "other_1.jpg": "name begins with neither train_ nor test_",
        "train_1_aligned.jpg": "unknown class '8'",
    }
    assert opened(write("train_labels.csv", "image,label\na.jpg,sad\n")).kind == "csv"


def test_folders_of_kaggle_alone(touch, opened):
    source = touch("DATASET/train/4/train_1_aligned.jpg", "DATASET/train/4/.DS_Store")
    assert opened(source).kind == opened(source / "DATASET").kind == "raf-db"
    touch("DATASET/train/0/train_2_aligned.jpg")  # another set's, which begin with 0
    for path in (source, source / "DATASET"):
        with pytest.raises(UsageError, match="the classes are numbers"):
            opened(path)
