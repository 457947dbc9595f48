"""Splits in the names of folders and files, by the whole folder source."""

import pytest

from byel_tf.data.labels import ClassNames
from byel_tf.errors import UsageError


@pytest.fixture
def splits_of(touch, read):
    """The splits of the files that are made, by name."""

    def make(*names, **options):
        items, _ = read(touch(*names), "folder", **options)
        return {name: item.split for name, item in items.items()}

    return make


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ("archive/images/train/{}/1", "archive/images/validation/{}/1"),
        ("train_set/{}/1", "val_set/{}/1"),
        ("FER2013Train/{}/1", "FER2013Valid/{}/1"),
        ("trainset/{}/1", "valset/{}/1"),
        ("train-images/{}/1", "val-images/{}/1"),
        ("Training_Data/{}/1", "Validation_Data/{}/1"),
        ("train2017/{}/1", "val2017/{}/1"),
        ("DATASET/Train/{}/1", "DATASET/Dev/{}/1"),
        ("{}/train/1", "{}/valid/1"),
        ("{}/session 1/train/1", "{}/session 2/validation/1"),
        ("Training/{}/1", "PublicTest/{}/1"),
        ("x/images train/y/{}/z/1", "x/images val/y/{}/z/1"),
        ("train_test_data/train/{}/1", "train_test_data/val/{}/1"),
        ("test run/TRAIN/{}/1", "test run/VAL/{}/1"),
        ("{}/Training_1.jpg", "{}/PublicTest_2.jpg"),
        ("all/{}/train_00001.jpg", "all/{}/val_00001.jpg"),
    ],
)
def test_splits_anywhere_on_the_path(splits_of, train, validation):
    classes = ("happy", "sad")
    given = {train.format(name): "train" for name in classes}
    given |= {validation.format(name): "validation" for name in classes}
    assert splits_of(*given) == given


def test_the_only_folder_around_all_decides(splits_of):
    assert splits_of("set/train/happy/1", "set/train/sad/2", "set/test/3") == {
        "set/train/happy/1": "train",
        "set/train/sad/2": "train",
    }


@pytest.mark.parametrize(
    "names",
    [
        ("latest/happy/1", "contest/sad/1"),
        ("trainer/happy/1", "valentine/sad/1", "interval/sad/1"),
        ("Anna/happy/1", "Bob/happy/1"),
        ("happy/train_1.jpg", "happy/train_2.jpg"),  # one split alone is none
        ("happy/tram.jpg", "happy/testament_1.jpg", "sad/valley1.jpg"),
    ],
)
def test_no_splits(splits_of, names):
    assert set(splits_of(*names).values()) == {None}


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        (("train/happy/1", "test/sad/1", "more/sad/1"), "more/sad (no split)"),
        (("train/happy/1", "sad/1"), "train/happy (train), sad (no split)"),
        (("train/happy/1", "happy/2"), "happy (no split)"),
        (("happy/train/1", "happy/2"), "happy/train (train), happy (no split)"),
        (("happy/test/1", "happy/Anna/2"), "happy/test (test), happy/Anna (no split)"),
        (("train/test/happy/1", "train/val/sad/1", "x/happy/1"), "(test and train)"),
        (("trainval/happy/1", "test/sad/1"), "trainval/happy (train and validation)"),
        (("train_and_test/happy/1", "train_and_test/sad/1"), "(test and train)"),
        (("train/happy/1", "holdout/happy/2"), "holdout/happy (no split)"),
        (("happy/train_1.jpg", "happy/test_1.jpg", "sad/a.jpg"), "sad/a.jpg (no split"),
    ],
)
def test_unclear_splits_stop(touch, opened, names, seen):
    source = touch(*names)
    with pytest.raises(UsageError) as error:
        opened(source)
    assert seen in str(error.value)
    assert "deal all images anew by --splits=" in str(error.value)
    assert not opened(source, deals_anew=True).gives_splits


@pytest.mark.parametrize(
    "beside",
    ["happy/labels.txt", "notes.csv", "happy/landmarks.MAT", "neutral/1", "test/x.jpg"],
)
def test_what_is_no_labelled_image_decides_nothing(touch, opened, beside):
    source = touch("happy/train/1", "happy/test/2", "sad/train/3", beside)
    assert opened(source, "folder").gives_splits


def test_the_class_is_no_split(splits_of, opened, root):
    labels = ClassNames(("test", "control"))
    names = ("train/test/1", "val/control/1", "train/control/test/2")
    with pytest.raises(UsageError, match="train/control/test .test and train"):
        splits_of(*names, labels=labels)
    (root / names[2]).unlink()
    assert splits_of(*names[:2], labels=labels) == {
        "train/test/1": "train",
        "val/control/1": "validation",
    }


def test_the_part_that_a_pattern_finds_is_no_split(splits_of):
    labels = ClassNames(("test", "control"))
    names = ("a_test/1.png", "b_control/1.png")
    found = splits_of(*names, labels=labels, label_pattern=r"_(\w+)/")
    assert found == dict.fromkeys(names)
    names = ("train/1_control.png", "val/1_test.png")
    found = splits_of(*names, labels=labels, label_pattern=r"(?:.*/)?\d_(\w+)\.")
    assert found == {names[0]: "train", names[1]: "validation"}


def test_description_names_the_folders(touch, opened):
    source = opened(touch("set/train/happy/1", "set/val2017/happy/1"))
    assert source.description.endswith(
        "; splits from the folders train, val2017 (validation)"
    )
    source = touch("set/train/happy/1", *(f"set/test{i}/happy/1" for i in range(20)))
    assert opened(source).description.endswith(" (test), …")


def test_rejected_class_above_a_split(touch, read):
    source = touch("happy/train/1", "happy/test/2", "neutral/train/3")
    assert read(source)[1] == {"neutral/train/3": "unknown class 'neutral'"}
