import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal\n"
)
CLASSES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
EIGHT = ClassNames((*DEFAULT_CLASSES, "neutral", "contempt"))


def row(path, expression):
    return f"{path},134,134,899,899,181.6;530.9;188.1;624.8,{expression},0.78,-0.1\n"


ROWS = "".join(row(f"{n}/{n}.jpg", n) for n in range(11))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["\ufeff" + HEADER, HEADER.upper(), ""])
def test_expressions(write, opened, classes_of, start, end):
    path = write("validation.csv", (start + ROWS).replace("\n", end))
    assert opened(path).kind == "affectnet"
    found, rejects = classes_of(path, labels=EIGHT)
    assert list(found.values()) == [*CLASSES, "contempt"]
    assert rejects == {
        "8/8.jpg": "no expression ('none')",
        "9/9.jpg": "no expression ('uncertain')",
        "10/10.jpg": "no expression ('no face')",
    }
    assert classes_of(path)[1]["7/7.jpg"] == "unknown class 'contempt'"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("training.csv", "train"),
        ("Manually_training.csv", "train"),
        ("validation_filtered.csv", "validation"),
        ("automatically_annotated.csv", "train"),
        ("other.csv", None),
    ],
)
def test_splits_from_the_name(write, opened, read, name, split):
    path = write(name, HEADER + ROWS)
    assert {item.split for item in read(path)[0].values()} == {split}
    assert opened(path).gives_splits == (split is not None)


@pytest.mark.parametrize(
    ("table", "images"),
    [
        ("training.csv", "Manually_Annotated_Images"),
        ("Manually_Annotated_file_lists/training.csv", "Manually_Annotated_Images"),
        (
            "Manually_Annotated_file_lists/training.csv",
            "Manually_Annotated/Manually_Annotated_Images",
        ),
        (
            "Automatically_Annotated_file_lists/automatically_annotated.csv",
            "Automatically_Annotated_Images",
        ),
        ("training.csv", "."),
    ],
)
def test_images_are_found(write, touch, root, read, opened, table, images):
    touch(f"{images}/1/1.jpg")
    path = write(table, HEADER + row("1\\1.jpg", 1) + row("2/2.jpg", 2))
    for source in (path, root):
        assert opened(source).kind == "affectnet"
        items, rejects = read(source)
        assert not rejects
        found = {n: i.path.removeprefix(f"{root}/") for n, i in items.items()}
        prefix = "" if images == "." else f"{images}/"
        assert found == {n: prefix + n for n in ("1/1.jpg", "2/2.jpg")}


def test_each_table_has_its_images(write, touch, read, root):
    kinds = ("Manually_Annotated_Images", "Automatically_Annotated_Images")
    touch(*(f"{kind}/1/1.jpg" for kind in kinds))
    for name, kind in zip(("training", "automatically_annotated"), kinds, strict=True):
        items, _ = read(write(f"{name}.csv", HEADER + row("1/1.jpg", 1)))
        assert items["1/1.jpg"].path == str(root / kind / "1" / "1.jpg")


def test_root_is_the_folder_of_images_or_what_holds_it(write, touch, read, root):
    touch("x/Manually_Annotated_Images/1/1.jpg", "y/1/1.jpg")
    path = write("training.csv", HEADER + row("1/1.jpg", 1))
    for place, images in (("x", "x/Manually_Annotated_Images"), ("y", "y"), (".", ".")):
        items, _ = read(path, root=str(root / place))
        expected = str(root / images / "1" / "1.jpg")
        assert items["1/1.jpg"].path == expected


def test_folder_of_both_tables(write, root, read):
    write("training.csv", HEADER + row("1/1.jpg", 1))
    write("training_filtered.csv", HEADER + row("1/1.jpg", 1))
    write("validation.csv", row("2/2.jpg", 2))
    write("automatically_annotated.csv", HEADER + row("3/3.jpg", 3))
    items, _ = read(root)
    assert {name: item.split for name, item in items.items()} == {
        "1/1.jpg": "train",
        "2/2.jpg": "validation",
    }


def test_rows_that_cannot_be_taken(write, read):
    rows = row("1/1.jpg", 1) + row("", 1) + "3/3.jpg,1\n" + row("4/4.jpg", 11)
    items, rejects = read(write("training.csv", HEADER + rows + row("5/5.jpg", "")))
    assert [item.label for item in items.values()] == [3, -1]
    assert rejects == {
        "training.csv row 3": "row has no path",
        "3/3.jpg": "row has too few fields",
        "4/4.jpg": "unknown class '11'",
    }


def test_subjects(write, read):
    path = write("training.csv", HEADER + row("1/a_1.jpg", 1) + row("2/b.jpg", 1))
    items, rejects = read(path, subject_pattern=r"/(\w)_")
    assert items["1/a_1.jpg"].subject == "a"
    assert rejects == {"2/b.jpg": "name does not match --subject_pattern"}


def test_what_is_no_affectnet(write, touch, opened):
    with pytest.raises(RunError, match="no columns subDirectory_filePath"):
        opened(write("l.csv", "path,label\n"), "affectnet")
    with pytest.raises(RunError, match="holds none of AffectNet's tables training.csv"):
        opened(touch("anger/a"), "affectnet")


def test_boxes(write, read, opened):
    def boxed(name, box):
        return f"{name},{box},1;2,1,0,0\n"

    rows = (
        boxed("1/a.jpg", "10,20,100,110")
        + boxed("1/b.jpg", "-1,-1,-1,-1")
        + boxed("1/c.jpg", ",,,")
        + boxed("1/d.jpg", "1,x,3,4")
        + boxed("1/e.jpg", "1,2,0,4")
        + "1/f.jpg,1\n"
    )
    path = write("training.csv", HEADER + rows)
    assert opened(path).gives_boxes
    assert "boxes from face_x, face_y" in opened(path).description
    items, rejects = read(path)
    assert {name: item.box for name, item in items.items()} == {
        "1/a.jpg": (10, 20, 110, 130),
        "1/b.jpg": None,
        "1/c.jpg": None,
    }
    assert rejects == {
        "1/d.jpg": "the face's box is no four numbers",
        "1/e.jpg": "the face's box is empty",
        "1/f.jpg": "row has too few fields",
    }
    path = write("validation.csv", boxed("1/a.jpg", "10,20,100,110"))
    assert read(path)[0]["1/a.jpg"].box == (10, 20, 110, 130)
    path = write("validation.csv", "subDirectory_filePath,expression\n1/1.jpg,1\n")
    assert not opened(path).gives_boxes
