"""Flagfiles: one option a line, as the editors of any system save it.

A line is empty, a comment that begins with # or //, or one argument of a command line:
--name=value, --name value, or --name. The value is all that follows without the blanks
around it, and no character is special in it. Quotes around all of it are taken off;
within them a doubled quote is one, and a comment may follow them. What may have been
meant otherwise is an error, and can be said in quotes.
"""

import codecs
import os
import pathlib
import re
import sys
from collections.abc import Iterator

from byel_tf.errors import UsageError

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_OPTION = re.compile(r"(--?[^\s=]*)(?:\s*(=)\s*|\s+|$)(.*)")
_QUOTED = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')(?:\s+(?:#|//).*)?""")
_OTHER_DASHES = "‐‑‒–—―−"
_OTHER_QUOTES = "“”„‟«»‹›‘’‚‛"

#: What an unquoted text may not hold, and why.
_AMBIGUOUS = (
    (r"\s(?:#|//)", "a comment takes a line of its own"),
    (r"(?:^|\s)(?:--[A-Za-z]|-[A-Za-z]\w*=)", "each option takes a line of its own"),
    (r"\\$", "a backslash at the end does not join lines, nor ends a folder's name"),
    (rf"(?:^|=)[{_OTHER_QUOTES}]|[{_OTHER_QUOTES}]$", "write straight quotes, \" or '"),
    (r"""^['"]|"|='""", "quotes go around all of the value, and are closed"),
)


def read_flagfile(path: str) -> Iterator[tuple[str, int]]:
    """Reads a flagfile.

    Args:
      path: The file: UTF-8, or UTF-16 or UTF-32 with their mark; or, where there is no
        such file, the name of one that comes with the package, which is then said.

    Yields:
      Arguments as of a command line, and the number of the line each stands in.

    Raises:
      UsageError: If it cannot be read, or for a line that cannot be meant.
    """
    path = _find(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
        encodings = (e for mark, e in _ENCODINGS.items() if content.startswith(mark))
        text = content.decode(next(encodings, "utf-8"))
    except OSError as error:
        raise UsageError(
            f"--flagfile={path} cannot be read: {error.strerror}{_shipped(path)}"
        ) from error
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"--flagfile={path}, line {number}: this is not UTF-8 text: save the file "
            "as UTF-8"
        ) from error
    except ValueError as error:
        raise UsageError(f"--flagfile={path} cannot be read: {error}") from error
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        try:
            argument = read_line(line)
        except ValueError as error:
            raise UsageError(
                f"--flagfile={path}, line {number}: {line.strip()}: {error}"
            ) from error
        if argument:
            yield argument, number


def read_line(line: str) -> str | None:
    """The argument that a line of a flagfile means; None for a comment.

    Raises:
      ValueError: If it is not clear what is meant.
    """
    line = line.strip()
    if not line or line.startswith(("#", "//")):
        return None
    if "\0" in line:
        raise ValueError("this is not UTF-8 text: save the file as UTF-8")
    if line[0] in _OTHER_DASHES:
        raise ValueError(f"{line[0]} is another character than -, write --name=value")
    option = _OPTION.fullmatch(line)
    if not option:
        return _unquoted(line, line)
    name, sign, value = option.groups()
    # Of the line's rest, for blanks are lost in the value.
    rest = line[len(name) :].removeprefix("=")
    return f"{name}={_unquoted(value, rest)}" if sign or value else name


def _unquoted(text: str, shown: str) -> str:
    """A text without the quotes around it.

    Args:
      text: The text.
      shown: The same with the blanks before it, by which a comment is known.

    Raises:
      ValueError: If it is not clear what is meant.
    """
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        quote = text[0]
        return quoted[1][1:-1].replace(quote * 2, quote)
    for pattern, advice in _AMBIGUOUS:
        if re.search(pattern, shown) or re.search(pattern, text):
            raise ValueError(f'{advice}; what belongs to the value stands in "…"')
    return text


def to_line(name: str, value: str) -> str:
    """The line that `read_line` reads as this flag.

    Args:
      name: The flag's, without dashes.
      value: Of one line, without blanks around it.
    """
    line = f"--{name}={value}"
    try:
        is_clear = read_line(line) == line
    except ValueError:
        is_clear = False
    if is_clear:
        return line
    doubled = value.replace('"', '""')
    return f'--{name}="{doubled}"'


def _folder() -> pathlib.Path:
    """The folder of the flagfiles that come with the package."""
    package = pathlib.Path(__file__).resolve().parent
    installed = package / "flags"
    return installed if installed.is_dir() else package.parent / "flags"


def _may_be_shipped(path: str) -> bool:
    return os.path.dirname(path) in ("", "flags") and not os.path.lexists(path)


def _find(path: str) -> str:
    """The path, or that of the flagfile of this name that comes with the package."""
    found = _folder() / os.path.basename(path)
    if path and _may_be_shipped(path) and found.is_file():
        print(f"--flagfile={path} is not here: {found} is read", file=sys.stderr)
        return str(found)
    return path


def _shipped(path: str) -> str:
    """What to take instead of a file that is not there."""
    names = sorted(file.name for file in _folder().glob("*.cfg"))
    if not names or not _may_be_shipped(path):
        return ""
    return f"; those that come with byel_tf are {', '.join(names)}"
