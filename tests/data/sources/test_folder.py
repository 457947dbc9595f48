import os
import unicodedata

import pytest

from byel_tf.data.labels import ClassNames
from byel_tf.errors import RunError, UsageError

JAFFE = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "SA": "sadness",
    "SU": "surprise",
}
JAFFE_LABEL = r"\.(AN|DI|FE|HA|NE|SA|SU)\d"


def test_class_folders_in_common_spellings(touch, classes_of):
    source = touch("happy/b.jpg", "happy/a.png", "SAD/x", "Fear/y", "anger/z")
    assert classes_of(source) == (
        {
            "happy/a.png": "happiness",
            "happy/b.jpg": "happiness",
            "SAD/x": "sadness",
            "Fear/y": "fear",
            "anger/z": "anger",
        },
        {},
    )


def test_first_class_on_the_path_counts(touch, classes_of):
    source = touch("photos/anger/a", "fear/subject 1/b", "fear/anger/c")
    assert classes_of(source)[0] == {
        "photos/anger/a": "anger",
        "fear/subject 1/b": "fear",
        "fear/anger/c": "fear",
    }


def test_composed_and_decomposed_folder_names(touch, classes_of):
    name = "dégoût"
    labels = ClassNames(("colère", name))
    source = touch(f"{unicodedata.normalize('NFD', name)}/a")
    assert list(classes_of(source, labels=labels)[0].values()) == [name]


def test_everything_else_is_rejected_with_a_reason(touch, classes_of):
    hidden = (
        *("anger/.DS_Store", "fear/Thumbs.db", ".hidden", "anger/.git/x"),
        *("__MACOSX/anger/._a.png", "__MACOSX/anger/a.png", "anger/ehthumbs.db"),
        *("anger/@eaDir/a.png", "$RECYCLE.BIN/anger/b", "lost+found/c", "fear/Icon\r"),
        *("System Volume Information/x", "fear/.ipynb_checkpoints/b-checkpoint.png"),
        *(".Trash-1000/files/fear/y", "anger/~$list.xlsx", "anger/Desktop.ini"),
    )
    source = touch("anger/a", "neutral/b", "x/y/c", "d", *hidden)
    assert classes_of(source)[1] == {
        "neutral/b": "unknown class 'neutral'",
        "x/y/c": "unknown class 'y'",
        "d": "not in a class folder",
        **dict.fromkeys(hidden, "hidden or system file"),
    }


def test_order_does_not_depend_on_the_file_system(touch, read):
    source = touch("fear/2", "anger/b", "fear/10", "anger/a")
    assert list(read(source)[0]) == ["anger/a", "anger/b", "fear/10", "fear/2"]


def test_items_name_their_files(touch, read):
    source = touch("photos/anger/a")
    (item,) = read(source)[0].values()
    assert os.path.samefile(item.path, source / "photos" / "anger" / "a")
    assert (item.split, item.subject, item.votes, item.row) == (None,) * 4


def test_hostile_names(touch, classes_of):
    source = touch("anger/line\nbreak", "anger/ünï ☺", b"anger/\xff.png", b"\xfe/x")
    examples, rejected = classes_of(source)
    assert set(examples) == {
        "anger/line\nbreak",
        "anger/ünï ☺",
        os.fsdecode(b"anger/\xff.png"),
    }
    assert list(rejected) == [os.fsdecode(b"\xfe/x")]


def test_reason_is_one_short_line(touch, classes_of):
    source = touch("anger/a", "x\ny/b", "z" * 200 + "/c")
    assert list(classes_of(source)[1].values()) == [
        "unknown class 'x y'",
        "unknown class '" + "z" * 59 + "…'",
    ]


def test_linked_class_folder_is_followed(touch, tmp_path, classes_of):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "a").write_bytes(b"")
    source = touch("fear/b")
    (source / "anger").symlink_to(tmp_path / "elsewhere")
    assert classes_of(source) == ({"anger/deep/a": "anger", "fear/b": "fear"}, {})


@pytest.mark.parametrize("target", [".", "..", "anger", "../.."])
def test_link_loop_ends(touch, target, classes_of):
    source = touch("anger/a")
    (source / "anger" / "loop").symlink_to(source / target)
    assert classes_of(source) == (
        {"anger/a": "anger"},
        {"anger/loop": "link to a folder that is listed anyway"},
    )


def test_link_loop_outside_ends(touch, tmp_path, classes_of):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"")
    (outside / "loop").symlink_to(outside)
    source = touch("fear/b")
    (source / "anger").symlink_to(outside)
    (source / "surprise").symlink_to(outside)
    examples, rejected = classes_of(source)
    assert examples == {"anger/a": "anger", "fear/b": "fear"}
    assert rejected == {
        "anger/loop": "folder is listed as anger already",
        "surprise": "folder is listed as anger already",
    }


