import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError, UsageError

VOTED = (
    *("neutral", "happiness", "surprise", "sadness"),
    *("anger", "disgust", "fear", "contempt"),
)
EIGHT = ClassNames((*DEFAULT_CLASSES, "neutral", "contempt"))
BOX = '"(0, 0, 48, 48)"'


def row(name, votes, box=BOX):
    counts = [votes.get(n, 0) for n in range(10)]
    return ",".join((name, *([box] if box else []), *map(str, counts))) + "\n"


ROWS = "".join(row(f"fer{n}.png", {n: 7, 8: 3}) for n in range(10))


@pytest.fixture
def tree(write, touch):
    def make(base="", rows=ROWS):
        names = ("FER2013Train", "FER2013Valid", "FER2013Test")
        for n, name in enumerate(names):
            write(f"{base}{name}/label.csv", rows.replace("fer", f"fer{n}"))
            root = touch(*(f"{base}{name}/fer{n}{i}.png" for i in range(10)))
        return root

    return make


@pytest.mark.parametrize("base", ["", "data/"])
def test_tree(tree, opened, classes_of, read, base):
    root = tree(base)
    source = opened(root)
    assert (source.kind, source.gives_splits, source.gives_boxes) == (
        "ferplus",
        True,
        True,
    )
    found, rejects = classes_of(root, labels=EIGHT)
    train = {f"FER2013Train/fer0{n}.png": name for n, name in enumerate(VOTED)}
    assert {n: c for n, c in found.items() if "Train" in n} == train
    assert rejects["FER2013Valid/fer18.png"] == "unknown expression, by its votes"
    assert rejects["FER2013Test/fer29.png"] == "no face, by its votes"
    assert len(found) == 24 and len(rejects) == 6
    items, _ = read(root)
    assert {(n[:10], i.split) for n, i in items.items()} == {
        ("FER2013Tra", "train"),
        ("FER2013Val", "validation"),
        ("FER2013Tes", "test"),
    }
    assert items["FER2013Test/fer21.png"].box == (0, 0, 48, 48)
    assert items["FER2013Test/fer21.png"].votes is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_folder_or_table(write, touch, read, opened, end):
    path = write("FER2013Valid/label.csv", ROWS.replace("\n", end))
    folder = touch("FER2013Valid/fer1.png") / "FER2013Valid"
    for source in (path, folder, folder.parent):
        items, _ = read(source)
        assert opened(source).kind == "ferplus"
        assert items["fer1.png"].split == "validation"
        assert items["fer1.png"].path == str(folder / "fer1.png")
    path = write("mine/label.csv", ROWS)
    touch("mine/fer1.png")
    assert not opened(path).gives_splits


def test_soft_votes_and_ties(write, touch, read):
    touch("fer1.png")
    rows = row("fer1.png", {1: 5, 4: 5}) + row("fer2.png", {1: 6, 0: 3, 9: 1})
    path = write("label.csv", rows)
    items, rejects = read(path)
    assert rejects == {"fer1.png": "votes tie"}
    items, _ = read(path, vote_labels="soft", labels=EIGHT)
    assert items["fer1.png"].votes == (5, 0, 0, 5, 0, 0, 0, 0)
    assert items["fer1.png"].label == 0
    assert items["fer2.png"].votes == (0, 0, 0, 6, 0, 0, 3, 0)


def test_tables_without_boxes(write, touch, read, opened):
    touch("fer1.png")
    path = write("label.csv", row("fer1.png", {1: 10}, box=""))
    assert read(path)[0]["fer1.png"].box is None
    assert not opened(path).gives_boxes


def test_rows_and_files_that_cannot_be_taken(write, touch, read):
    touch("fer1.png", "other.png", ".DS_Store")
    rows = (
        row("fer1.png", {1: 9})
        + row("a.png", {1: 9}, '"(5, 5, 5, 48)"')
        + row("b.png", {1: 9}, '"(5, 5, 48)"')
        + row("", {1: 9})
        + "c.png,3\n"
        + row("d.png", {})
    )
    items, rejects = read(write("label.csv", rows))
    assert list(items) == ["fer1.png"]
    assert rejects == {
        "a.png": "the face's box is empty",
        "b.png": "the face's box is no four numbers",
        "label.csv row 4": "row is no name, box and ten votes",
        "label.csv row 5": "row is no name, box and ten votes",
        "d.png": "no votes",
        "other.png": "not named in label.csv",
        ".DS_Store": "hidden or system file",
    }


def test_pictures_elsewhere_or_nowhere(write, touch, read, opened, root):
    path = write("labels/FER2013Train/label.csv", ROWS)
    with pytest.raises(RunError, match=r"make them by .* fer2013.csv as --source"):
        opened(path)
    for images in ("flat", "tree/FER2013Train"):
        touch(f"{images}/fer1.png")
        items, _ = read(path, root=str(root / images.split("/")[0]))
        assert items["fer1.png"].path == str(root / images / "fer1.png")


def test_options(write, touch, read, opened):
    touch("fer1.png")
    path = write("label.csv", ROWS)
    items, _ = read(path, subject_pattern=r"(\d)\.png")
    assert items["fer2.png"].subject == "2"
    with pytest.raises(UsageError, match="--label_pattern=.* has no meaning"):
        opened(path, label_pattern="(a)")


def test_what_is_no_ferplus(write, touch, opened, tree):
    with pytest.raises(RunError, match="is no label.csv of FERPlus"):
        opened(write("l.csv", "path,label\n"), "ferplus")
    with pytest.raises(RunError, match="is no label.csv of FERPlus"):
        opened(touch("anger/a"), "ferplus")
    for content in (b"\x93\xff\0", b"", b"path,label\n"):  # of something else
        write("label.csv", content)
        assert opened(touch("anger/a")).kind == "folder"
    root = tree()
    write("FER2013Test/label.csv", "a.png,3\n")
    with pytest.raises(RunError, match="is no label.csv of FERPlus"):
        opened(root)
