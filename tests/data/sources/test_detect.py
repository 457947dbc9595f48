import os

import pytest

from byel_tf.data.sources.detect import FORMATS
from byel_tf.errors import RunError, UsageError


def test_formats():
    assert FORMATS == (
        "auto",
        "folder",
        "csv",
        "fer2013",
        "aff-wild2",
        "raf-db",
        "affectnet",
        "ferplus",
        "expw",
        "ck-plus",
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("emotion,pixels,Usage\n", "fer2013"),
        ("subDirectory_filePath,label,expression\n", "affectnet"),
        ("image,expression\n", "aff-wild2"),
        ("image,expression,split\n", "csv"),
        ("image,label\n", "csv"),
        ('"image";"label"\n', "csv"),
        ('path,"label\n"\n', "csv"),
    ],
)
def test_file_by_its_header(write, opened, content, kind):
    path = write("any.dat", content)
    source = opened(path)
    assert source.kind == kind
    assert source.description
    assert "\n" not in source.description


def test_folder_without_more_is_a_folder(touch, write, opened):
    write("list.csv", "path,label\n")
    write("training.csv", "path,label\n")
    write("notes.txt", b"\xff")
    source = touch("anger/a")
    assert opened(source).kind == "folder"


def test_label_pattern_makes_it_a_folder(touch, write, opened):
    write("fer2013.csv", "emotion,pixels,Usage\n")
    assert opened(touch("a_joy"), label_pattern="_(joy)").kind == "folder"


def test_header_of_aff_wild2_with_numbers_of_another_order(write, opened):
    path = write("l.csv", "image,expression\na,0\nb,-1\nc,5.0\nd,\n")
    assert opened(path).kind == "aff-wild2"
    assert opened(path, label_numbers="0").kind == "csv"
    path = write("l.csv", "image,expression\na,0\nb,7\n")
    with pytest.raises(UsageError, match="7 is out of range"):
        opened(path)


def test_format_given_comes_first(write, opened):
    path = write("l.csv", "image,expression\na,fear\n")
    assert opened(path, "csv").kind == "csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no known table: looked for .* found 'a, b': see --format"),
        ("", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG image: give the folder"),
        (b"\xff\xff\xff", "is not UTF-8 text"),
    ],
)
def test_file_of_no_known_format(write, opened, content, message):
    with pytest.raises(RunError, match=message):
        opened(write("x", content))


def test_missing_source(root, opened):
    with pytest.raises(RunError, match="--source=.*none does not exist"):
        opened(root / "none")


def test_source_that_cannot_be_read_twice(root, opened):
    os.mkfifo(root / "pipe")
    with pytest.raises(RunError, match="neither a folder nor a regular file"):
        opened(root / "pipe")


def test_unknown_format(root, opened):
    with pytest.raises(UsageError, match="--format=ferp is none of .* auto, folder"):
        opened(root, "ferp")


@pytest.mark.parametrize("format", ["csv", "fer2013"])
def test_folder_as_a_table(touch, opened, format):
    with pytest.raises(RunError, match=f"a folder, and --format={format} is a table"):
        opened(touch("anger/a"), format)
