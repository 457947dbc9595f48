"""Cells of CSV tables that spreadsheets must not take for formulas.

Spreadsheets run what begins with = + - @, a tab or a line break, even where it is
quoted, and files have names of anybody's choosing. Such a cell gets an apostrophe in
front, by which they tell text (owasp.org/www-community/attacks/CSV_Injection). One that
begins with apostrophes before such a character gets one more, so that `original` is
exact.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(cell: str) -> str:
    """The text that `neutral` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
