import dataclasses
import pathlib
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.errors import UsageError
from byel_tf.flagfiles import read_flagfile, read_line, to_line
from byel_tf.flagging import option, parse, to_flagfile

TEXT = "# run\n--train_data=faces/ä\n\n--size=3\n"


@pytest.fixture
def read(tmp_path):
    def write_and_read(content):
        file = tmp_path / "run.cfg"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_flagfile(str(file)))

    return write_and_read


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "\ufeff-be", "\ufeff-le"]
)
def test_as_any_editor_saves_it(read, encoding, end):
    text = TEXT.replace("\n", end)
    if encoding.startswith("\ufeff"):
        content = f"\ufeff{text}".encode(f"utf-16{encoding[1:]}")
    else:
        content = text.encode(encoding)
    assert read(content) == [("--train_data=faces/ä", 2), ("--size=3", 4)]


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        ("--a=1", "--a=1"),
        ("\t--a=1 \t", "--a=1"),
        ("-a=1", "-a=1"),
        ("--a 1", "--a=1"),
        ("--a\t \t1", "--a=1"),
        ("-a 1", "-a=1"),
        ("--a = 1", "--a=1"),
        ("--a= 1", "--a=1"),
        ("--a=", "--a="),
        ("--a", "--a"),
        ("--noa", "--noa"),
        ("--a false", "--a=false"),
        ("--a=-1", "--a=-1"),
        ("--a=my faces", "--a=my faces"),
        ("--a my faces", "--a=my faces"),
        ('--a="my faces"', "--a=my faces"),
        ("--a='my faces'", "--a=my faces"),
        ('--a "my faces"', "--a=my faces"),
        ('"--a=my faces"', "--a=my faces"),
        ('--a="my faces"  # of mine', "--a=my faces"),
        ('--a="my faces" // of mine', "--a=my faces"),
        ('--a="a ""b"" c"', '--a=a "b" c'),
        ("--a='d''Artagnan'", "--a=d'Artagnan"),
        ("--a=d'Artagnan", "--a=d'Artagnan"),
        ("--a=d’Artagnan", "--a=d’Artagnan"),
        ('--a="“x”"', "--a=“x”"),
        (r'--a="C:\my faces\"', r"--a=C:\my faces" + "\\"),
        (r"--a=C:\faces\new", r"--a=C:\faces\new"),
        ("--a=set#2", "--a=set#2"),
        ("--a=#2", "--a=#2"),
        ('--a="my faces #2"', "--a=my faces #2"),
        ("--a=gs://bucket/x", "--a=gs://bucket/x"),
        ("--a=photos - copy", "--a=photos - copy"),
        ('--a=""', "--a="),
        ('"my faces"', "my faces"),
        ("my faces", "my faces"),
        ("--", "--"),
        ("", None),
        (" # x", None),
        ("// x", None),
    ],
)
def test_line(line, argument):
    assert read_line(line) == argument


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("--a=1  # comment", "a comment takes a line of its own"),
        ("--a 1 #comment", "a comment takes"),
        ("--a=my faces #2", "a comment takes"),
        ("--a=1 // comment", "a comment takes"),
        ("--noa # comment", "a comment takes"),
        ("--a= # comment", "a comment takes"),
        ("--a=1 --b=2", "each option takes a line of its own"),
        ("--a=faces -b=2", "each option takes"),
        ("--a --b", "each option takes"),
        ("python train_main.py --a=1", "each option takes"),
        ("--a=1 \\", "a backslash at the end does not join lines"),
        ("--a=C:\\faces\\", "a backslash at the end"),
        ("--a=“my faces”", "write straight quotes"),
        ("--a=‘x’", "write straight quotes"),
        ("--a=„x“", "write straight quotes"),
        ("--a=name=“x y”", "write straight quotes"),
        ('--a="my faces', "quotes go around all of the value, and are closed"),
        ("--a='my faces", "quotes go around all"),
        ('--a="my" faces', "quotes go around all"),
        ('--a="my faces" x', "quotes go around all"),
        ('--a=name="my faces"', "quotes go around all"),
        ("--a=name='my faces'", "quotes go around all"),
        ('--a=5"', "quotes go around all"),
        ("–a=1", "– is another character than -"),
        ("—a=1", "— is another character than -"),
        ("--a=1\0", "this is not UTF-8 text"),
    ],
)
def test_what_may_have_been_meant_otherwise(read, line, advice):
    with pytest.raises(UsageError) as caught:
        read(f"--x=1\n\n{line}\n--y=2\n")
    assert f"run.cfg, line 3: {line}: {advice}" in str(caught.value)


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the test."""

    note: str = option("", "A note.")
    more: tuple[str, ...] = option((), "More.")


def is_accepted(text):
    categories = {unicodedata.category(c) for c in text}
    return text == text.strip() and not categories & {"Cc", "Cs", "Zl", "Zp"}


LETTERS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=9
)
TRICKY = st.lists(
    st.sampled_from(
        ['"', "'", "“", "’", "#", "//", "\\", " ", "=", "-", "--a", "é", "x"]
    )
).map("".join)


@given(st.one_of(TRICKY, LETTERS).filter(is_accepted))
def test_every_value_comes_back(value):
    line = to_line("a", value)
    assert read_line(line) == f"--a={value}"
    assert read_line(f"  {line}\t") == f"--a={value}"


def test_what_a_run_writes_is_what_it_was_told(tmp_path):
    tricky = ('"x"', "'x'", '"', "a # b", "“x”", "a\\", "--b=1", 'n="x y"', "a -b=2")
    options = Options('"in" quotes"', tricky)
    file = tmp_path / "flags.cfg"
    file.write_text(to_flagfile(options), encoding="utf-8")
    assert parse(["program", f"--flagfile={file}"], Options) == (options,)
    # Without need there are no quotes.
    plain = Options("d'Artagnan, ä #1".replace(" #", "#"), ("my faces", "#2"))
    assert '"' not in to_flagfile(plain)


def test_one_that_comes_with_the_package_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    expected = list(read_flagfile("quickstart.cfg"))
    said = capsys.readouterr().err
    assert "--model_dir=runs/quickstart" in dict(expected)
    assert re.fullmatch(
        r"--flagfile=quickstart.cfg is not here: .*flags/quickstart.cfg is read\n", said
    )
    assert list(read_flagfile("flags/quickstart.cfg")) == expected
    # One's own comes first, and nothing is said.
    capsys.readouterr()
    pathlib.Path("quickstart.cfg").write_text("--size=3\n")
    assert list(read_flagfile("quickstart.cfg")) == [("--size=3", 1)]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", ["quikstart.cfg", "flags/quikstart.cfg"])
def test_one_that_is_nowhere(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match="No such file .* are byel_cosine.cfg, .*quickstart"
    ):
        list(read_flagfile(path))
    with pytest.raises(UsageError, match="No such file or directory$"):
        list(read_flagfile(f"other/{path}"))
