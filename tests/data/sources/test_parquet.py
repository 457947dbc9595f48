import json

import pyarrow
import pyarrow.parquet
import pytest

from byel_tf.data.sources.parquet import is_parquet, read_rows, unreadable_columns
from byel_tf.errors import RunError


@pytest.fixture
def write_table(root):
    """Writes a Parquet file from lists by column."""

    def make(row_group_size=2, **columns):
        path = root / "faces.parquet"
        table = pyarrow.table(columns)
        pyarrow.parquet.write_table(table, path, row_group_size=row_group_size)
        return path

    return make


def test_table_is_read_as_csv_is(write_table, opened, read):
    path = write_table(
        image_path=["a.png", "b.png", "c.png", None, "e.png"],
        label=[0.0, 3.0, None, 1.0, 2.5],
        split=["train", "test", "val", "train", "train"],
        person=pyarrow.array(["p", "q", "p", "q", "p"]).dictionary_encode(),
        embedding=[[0.5, 1.5]] * 5,
        left=[1] * 5,
        top=[2] * 5,
        width=[10] * 5,
        height=[20] * 5,
    )
    assert opened(path).description.endswith("not used: 'embedding'")
    items, rejects = read(path)
    assert {n: (i.label, i.split, i.subject) for n, i in items.items()} == {
        "a.png#box=1,2,11,22": (0, "train", "p"),
        "b.png#box=1,2,11,22": (3, "test", "q"),
        "c.png#box=1,2,11,22": (-1, "validation", "p"),
    }
    assert rejects == {
        "faces.parquet row 5": "row has no path",
        "e.png": "unknown class '2.5'",
    }


def test_labels_by_name_and_a_root(write_table, classes_of, tmp_path):
    path = write_table(file=["a"], emotion=["joy"])
    assert classes_of(path, root=str(tmp_path))[0] == {"a": "happiness"}


def test_pictures_within_the_table_stop(write_table, opened, read):
    path = write_table(
        image=[{"bytes": b"\x89PNG", "path": "a.png"}], label=[0], file=["a.png"]
    )
    assert list(read(path)[0]) == ["a.png"]  # paths are there, too
    path = write_table(image=[{"bytes": b"\x89PNG", "path": "a.png"}], label=[0])
    with pytest.raises(RunError, match="'image' holds the pictures themselves"):
        opened(path)
    with pytest.raises(RunError, match="'image' holds the pictures themselves"):
        opened(write_table(image=[b"\x89PNG"], label=[0]))
    assert unreadable_columns(str(path)) == ["image"]


def test_damaged_file(write_table, opened):
    path = write_table(file=["a.png"] * 100, label=["fear"] * 100)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match="is no whole Parquet table"):
        opened(path)


def test_rows_as_text(write_table, write):
    path = write_table(n=[1, None, 3], f=[1.5, 2.0, None], b=[True, None, False])
    assert list(read_rows(str(path))) == [
        ["n", "f", "b"],
        ["1", "1.5", "True"],
        ["", "2.0", ""],
        ["3", "", "False"],
    ]
    assert is_parquet(str(path))
    assert not is_parquet(str(write("t.csv", "PAR,1\n")))


def test_names_of_labels_that_the_table_notes(root, opened, classes_of):
    names = ["sad", "happy", "neutral", "anger", "fear", "disgust"]
    feature = {"names": names, "_type": "ClassLabel"}
    noted = {"info": {"features": {"label": feature, "file": {"_type": "Value"}}}}
    table = pyarrow.table({"file": ["a", "b", "c"], "label": [0, 1, 2]})
    path = root / "t.parquet"
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(noted)}), path
    )
    assert classes_of(path) == (
        {"a": "sadness", "b": "happiness"},
        {"c": "unknown class 'neutral'"},
    )
    assert "numbers as the table says: sad, happy, " in opened(path).description
    assert classes_of(path, label_numbers="0")[0]["a"] == "anger"


@pytest.mark.parametrize("noted", ["", "{", "[]", "null", '{"info": {"features": []}}'])
def test_other_notes(root, classes_of, noted):
    table = pyarrow.table({"file": ["a"], "label": [0]})
    path = root / "t.parquet"
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": noted}), path
    )
    assert classes_of(path)[0] == {"a": "anger"}


def test_labels_that_are_no_text_stop(write_table, opened):
    path = write_table(file=["a"], label=[[0.1, 0.9]])
    with pytest.raises(RunError, match="'label' for the label holds neither text nor"):
        opened(path)
