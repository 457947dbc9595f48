import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.sources import fer2013
from byel_tf.data.sources.fer2013 import Fer2013Source, parse_row, read_pixels
from byel_tf.data.sources.item import Item
from byel_tf.data.sources.source import SourceOptions
from byel_tf.errors import RunError, UsageError

SEVEN = ClassNames((*DEFAULT_CLASSES, "neutral"))
PIXELS = ["1 2 3 4", "0 255 7 8", "9 9 9 9"]
VALUES = [(2, bytes(map(int, text.split()))) for text in PIXELS]

PLAIN = "emotion,pixels,Usage\n0,{},Training\n6,{},PublicTest\n3,{},PrivateTest\n"
ICML = (
    "emotion, Usage, pixels\n0, Training, {}\n6, PublicTest, {}\n3, PrivateTest, {}\n"
)


def pictures(items):
    return [parse_row(item.path, item.row) for item in items.values()]


@pytest.mark.parametrize("form", [PLAIN, ICML])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_labels_splits_and_pixels(write, opened, read, form, start, end, quote):
    text = start + form.format(*(f"{quote}{pixels}{quote}" for pixels in PIXELS))
    path = write("fer2013.csv", text.replace("\n", end))
    assert opened(path).kind == "fer2013"
    items, rejects = read(path, labels=SEVEN)
    assert {name: (i.label, i.split) for name, i in items.items()} == {
        "fer2013.csv row 00002": (0, "train"),
        "fer2013.csv row 00003": (6, "validation"),
        "fer2013.csv row 00004": (3, "test"),
    }
    assert pictures(items) == VALUES
    assert not rejects


def test_last_line_without_end_and_blank_lines(write, read):
    path = write(
        "f.csv", "emotion,pixels,Usage\n\n0,1 2 3 4,Training\n  \n1,5,Training"
    )
    items, _ = read(path)
    assert list(items) == ["f.csv row 00003", "f.csv row 00005"]
    assert pictures(items) == [(2, bytes((1, 2, 3, 4))), (1, b"\5")]


def test_rows_that_cannot_be_taken(write, read):
    path = write(
        "f.csv",
        "emotion,pixels,Usage\n0,1,Training\n6,1,Training\n9,1,Training\n"
        "0,1,Other\n0,1\n,1,Training\n-1,1,Training\n0,1,\n\xff,1,Training\n",
    )
    items, rejects = read(path)
    assert [item.label for item in items.values()] == [0, -1, -1]
    assert list(rejects.values()) == [
        "unknown class 'neutral'",
        "unknown class '9'",
        "unknown split 'Other'",
        "row has too few fields",
        "row has no split",
        "unknown class 'ÿ'",
    ]


def test_tables_without_usage_or_emotion(write, opened, read):
    path = write("train.csv", "emotion,pixels\n3,1\n")
    assert not opened(path).gives_splits
    assert [i.label for i in read(path)[0].values()] == [3]
    path = write("test.csv", "pixels\n1 2 3 4\n")
    (item,) = read(path)[0].values()
    assert (item.label, item.split) == (-1, None)
    assert parse_row(item.path, item.row) == VALUES[0]


def test_row_that_memory_may_not_hold(write, read, monkeypatch):
    monkeypatch.setattr(fer2013, "_LONGEST_ROW", 100)
    path = write("fer2013.csv", "emotion,pixels,Usage\n0," + "1 " * 100 + ",Training\n")
    with pytest.raises(RunError, match="row 2 has more than 100 bytes"):
        read(path)


def test_names_sort_as_the_rows_do(write, read):
    rows = "".join(f"0,{n % 256},Training\n" for n in range(120_000))
    items, _ = read(write("f.csv", "emotion,pixels,Usage\n" + rows))
    assert len(items) == 120_000
    assert sorted(items) == list(items)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"1 2 3", "no square"),
        (b"", "no square"),
        (b" ", "no square"),
        (b"1 2 3 256", "from 0 to 255"),
        (b"1 2 3 -4", "not a whole number"),
        (b"1 2 3 4.0", "not a whole number"),
        (b"1 2 3 x", "not a whole number"),
        (b"1 2 3 1_0", "not a whole number"),
        (b"1 2 3 " + b"9" * 5000, "from 0 to 255"),
    ],
)
def test_what_is_no_picture(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_pixels(text)


def test_bad_pixels_are_told_when_they_are_read(write, read):
    path = write("f.csv", "emotion,pixels,Usage\n0,1 2 300 4,Training\n")
    (item,) = read(path)[0].values()
    with pytest.raises(ValueError, match="from 0 to 255"):
        parse_row(item.path, item.row)


def test_no_table_of_pixels(write, opened, read):
    with pytest.raises(RunError, match="no column 'pixels'.*found path, label"):
        opened(write("l.csv", "path,label\na,fear\n"), "fer2013")
    with pytest.raises(RunError, match="no image of the classes \\(nothing\\)"):
        read(write("f.csv", "emotion,pixels,Usage\n"))
    with pytest.raises(RunError, match="is empty"):
        opened(write("f.csv", ""), "fer2013")


def test_folder_of_the_competition(write, opened):
    path = write("fer2013/fer2013.csv", PLAIN.format(*PIXELS))
    write("fer2013/README", "")
    assert opened(path.parent).kind == "fer2013"
    assert opened(path.parent, "fer2013").kind == "fer2013"


@pytest.mark.parametrize("name", ["root", "subject_pattern", "label_pattern"])
def test_options_without_meaning(write, opened, name):
    path = write("f.csv", PLAIN.format(*PIXELS))
    with pytest.raises(UsageError, match=f"--{name}=.* has no meaning .* fer2013"):
        opened(path, **{name: "(x)"})


fields = st.text(st.characters(exclude_characters='\n\r,"', exclude_categories=("Cs",)))
LINE = st.lists(fields, min_size=1, max_size=4).map(",".join)


@given(st.lists(LINE), st.sampled_from(["\n", "\r\n"]))
def test_every_row_is_told_once(tmp_path_factory, lines, end):
    path = tmp_path_factory.mktemp("f") / "f.csv"
    lines = ["emotion,pixels,Usage", "0,7,Training", *lines]
    path.write_bytes(end.join(lines).encode())
    source = Fer2013Source(str(path), SEVEN, SourceOptions())
    entries = list(source.items())
    assert len(entries) == sum(bool(line.encode().strip(b' \t"')) for line in lines) - 1
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        if isinstance(entry, Item):
            start, length = entry.row
            row = path.read_bytes()[start : start + length].decode()
            assert row in [line.split(",")[1] for line in lines if "," in line]
