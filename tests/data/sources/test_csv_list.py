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
    assert classes_of(path, label_numbers="0") == (
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
        ("path,x", "no column for the label; .* found path, x: name it by --label_co"),
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
    labels = ClassNames(DEFAULT_CLASSES, {"1": "surprise", "2": "fear"})
    assert classes_of(path, labels=labels)[0] == {"a": "surprise", "b": "fear"}


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.lists(st.lists(cells, max_size=5)), st.sampled_from(",;\t"))
def test_every_row_is_told_once(tmp_path_factory, rows, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["path", "label", "split"], ["a", "fear", "test"], *rows])
    path = tmp_path_factory.mktemp("t") / "l.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    source = CsvSource(
        str(path), ClassNames(DEFAULT_CLASSES), SourceOptions(label_numbers="0")
    )
    with path.open(encoding="utf-8", newline="") as file:
        kept = [r for r in csv.reader(file, delimiter=delimiter)]
    kept = [row for row in kept if len(row) > 1 or "".join(row).strip()]
    entries = list(source.items())
    assert len(entries) == len(kept) - 1
    assert isinstance(entries[0], Item)
    assert entries == list(source.items())


def numbered(*numbers):
    return "path,label\n" + "".join(f"{n}.png,{n}\n" for n in numbers)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        (("1", "2", "3", "4", "5", "6"), "0 is missing and 6 is out of range"),
        (("1.0", "2.0000000e+00"), "numbers 1 and 2, .* 0 is missing"),
        (("0", "6", "fear"), "6 is out of range"),
    ],
)
def test_numbers_that_are_hardly_indices_stop(write, opened, numbers, reason):
    path = write("l.csv", numbered(*numbers))
    with pytest.raises(UsageError, match=reason):
        opened(path)
    assert opened(path, label_numbers="1").kind == "csv"


def test_numbers_that_are_explained(write, classes_of):
    path = write("l.csv", numbered("1", "6", "7", "9", "-1", "fear"))
    assert classes_of(path, label_numbers="raf-db") == (
        {"1.png": "surprise", "6.png": "anger", "-1.png": None, "fear.png": "fear"},
        {"7.png": "unknown class 'neutral'", "9.png": "unknown class '9'"},
    )
    found, rejects = classes_of(path, label_numbers="6=fear,7=sad")
    assert (found["6.png"], found["7.png"]) == ("fear", "sadness")
    assert rejects["1.png"] == "unknown class '1'"


@pytest.mark.parametrize(
    ("header", "used"),
    [
        (",pth,label,relFCs", "path from 'pth', label from 'label'"),
        ("image_name,emotion_label", "path from 'image_name', label from 'emotion_lab"),
        ("target,img_path", "path from 'img_path', label from 'target'"),
        ("y,img", "path from 'img', label from 'y'"),
        ("image_id,expr", "path from 'image_id', label from 'expr'"),
        ("File Path,Class Name", "path from 'File Path', label from 'Class Name'"),
    ],
)
def test_columns_by_other_names(write, opened, header, used):
    row = ",".join("fear" for _ in header.split(","))
    source = opened(write("l.csv", f"{header}\n{row}\n"), "csv")
    assert used in source.description
    assert len(list(source.items())) == 1


def test_columns_that_are_not_used_are_named(write, opened):
    path = write("l.csv", ',pth,label,relFCs,bbox\n0,a,fear,1,"[1, 2, 3, 4]"\n')
    assert opened(path).description.endswith(
        "; no splits given; not used: column 1 (without a name), 'relFCs', 'bbox' (a "
        "box in one column is written in several ways: give it in four, as left, top, "
        "right, bottom)"
    )
    many = ",".join(f"c{n}" for n in range(40))
    source = opened(write("l.csv", f"path,label,{many}\na,fear{',1' * 40}\n"))
    assert source.description.endswith("'c11' and 28 more")
    (item,) = source.items()
    assert item.box is None


def test_columns_that_the_user_names(write, opened, read):
    text = "id,mood,when,who,path,label\na,fear,Test set,p,b,anger\n"
    path = write("l.csv", text)
    named = {
        "path_column": "id",
        "label_column": "MOOD",
        "split_column": "when",
        "subject_column": "who",
    }
    ((name, item),) = read(path, **named)[0].items()
    assert (name, item.label, item.split, item.subject) == ("a", 2, "test", "p")
    assert "not used: 'path', 'label'" in opened(path, **named).description
    named["split_column"] = "where"
    with pytest.raises(
        UsageError, match="--split_column=where: .* no such column, but 'id', 'mood'"
    ):
        opened(path, **named)
    with pytest.raises(UsageError, match="--label_column=id: .* another role"):
        opened(path, path_column="id", label_column="id")
    with pytest.raises(UsageError, match="--label_column=mood has no meaning .*folder"):
        opened(path.parent, "folder", label_column="mood")


