"""Cells of the report's tables."""

from byel_tf.evaluation.intervals import Interval


def cell(text: str) -> str:
    """The text as one cell of a table."""
    return text.replace("|", r"\|")


def number(value: float | None, digits: int = 4) -> str:
    """A number, or nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def interval(value: Interval | None, digits: int = 4) -> str:
    """Both ends, or nothing where there is no interval."""
    if value is None:
        return ""
    lower, upper = value
    return f"{lower:.{digits}f} to {upper:.{digits}f}"