def test_source_may_be_a_link(touch, tmp_path, classes_of):
    (tmp_path / "link").symlink_to(touch("anger/a"))
    assert classes_of(tmp_path / "link")[0] == {"anger/a": "anger"}


def test_source_that_is_no_folder(write, opened):
    with pytest.raises(RunError, match="is not a folder"):
        opened(write("file", ""), "folder")


def test_no_known_class(touch, read):
    source = touch("cat/a", "dog/b")
    with pytest.raises(RunError, match=r"unknown class 'cat', unknown .*: rename the"):
        read(source)


def test_empty_source(touch, read):
    with pytest.raises(RunError, match="found: nothing"):
        read(touch())


def fail_to_scan(monkeypatch, folder):
    scan = os.scandir

    def denied(path):
        if os.fspath(path) == os.fspath(folder):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)


def test_unreadable_folder_is_a_reject(touch, monkeypatch, classes_of):
    source = touch("anger/a", "fear/b")
    fail_to_scan(monkeypatch, source / "fear")
    assert classes_of(source) == (
        {"anger/a": "anger"},
        {"fear": "folder cannot be read: Permission denied"},
    )


def test_last_folder_unreadable(touch, monkeypatch, classes_of):
    source = touch("anger/a", "surprise/z/b")
    fail_to_scan(monkeypatch, source / "surprise" / "z")
    assert list(classes_of(source)[1]) == ["surprise/z"]


def test_unreadable_source(touch, monkeypatch, opened):
    source = touch("anger/a")
    fail_to_scan(monkeypatch, source)
    with pytest.raises(RunError, match="source cannot be read: Permission denied"):
        opened(source, "folder")


def splits_of(read, source, **options):
    return {name: item.split for name, item in read(source, **options)[0].items()}


def test_top_folders_named_as_splits_give_them(touch, opened, read):
    source = touch("Training/anger/a", "VAL/x/fear/b", "test/sad/c", "docs/d", "e")
    assert opened(source).gives_splits
    assert splits_of(read, source) == {
        "Training/anger/a": "train",
        "VAL/x/fear/b": "validation",
        "test/sad/c": "test",
    }


def test_classes_named_as_splits_are_classes(touch, opened, read):
    labels = ClassNames(("train", "test"))
    source = touch("train/a", "test/b")
    assert not opened(source, labels=labels).gives_splits
    items, _ = read(source, labels=labels)
    assert [item.label for item in items.values()] == [1, 0]


@pytest.mark.parametrize(
    "left",
    [
        *(".cache/anger/b", "__MACOSX/anger/._b", "train/@eaDir/anger/c"),
        *("$RECYCLE.BIN/S-1-5/anger/d", "__MACOSX/test/anger/._e", "anger/Thumbs.db"),
        *("anger/.ipynb_checkpoints/f", "System Volume Information/fear/g"),
    ],
)
def test_what_systems_leave_decides_nothing(touch, opened, left):
    source = opened(touch("train/anger/a", left))
    assert source.gives_splits
    assert source.description.endswith("splits from the folders train")


def test_label_and_subject_in_the_name(touch, read):
    labels = ClassNames(tuple(JAFFE.values()), JAFFE)
    source = touch("KA.AN1.39.tiff", "KM.SU2.1.tiff", "KA.NE1.2.tiff", "README")
    items, rejects = read(
        source,
        labels=labels,
        label_pattern=JAFFE_LABEL,
        subject_pattern=r"^(?:.*/)?([A-Z]{2})\.",
    )
    assert {n: (i.label, i.subject) for n, i in items.items()} == {
        "KA.AN1.39.tiff": (0, "KA"),
        "KM.SU2.1.tiff": (5, "KM"),
    }
    assert rejects == {
        "KA.NE1.2.tiff": "unknown class 'NE'",
        "README": "name does not match --label_pattern",
    }


def test_label_pattern_sees_the_whole_path(touch, classes_of):
    source = touch("x_joy/1.png", "x_sad/2.png")
    found = classes_of(source, label_pattern=r"_(?P<label>\w+)/(\d)")[0]
    assert found == {"x_joy/1.png": "happiness", "x_sad/2.png": "sadness"}


