"""The pages in docs/ say what the code does."""

import pathlib

import pytest

from byel_tf.cli.prepare import OPTIONS
from byel_tf.data.labels import ALIASES
from byel_tf.flagging import markdown_reference

DATA = pathlib.Path(__file__).resolve().parents[1] / "docs" / "data.md"


def aliases():
    """The table of spellings."""
    spellings = {}
    for spelling, name in ALIASES.items():
        spellings.setdefault(name, []).append(f"`{spelling}`")
    rows = [f"| {name} | {', '.join(found)} |" for name, found in spellings.items()]
    return "\n".join(["| class | also |", "|---|---|", *rows])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("aliases", aliases()), ("flags", markdown_reference(*OPTIONS))],
)
def test_tables_are_those_of_the_code(name, expected):
    text = DATA.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    section = text[text.index(begin) + len(begin) : text.index(end)]
    assert section.strip() == expected.strip()
