import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError, UsageError

CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SEVEN = ClassNames((*DEFAULT_CLASSES, "neutral"))
LINES = "".join(f"a_{n}.jpg 0 28 113 226 141 22.9362 {n}\n" for n in range(7))


def named(n):
    return f"a_{n}.jpg#box=113,28,226,141"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_expressions_and_edges(write, touch, opened, classes_of, read, start, end):
    """Top comes before left, and right before bottom."""
    path = write("label.lst", (start + LINES).replace("\n", end))
    touch("origin/a_0.jpg")
    assert (opened(path).kind, opened(path).gives_splits) == ("expw", False)
    assert opened(path).gives_boxes
    found, rejects = classes_of(path, labels=SEVEN)
    assert found == {named(n): name for n, name in enumerate(CLASSES)}
    assert not rejects
    items, rejects = read(path)
    assert rejects == {named(6): "unknown class 'neutral'"}
    assert items[named(0)].box == (113, 28, 226, 141)


@pytest.mark.parametrize(
    ("listed", "images"),
    [
        ("label/label.lst", "image/origin"),
        ("data/label/label.lst", "data/image/origin"),
        ("label/label.lst", "origin"),
        ("label.lst", "image"),
        ("labels.lst", "images"),
        ("label.lst", "."),
    ],
)
def test_where_list_and_photographs_are(write, touch, root, read, listed, images):
    path = write(listed, LINES)
    touch(f"{images}/a_3.jpg")
    for source in (root, path):
        items, _ = read(source)
        assert items[named(3)].path in (
            str(root / images / "a_3.jpg"),
            f"{root}/a_3.jpg",
        )


def test_several_faces_of_a_photograph(write, touch, read):
    touch("image/a b.jpg")
    lines = "a b.jpg 0 1 2 11 12 9.5 3\na b.jpg 1 20 30 40.4 50 1e+02 4\n"
    items, rejects = read(write("label.lst", lines))
    assert not rejects
    assert {name: (i.box, i.label) for name, i in items.items()} == {
        "a b.jpg#box=2,1,11,12": ((2, 1, 11, 12), 3),
        "a b.jpg#box=30,20,40,50": ((30, 20, 40.4, 50), 4),
    }
    assert len({item.path for item in items.values()}) == 1


def test_lines_that_cannot_be_taken(write, touch, read):
    touch("a_0.jpg")
    more = (
        "b.jpg 0 28 113 113 141 9.1 0\n"
        "c.jpg 0 28 x 226 141 9.1 0\n"
        "d.jpg 0 nan 113 226 141 9.1 0\n"
        "e.jpg 0 28 113 226 141 9.1 7\n"
        "f.jpg 3\n"
    )
    _, rejects = read(write("label.lst", LINES + more), labels=SEVEN)
    assert rejects == {
        "b.jpg": "the face's box is empty",
        "c.jpg": "the face's box is no four numbers",
        "d.jpg": "the face's box is no four numbers",
        "e.jpg#box=113,28,226,141": "unknown class '7'",
        "label.lst row 12": "line is no name, face, box and label",
    }


def test_subjects_and_options(write, touch, read, opened, root):
    path = write("label.lst", LINES)
    touch("else/a_0.jpg")
    items, _ = read(path, root=str(root / "else"), subject_pattern=r"_(\d)\.jpg$")
    assert items[named(4)].subject == "4"
    with pytest.raises(RunError, match=r"none of the first images .*a_0.jpg, is in"):
        opened(path)
    with pytest.raises(UsageError, match="--votes=v has no meaning"):
        opened(path, "expw", votes="v")


def test_what_is_no_expw(write, touch, opened):
    with pytest.raises(RunError, match="expected lines as 'angry_actor_104.jpg 0 28"):
        opened(write("l.csv", "path,label\n"), "expw")
    with pytest.raises(RunError, match=r"holds no label/label.lst"):
        opened(touch("anger/a"), "expw")
    write("label.lst", b"\x93\xff\0")  # of something else
    assert opened(touch("anger/a")).kind == "folder"