def test_splits_with_a_label_pattern(touch, opened, read):
    source = touch("train/anger_1.png", "test/deep/fear_2.png")
    assert splits_of(read, source, label_pattern=r"([a-z]+)_\d") == {
        "train/anger_1.png": "train",
        "test/deep/fear_2.png": "test",
    }
    touch("joy_3.png")
    with pytest.raises(UsageError, match=r"the source itself \(no split\)"):
        opened(source, label_pattern=r"([a-z]+)_\d")
    source = opened(source, label_pattern=r"([a-z]+)_\d", deals_anew=True)
    assert not source.gives_splits


def test_name_without_subject_is_rejected(touch, read):
    source = touch("anger/S005_001_00000011.png", "anger/other.png")
    items, rejects = read(source, subject_pattern=r"(S\d+)_")
    assert [item.subject for item in items.values()] == ["S005"]
    assert rejects == {"anger/other.png": "name does not match --subject_pattern"}


def test_subject_of_a_name_that_is_not_utf8_can_be_written(touch, read):
    source = touch(b"anger/\xff_1.png", b"anger/\xfe_1.png", "anger/é_1.png")
    items, _ = read(source, subject_pattern=r"/(.*)_")
    assert {item.subject for item in items.values()} == {"\\xff", "\\xfe", "é"}


def test_options_without_meaning(touch, opened):
    source = touch("anger/a")
    with pytest.raises(UsageError, match="--root=x has no meaning"):
        opened(source, root="x")
    with pytest.raises(
        UsageError, match="--votes=x and --label_pat.* both give labels"
    ):
        opened(source, votes="x", label_pattern="(a)")
    with pytest.raises(UsageError, match="--votes=x and --label_numbers=1 both give"):
        opened(source, "folder", votes="x", label_numbers="1")


def test_empty_group_is_no_match(touch, read):
    source = touch("anger/1_a", "anger/_b")
    items, rejects = read(source, subject_pattern=r"/(\d*)_")
    assert list(items) == ["anger/1_a"]
    assert list(rejects) == ["anger/_b"]


NUMBERED = ("train/1/a", "train/6/b", "train/7/c", "test/2/d")


def test_folders_named_by_numbers(touch, opened):
    source = touch(*NUMBERED)
    with pytest.raises(UsageError, match="classes are numbers") as error:
        opened(source)
    fitting = ("affectnet (0 neutral", "raf-db (1 surprise 2", "ferplus (", "ck-plus (")
    for order in fitting:
        assert f"--label_numbers={order}" in str(error.value)
    for other in ("fer2013", "aff-wild2", "=0 (", "=1 ("):
        assert other not in str(error.value)


def test_numbers_that_are_explained(touch, read, classes_of):
    source = touch(*NUMBERED)
    assert splits_of(read, source, label_numbers="raf-db")["test/2/d"] == "test"
    assert classes_of(source, label_numbers="raf-db") == (
        {"train/1/a": "surprise", "train/6/b": "anger", "test/2/d": "fear"},
        {"train/7/c": "unknown class 'neutral'"},
    )
    assert classes_of(source, label_numbers="1") == (
        {"train/1/a": "anger", "train/6/b": "surprise", "test/2/d": "disgust"},
        {"train/7/c": "unknown class '7'"},
    )


def test_names_come_before_numbers(touch, classes_of):
    source = touch("1/happy/a", "2/b", "2013/3/1/c")
    assert classes_of(source, label_numbers="1")[0] == {
        "1/happy/a": "happiness",
        "2/b": "disgust",
        "2013/3/1/c": "fear",
    }


def test_numbers_in_names(touch, opened, classes_of):
    source = touch("p1_3.jpg", "p2_0.jpg", "p2_9.jpg")
    with pytest.raises(UsageError, match="the classes are numbers"):
        opened(source, label_pattern=r"_(\d)\.")
    found = classes_of(source, label_pattern=r"_(\d)\.", label_numbers="affectnet")
    assert found == (
        {"p1_3.jpg": "surprise"},
        {
            "p2_0.jpg": "unknown class 'neutral'",
            "p2_9.jpg": "no expression ('uncertain')",
        },
    )


def test_numbered_folders_beside_classes_are_not_asked_about(touch, classes_of):
    source = touch("2013/happy/a", "12/b")
    assert classes_of(source) == (
        {"2013/happy/a": "happiness"},
        {"12/b": "unknown class '12'"},
    )


def test_what_to_do_without_classes(touch, read, write):
    source = touch("1.jpg")
    with pytest.raises(RunError, match="without labels are for the program predict"):
        read(source)
    write("labels.csv", "image,label\n1.jpg,happy\n")
    with pytest.raises(RunError, match=r"given as --source=.*labels\.csv"):
        read(source, "folder")
