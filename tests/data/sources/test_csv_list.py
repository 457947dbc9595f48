import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.sources.csv_list import CsvSource
from byel_tf.data.sources.item import Item
from byel_tf.data.sources.source import SourceOptions
from byel_tf.errors import RunError, UsageError


def test_names_numbers_and_unlabelled(write, classes_of):
    path = write("list.csv", "path,label\na,joy\nb,0\nc,-1\nd,\ne,6\nf,neutral\n")
    assert classes_of(path) == (
        {"a": "happiness", "b": "anger", "c": None, "d": None},
        {"e": "unknown class '6'", "f": "unknown class 'neutral'"},
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_marks_and_line_ends(write, read, delimiter, start, end):
    lines = ["Image_Path|Emotion|SET", "a, b;c.jpg|anger|Training", "d|fear|PublicTest"]
    cells = [[f'"{cell}"' for cell in line.split("|")] for line in lines]
    path = write("l.txt", start + end.join(delimiter.join(row) for row in cells))
    items, rejects = read(path)
    assert {n: (i.label, i.split) for n, i in items.items()} == {
        "a, b;c.jpg": (0, "train"),
        "d": (2, "validation"),
    }
    assert not rejects


def test_tsv_is_tab_separated(write, classes_of):
    path = write("l.tsv", "path\tlabel\tx,split,person\na,b\tanger\n")
    assert classes_of(path)[0] == {"a,b": "anger"}


def test_delimiter_that_finds_the_columns_counts(write, classes_of):
    path = write("l.csv", 'path,label,"notes; long; with; semicolons"\na;b,anger,\n')
    assert classes_of(path)[0] == {"a;b": "anger"}


def test_newline_in_quotes_is_one_row(write, read):
    path = write("l.csv", 'path,note,label\na,"x\ny",fear\n,"",fear\nb,,fear\n')
    items, rejects = read(path)
    assert list(items) == ["a", "b"]
    assert rejects == {"l.csv row 3": "row has no path"}


def test_rows_without_path_or_with_too_few_fields(write, read):
    path = write("l.csv", "label,path\nfear\nfear, \nfear,a\n")
    assert read(path)[1] == {
        "l.csv row 2": "row has no path",
        "l.csv row 3": "row has no path",
    }
    path = write("l.csv", "path,x,label\nb,1\na,1,fear\n")
    assert read(path)[1] == {"b": "row has too few fields"}


def test_splits_and_subjects(write, opened, read):
    path = write(
        "l.csv",
        "file,label,subset,person\na,fear,dev,p\nb,fear,other,p\nc,fear,,p\nd,fear,test,\n",
    )
    assert opened(path).gives_splits
    items, rejects = read(path)
    assert (items["a"].split, items["a"].subject) == ("validation", "p")
    assert rejects == {
        "b": "unknown split 'other'",
        "c": "row has no split",
        "d": "row has no subject",
    }


def test_without_splits(write, opened):
    assert not opened(write("l.csv", "file,label\na,fear\n")).gives_splits


def test_paths_start_from_the_table_or_the_root(write, read, tmp_path):
    path = write("deep/l.csv", f"path,label\nx\\a,fear\n../b,fear\n{tmp_path}/c,fear\n")
    here = os.fspath(path.parent)
    paths = {name: item.path for name, item in read(path)[0].items()}
    assert paths == {
        "x/a": f"{here}/x/a",
        "../b": f"{here}/../b",
        f"{tmp_path}/c": f"{tmp_path}/c",
    }
    items, _ = read(path, root=os.fspath(tmp_path))
    assert items["x/a"].path == f"{tmp_path}/x/a"


def test_root_must_be_a_folder(write, opened, tmp_path):
    path = write("l.csv", "path,label\na,fear\n")
    with pytest.raises(RunError, match="--root=.*none is not a folder"):
        opened(path, root=f"{tmp_path}/none")


def test_one_path_twice_gives_two_items(write, opened):
    path = write("l.csv", "path,label\na,fear\na,fear\n")
    assert len(list(opened(path).items())) == 2


def test_preferred_column_counts_and_the_others_are_told(write, opened, read):
    path = write("l.csv", "name,Emotion,FILE,label\nn,anger,f,fear\n")
    assert list(read(path)[0].values())[0].label == 2
    source = opened(path)
    assert "path from 'FILE'" in source.description
    assert "not used: 'name', 'Emotion'" in source.description


def test_two_columns_of_one_name(write, opened):
    with pytest.raises(RunError, match="two columns 'label'"):
        opened(write("l.csv", "path,label,Label\n"))
    opened(write("l.csv", "path,label,name,name\n"))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,x", "no column for the label; expected one named label.*found path, x"),
        ("x,label", "no column for the path"),
        ("a.jpg,fear", "no column for the path"),
    ],
)
def test_missing_columns(write, opened, header, message):
    with pytest.raises(RunError, match=message):
        opened(write("l.csv", header + "\n1,2\n"), "csv")


@pytest.mark.parametrize(
    ("rows", "found"), [("", "nothing"), ("a,cat\n", "unknown class 'cat'")]
)
def test_no_image_of_the_classes(write, read, rows, found):
    with pytest.raises(RunError, match=f"no image of the classes \\({found}\\)"):
        read(write("l.csv", "path,label\n" + rows))


def test_error_after_some_rows(write, read):
    with pytest.raises(RunError, match="not UTF-8 text, after row"):
        read(write("l.csv", b"path,label\na,fear\n\xff,fear\n"))


def test_subject_pattern(write, read, opened):
    path = write("l.csv", "path,label\ns1_a,fear\nb,fear\n")
    items, rejects = read(path, subject_pattern=r"(s\d)_")
    assert items["s1_a"].subject == "s1"
    assert rejects == {"b": "name does not match --subject_pattern"}
    path = write("l.csv", "path,label,person\na,fear,x\n")
    with pytest.raises(UsageError, match="has a column 'person' for the subject"):
        opened(path, subject_pattern="(a)")


@pytest.mark.parametrize("name", ["votes", "label_pattern"])
def test_options_without_meaning(write, opened, name):
    path = write("l.csv", "path,label\na,fear\n")
    with pytest.raises(UsageError, match=f"--{name}=.* has no meaning .* csv"):
        opened(path, "csv", **{name: "(x)"})


def test_alias_before_number(write, classes_of):
    path = write("l.csv", "path,label\na,1\nb,2\n")
    labels = ClassNames(DEFAULT_CLASSES, {"1": "surprise"})
    assert classes_of(path, labels=labels)[0] == {"a": "surprise", "b": "fear"}


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.lists(st.lists(cells, max_size=5)), st.sampled_from(",;\t"))
def test_every_row_is_told_once(tmp_path_factory, rows, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["path", "label", "split"], ["a", "fear", "test"], *rows])
    path = tmp_path_factory.mktemp("t") / "l.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    source = CsvSource(str(path), ClassNames(DEFAULT_CLASSES), SourceOptions())
    with path.open(encoding="utf-8", newline="") as file:
        kept = [r for r in csv.reader(file, delimiter=delimiter)]
    kept = [row for row in kept if len(row) > 1 or "".join(row).strip()]
    entries = list(source.items())
    assert len(entries) == len(kept) - 1
    assert isinstance(entries[0], Item)
    assert entries == list(source.items())
