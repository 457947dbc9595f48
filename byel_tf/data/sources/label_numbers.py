"""Numbers that stand for classes: as text, and the orders in which data sets count.

The sources of each order are named in the module that reads the data set: `fer2013`,
`affectnet`, `raf_db`, `aff_wild2`, `votes` (FERPlus), `expw`, `ck_plus`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from byel_tf.data.labels import ClassNames, known_class
from byel_tf.errors import UsageError


def _count(names: str, start: int = 0) -> dict[int, str]:
    return dict(enumerate(names.split(), start=start))


#: The class that each number of a published data set means.
ORDERS: dict[str, dict[int, str]] = {
    "fer2013": _count("anger disgust fear happiness sadness surprise neutral"),
    "affectnet": _count(
        "neutral happiness sadness surprise fear disgust anger contempt"
    ),
    "raf-db": _count("surprise fear disgust happiness sadness anger neutral", 1),
    "aff-wild2": _count("anger disgust fear happiness sadness surprise"),
    "ferplus": _count("neutral happiness surprise sadness anger disgust fear contempt"),
    "expw": _count("anger disgust fear happiness sadness surprise neutral"),
    "ck-plus": _count("neutral anger contempt disgust fear happiness sadness surprise"),
}

#: Numbers that mean no class, and why their images are rejected.
REFUSED: dict[str, dict[int, str]] = {
    "affectnet": {
        8: "no expression ('none')",
        9: "no expression ('uncertain')",
        10: "no expression ('no face')",
    }
}

# As numpy and spreadsheets write them: 3, +3, 3., 3.0, 3.0000000e+00.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_MOST = 10**9
_SHOWN = 6


def whole_number(text: str) -> int | None:
    """The integer that a text is, however it is written; None if it is none."""
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return int(value) if abs(value) <= _MOST and value.is_integer() else None


def parse_label_numbers(
    text: str, labels: ClassNames
) -> tuple[dict[int, str], dict[int, str]]:
    """Reads `--label_numbers`.

    Args:
      text: The number of the first class, the name of one of `ORDERS`, or pairs as
        `1=surprise,2=fear`.
      labels: The classes.

    Returns:
      The class of each number, and the numbers that mean none with the reason.

    Raises:
      UsageError: If it is none of them, or a pair contradicts another or names a class
        that nobody knows.
    """
    flag = f"--label_numbers={text}"
    if text in ORDERS:
        return ORDERS[text], REFUSED.get(text, {})
    if text.isdecimal():
        return dict(enumerate(labels.names, start=int(text))), {}
    numbers: dict[int, str] = {}
    for pair in text.split(","):
        number, separator, name = (part.strip() for part in pair.partition("="))
        if not (separator and number.isdecimal() and name):
            raise UsageError(
                f"{flag}: give the number of the first class (0 or 1), one of the "
                f"orders {', '.join(ORDERS)}, or pairs as 1=surprise,2=fear"
            )
        if labels.index(name) is None and known_class(name) is None:
            raise UsageError(
                f"{flag}: '{name}' is none of the classes {', '.join(labels.names)}"
            )
        if numbers.setdefault(int(number), name) != name:
            raise UsageError(f"{flag}: {number} stands twice")
    return numbers, {}


def require_indices(where: str, numbers: Collection[int], labels: ClassNames) -> None:
    """Refuses numbers that are hardly indices into the classes.

    Args:
      where: The table, for the message.
      numbers: All that it has.
      labels: The classes.

    Raises:
      UsageError: If there are some, and one is out of range or 0 is missing.
    """
    count = len(labels.names)
    beyond = sorted(number for number in numbers if number >= count)
    reasons = ["0 is missing"] if numbers and 0 not in numbers else []
    if beyond:
        is_or_are = "is" if len(beyond) == 1 else "are"
        reasons.append(f"{_listed(beyond)} {is_or_are} out of range")
    if reasons:
        raise UsageError(
            f"{where}: the labels are the numbers {_listed(sorted(numbers))}, and as "
            f"indices from 0 into the {count} classes {', '.join(labels.names)}, "
            f"{' and '.join(reasons)}: {say_what_fits(numbers, labels)}"
        )


def say_what_fits(numbers: Collection[int], labels: ClassNames) -> str:
    """What a user can give for numbers that were found, in words.

    Args:
      numbers: What was found.
      labels: The classes.
    """
    choices = {base: parse_label_numbers(base, labels)[0] for base in ("0", "1")}
    fitting: dict[str, list[str]] = {}  # by what they mean: some orders are the same
    for choice, order in (choices | ORDERS).items():
        if set(numbers) <= order.keys() | REFUSED.get(choice, {}).keys():
            fitting.setdefault(_meaning(order), []).append(choice)
    pairs = "any other order is said as --label_numbers=1=surprise,2=fear,…"
    if not fitting:
        return f"no known order has all of them; {pairs}"
    shown = (
        f"--label_numbers={' or '.join(names)} ({meaning})"
        for meaning, names in fitting.items()
    )
    return f"say what they mean; these fit: {', '.join(shown)}; {pairs}"


def _meaning(order: Mapping[int, str]) -> str:
    return " ".join(f"{number} {name}" for number, name in order.items())


def _listed(numbers: Collection[int]) -> str:
    """Numbers in ascending order in words; not all of a great many."""
    *others, last = map(str, numbers)
    if len(others) > 1 and int(last) - int(others[0]) == len(others):
        return f"{others[0]} to {last}"
    if len(others) > _SHOWN:
        others[_SHOWN:] = ["…"]
    return f"{', '.join(others)} and {last}" if others else last