def test_excel_says_the_delimiter(write, classes_of):
    path = write("l.csv", "sep=;\r\npath;label\r\na,b;fear\r\n;fear\r\n")
    assert classes_of(path) == (
        {"a,b": "fear"},
        {"l.csv row 4": "row has no path"},
    )


FACES = """path,label,{}
a.jpg,fear,10,20,100,120
a.jpg,anger,110.4,20,90.2,120
b.jpg,fear,,,,
c.jpg,fear,1,,3,4
d.jpg,fear,x,2,3,4
e.jpg,fear,0.1,0.1,0.5,0.6
f.jpg,fear,5,5,-1,-1
g.jpg,fear,5,5,0.5,40
h.jpg,fear,5,5,40,0.5
"""


@pytest.mark.parametrize(
    "columns",
    [
        "x,y,w,h",
        "X,Y,Width,Height",
        "left,top,width,height",
        "face_x,face_y,face_width,face_height",
        "bbox_x,bbox_y,bbox_w,bbox_h",
        "bbox_left,bbox_top,bbox_width,bbox_height",
        "x1,y1,w,h",
    ],
)
def test_boxes_with_a_size(write, opened, read, columns):
    path = write("l.csv", FACES.format(columns))
    source = opened(path)
    assert source.gives_boxes
    shown = ", ".join(f"'{name}'" for name in columns.split(","))
    assert f"label from 'label', box from {shown}; no splits" in source.description
    items, rejects = read(path)
    boxes = {name: item.box for name, item in items.items()}
    assert boxes == {
        "a.jpg#box=10,20,110,140": (10, 20, 110, 140),
        "a.jpg#box=110,20,201,140": pytest.approx((110.4, 20, 200.6, 140)),
        "b.jpg": None,
    }
    assert {os.path.basename(item.path) for item in items.values()} == {
        "a.jpg",
        "b.jpg",
    }
    assert list(rejects) == [f"{name}.jpg" for name in "cdefgh"]
    assert rejects["e.jpg"].startswith("the face's box is smaller than a pixel")


@pytest.mark.parametrize(
    "columns",
    [
        "left,top,right,bottom",
        "xmin,ymin,xmax,ymax",
        "x_min,y_min,x_max,y_max",
        "x1,y1,x2,y2",
        "x0,y0,x1,y1",
        "Face_Left,Face_Top,Face_Right,Face_Bottom",
        "bbox_x1,bbox_y1,bbox_x2,bbox_y2",
    ],
)
def test_boxes_with_edges(write, read, columns):
    row = "a.jpg,fear,10,20,110,140\nb.jpg,fear,9,9,9,10\n"
    items, rejects = read(write("l.csv", f"path,label,{columns}\n{row}"))
    assert [item.box for item in items.values()] == [(10, 20, 110, 140)]
    assert list(items) == ["a.jpg#box=10,20,110,140"]
    assert list(rejects) == ["b.jpg"]


@pytest.mark.parametrize(
    "columns",
    [
        "width,height",
        "x,y,w",
        "left,top,right",
        "x1,y1,x2,y2,x3,y3",  # landmarks
        "face_x,face_y,w,h",
        "xmin,ymin",
    ],
)
def test_columns_that_make_no_box(write, opened, columns):
    row = ",1" * len(columns.split(","))
    source = opened(write("l.csv", f"path,label,{columns}\na,fear{row}\n"))
    assert not source.gives_boxes
    shown = ", ".join(f"'{name}'" for name in columns.split(","))
    assert source.description.endswith(f"not used: {shown}")


def test_picture_size_beside_a_box(write, read):
    header = "path,label,width,height,xmin,ymin,xmax,ymax"
    items, _ = read(write("l.csv", f"{header}\na,fear,640,480,1,2,11,22\n"))
    assert [item.box for item in items.values()] == [(1, 2, 11, 22)]


def test_several_boxes_stop(write, opened):
    header = "path,label,x,y,w,h,face_left,face_top,face_right,face_bottom"
    with pytest.raises(RunError, match="several boxes .'face_left'.*; 'x', 'y'"):
        opened(write("l.csv", header + "\n"))


def test_column_of_a_box_may_be_named_as_label(write, opened, read):
    path = write("l.csv", "path,x,y,w,h\na,1,fear,2,3\n")
    items, _ = read(path, path_column="path", label_column="y")
    assert [(item.label, item.box) for item in items.values()] == [(2, None)]
    with pytest.raises(RunError, match="no column for the label"):
        opened(path, "csv")  # y is the box's


def test_subject_is_found_in_the_picture_not_the_box(write, read):
    path = write("l.csv", "path,label,x,y,w,h\np7_a.jpg,fear,1,2,3,4\n")
    items, _ = read(path, subject_pattern=r"(\d+)[^\d]*$")
    assert [item.subject for item in items.values()] == ["7"]
