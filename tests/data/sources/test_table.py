import pytest

from byel_tf.data.sources.table import find_column, first_row, read_rows, told_delimiter
from byel_tf.errors import RunError


def rows(path, delimiter=","):
    return list(read_rows(str(path), delimiter))


def test_marks_quotes_and_line_ends(write):
    path = write("t.csv", '\ufeffa,b\r\n"1\n2","say ""x"""\r\n\r\n  \r\n,\r\n')
    assert rows(path) == [
        (1, ["a", "b"]),
        (2, ["1\n2", 'say "x"']),
        (5, ["", ""]),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n\xff,1\n", "is not UTF-8 text"),
        ("a,ä\n".encode("cp1252"), "is not UTF-8 text, after row 0: save it as UTF"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line contains NUL"),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "is not UTF-8 text"),
        (b"PK\x03\x04\xff\xff", "is a zip archive: unpack it"),
        (b'a,b\n"1,2\n', "is no table, after row 1"),
        (b'a,b\n"1"x,2\n', "is no table, after row 1"),
        (b"a,b\n1\0,2\n", "line contains NUL"),
        (b"a,b\n" + b"x" * 200_000, "field limit"),
        (b"a,b\n" + b"x," * 600_000, "a line has more than"),
        (bytes(2**21), "a line has more than"),
    ],
)
def test_what_is_no_table(write, content, message):
    with pytest.raises(RunError, match=message):
        rows(write("t.csv", content))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("start", ["", "sep=;\r\n", "SEP=;\n", '"sep=;"\n'])
def test_as_spreadsheets_save(write, encoding, start):
    text = start + "a;ü\r\n1;☺, x\r\n"
    path = write("t.csv", text.encode(encoding))
    first = 2 if start else 1
    assert rows(path, ";") == [(first, ["a", "ü"]), (first + 1, ["1", "☺, x"])]
    assert told_delimiter(str(path)) == (";" if start else None)


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_in_both_orders(write, order):
    mark = "\ufeff".encode(f"utf-16-{order}")
    path = write("t.csv", mark + "a\tb\n".encode(f"utf-16-{order}"))
    assert rows(path, "\t") == [(1, ["a", "b"])]


def test_what_only_looks_like_a_separator_line(write):
    assert rows(write("t.csv", "sep=;x,b\n1,2\n"))[0] == (1, ["sep=;x", "b"])
    assert rows(write("t.csv", "a,b\nsep=;\n"))[1] == (2, ["sep=;"])


def test_missing_and_empty_files(write, root):
    with pytest.raises(RunError, match="cannot be read: No such file"):
        rows(root / "none.csv")
    with pytest.raises(RunError, match="is empty"):
        first_row(str(write("t.csv", "\ufeff\n\n")))


def test_columns_are_found_by_what_decides():
    header = ["File Path", "LABEL", "label "]
    assert find_column("t", header, "filepath") == 0
    assert find_column("t", header, "split") is None
    with pytest.raises(RunError, match="t has two columns 'LABEL'"):
        find_column("t", header, "label")
