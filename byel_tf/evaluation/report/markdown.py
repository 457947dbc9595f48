"""Markdown of the report, in which no name is taken for markup."""

import re
from collections.abc import Iterable, Sequence

from byel_tf.evaluation.intervals import Interval
from byel_tf.flagging import one_line

# What has a meaning within a line; an underscore within a word has none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~#&$]|(?<![^\W_])_|_(?![^\W_])")


def literal(text: str) -> str:
    """The text as it is to be read, in one line."""
    return _MARKUP.sub(r"\\\g<0>", one_line(text))


def number(value: float | None, digits: int = 4) -> str:
    """A number, or nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def interval(value: Interval | None, digits: int = 4, between: str = " to ") -> str:
    """Both ends, or nothing where there is no interval."""
    if value is None:
        return ""
    lower, upper = value
    return f"{lower:.{digits}f}{between}{upper:.{digits}f}"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int = 1
) -> list[str]:
    """Lines of a table.

    Args:
      header: Names of the columns.
      rows: Cells, in Markdown.
      text_columns: Number of columns, from the left, that hold text; the others are
        set to the right.
    """
    right = len(header) - text_columns
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * text_columns}{'---:|' * right}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def code(text: str) -> list[str]:
    """Lines of a block that is shown as it is."""
    runs = re.findall("`{3,}", text)
    fence = "`" * max(map(len, ["``", *runs])) + "`"
    return [fence, *text.rstrip("\n").split("\n"), fence]
