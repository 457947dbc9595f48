"""The pages in docs/ say what the code does."""

import pathlib

import pytest

from byel_tf.cli import adapt, evaluate, export, launch, predict, prepare
from byel_tf.data.labels import ALIASES
from byel_tf.flagging import markdown_reference

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"


def aliases():
    """The table of spellings."""
    spellings = {}
    for spelling, name in ALIASES.items():
        spellings.setdefault(name, []).append(f"`{spelling}`")
    rows = [f"| {name} | {', '.join(found)} |" for name, found in spellings.items()]
    return "\n".join(["| class | also |", "|---|---|", *rows])


@pytest.mark.parametrize(
    ("page", "name", "expected"),
    [
        ("data.md", "aliases", aliases()),
        ("data.md", "flags", markdown_reference(*prepare.OPTIONS)),
        ("predict.md", "flags", markdown_reference(*predict.OPTIONS)),
        ("evaluate.md", "flags", markdown_reference(*evaluate.OPTIONS)),
        ("adapt.md", "flags", markdown_reference(*adapt.OPTIONS)),
        ("export.md", "flags", markdown_reference(*export.OPTIONS)),
        ("cluster.md", "flags", markdown_reference(launch.LaunchOptions)),
    ],
)
def test_tables_are_those_of_the_code(page, name, expected):
    text = (DOCS / page).read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    section = text[text.index(begin) + len(begin) : text.index(end)]
    assert section.strip() == expected.strip()
