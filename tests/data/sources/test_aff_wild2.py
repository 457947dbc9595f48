import os

import pytest

from byel_tf.data.labels import ClassNames
from byel_tf.data.sources.aff_wild2 import is_list
from byel_tf.errors import RunError, UsageError

NAMES = {"ANGRER": 0, "DISGUST": 1, "FEAR": 2, "HAPPINESS": 3, "SADNESS": 4}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image,expression", True),
        ("Image, Expressions", True),
        ("\ufeffimage,expressions[0,1,2,3,4,5]", True),
        ("image , expressions [ 0, 1, 2, 3, 4, 5 ]", True),
        ("image", True),
        ("image,label", False),
        ("image,valence,arousal,expression,aus", False),
        ("image,expression,split", False),
        ("path,expression", False),
    ],
)
def test_header_of_a_list(write, header, expected):
    assert is_list(str(write("l.txt", header + "\r\n1.jpg,4\r\n"))) == expected


@pytest.mark.parametrize(
    "header", ["image,expression", "image,expressions[0,1,2,3,4,5]"]
)
def test_list_of_images_beside_it(write, touch, opened, read, header):
    touch("1.jpg")
    rows = "1.jpg,4\r\n2.jpg, -1\r\n3.jpg,\r\n4.jpg\r\n5.jpg,6\r\n,3\r\n"
    path = write("valid_list.txt", header + "\r\n" + rows)
    # Without the header's numbers, 6 leaves open whose list it is.
    format = "auto" if "[" in header else "aff-wild2"
    assert opened(path, format).kind == "aff-wild2"
    items, rejects = read(path, format)
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        "1.jpg": (4, "validation"),
        "2.jpg": (-1, "validation"),
        "3.jpg": (-1, "validation"),
        "4.jpg": (-1, "validation"),
    }
    assert rejects == {
        "5.jpg": "unknown class '6'",
        "valid_list.txt row 7": "row has no path",
    }
    assert items["1.jpg"].path == os.fspath(path.parent / "1.jpg")


def test_numbers_mean_names(write, classes_of):
    path = write("l.csv", "image,expression\na,5\nb,3\nc,0\n")
    labels = ClassNames(("surprised", "happy"))
    assert classes_of(path, labels=labels) == (
        {"a": "surprised", "b": "happy"},
        {"c": "unknown class 'anger'"},
    )


def test_list_that_names_no_split_is_the_test_set(write, read):
    items, _ = read(write("l.csv", "image,expression\na,5\n"))
    assert [item.split for item in items.values()] == ["test"]


def test_images_in_a_folder_beside(write, touch, read, tmp_path):
    touch("images/1.jpg", "other/2.jpg", ".git/1.jpg")
    path = write("test.csv", "image,expression\n1.jpg,4\n3.jpg,4\n")
    items, _ = read(path)
    assert items["1.jpg"].path.endswith("/images/1.jpg")
    assert items["3.jpg"].path.endswith("/images/3.jpg")
    items, _ = read(path, root=str(tmp_path))
    assert items["1.jpg"].path == str(tmp_path / "1.jpg")


def test_images_in_one_of_several_folders(write, touch, read, opened):
    touch("test_set/1.jpg", "validation_set_real_images/1.jpg")
    items, _ = read(write("validation.csv", "image,expression\n1.jpg,4\n"))
    assert items["1.jpg"].path.endswith("/validation_set_real_images/1.jpg")
    touch("validation_set_copy/1.jpg")
    with pytest.raises(RunError, match="may be in .*: give --root"):
        opened(write("validation.csv", "image,expression\n1.jpg,4\n"))


def test_class_folders_and_lists(write, touch, opened, read):
    source = touch(
        *(f"train_images/{name}/1.jpg" for name in NAMES),
        "val_images/1.jpg",
        "val_images/9.jpg",
        "test_images/1.jpg",
        "train_images/.DS_Store",
    )
    write("readme.txt", "about the set")
    write("val.txt", "image,expression\n1.jpg,3\n2.jpg,3\n")
    write("lists/test.txt", "image,expression\n../test_images/1.jpg,\n")
    assert opened(source).kind == "aff-wild2"
    items, rejects = read(source)
    train = {f"train_images/{name}/1.jpg": label for name, label in NAMES.items()}
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        **{name: (label, "train") for name, label in train.items()},
        "1.jpg": (3, "validation"),
        "2.jpg": (3, "validation"),
        "../test_images/1.jpg": (-1, "test"),
    }
    assert rejects == {
        "readme.txt": "not named in a list",
        "train_images/.DS_Store": "hidden or system file",
        "val_images/9.jpg": "not named in a list",
    }
    assert os.path.samefile(items["1.jpg"].path, source / "val_images" / "1.jpg")


def test_published_class_folders(touch, opened, read):
    source = touch(
        "training_set_synthetic_images/ANGRER/1.jpg",
        "validation_set_real_images/SURPRISE/1.jpg",
    )
    assert opened(source).kind == "aff-wild2"
    items, rejects = read(source)
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        "training_set_synthetic_images/ANGRER/1.jpg": (0, "train"),
        "validation_set_real_images/SURPRISE/1.jpg": (5, "validation"),
    }
    assert not rejects


def test_listed_image_in_a_class_folder_is_told_once(write, touch, read):
    source = touch("FEAR/1.jpg", "FEAR/2.jpg")
    write("val.csv", "image,expression\nFEAR/1.jpg,2\n")
    items, _ = read(source)
    assert {n: i.split for n, i in items.items()} == {
        "FEAR/2.jpg": "train",
        "FEAR/1.jpg": "validation",
    }


def test_subjects(write, touch, read):
    touch("FEAR/s1_1.jpg", "FEAR/x.jpg")
    source = write("val.csv", "image,expression\ns2_1.jpg,2\ny.jpg,2\n").parent
    items, rejects = read(source, subject_pattern=r"(s\d)_")
    assert [item.subject for item in items.values()] == ["s1", "s2"]
    assert set(rejects.values()) == {"name does not match --subject_pattern"}


def test_what_is_no_list(write, opened, read):
    with pytest.raises(RunError, match="expected the header image,expression"):
        opened(write("l.csv", "path,label\n"), "aff-wild2")
    with pytest.raises(RunError, match="no image of the classes"):
        read(write("l.csv", "image,expression\n"))
    path = write("m.csv", "image,expression\na,1\n")
    with pytest.raises(UsageError, match="--votes=x has no meaning"):
        opened(path, votes="x")
