import hypothesis
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from byel_tf.evaluation.report.markdown import code, literal, table
from byel_tf.flagging import one_line

PARSER = MarkdownIt("commonmark").enable("table")


def contents(markdown, kind):
    """The plain text of all inline parts of a kind of token."""
    tokens = PARSER.parse(markdown)
    return [
        "".join(child.content for child in after.children if child.type == "text")
        for before, after in zip(tokens, tokens[1:], strict=False)
        if before.type == kind
    ]


@hypothesis.given(st.text(min_size=1))
@hypothesis.example("a|b`c`*d*_e_ f_g <b>&lt;[x](y)\\ ~~z~~ $x$ #")
@hypothesis.example("a\nb\r\x00\u2028c")
def test_any_name_is_read_as_it_is(name):
    shown = literal(name)
    expected = one_line(name).strip()
    assert contents(f"## {shown}", "heading_open") == [expected]
    lines = "\n".join(table(("x", "y"), [(shown, "1")]))
    assert contents(lines, "td_open") == [expected, "1"]


def test_names_stay_legible():
    assert literal("fer2013_public (test), 50 %") == "fer2013_public (test), 50 %"


def test_table_is_aligned():
    lines = table(("a", "b", "c"), [("x", "1", "2")], text_columns=2)
    assert lines == ["| a | b | c |", "|---|---|---:|", "| x | 1 | 2 |"]


@hypothesis.given(st.text(alphabet="`~ab\n"))
def test_code_is_shown_as_it_is(text):
    (token,) = PARSER.parse("\n".join(code(text)))
    assert token.type == "fence"
    assert token.content == text.rstrip("\n") + "\n"
