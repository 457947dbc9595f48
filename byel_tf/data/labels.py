"""Class names: the default order, and the spellings data sets use for them."""

import unicodedata
from collections.abc import Sequence

from byel_tf.errors import UsageError

#: The six basic expressions in label order (BYEL's data set, Aff-Wild2 LSD).
DEFAULT_CLASSES = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
)

#: Other spellings in common data sets, lower case, to the class name.
ALIASES = {
    "angry": "anger",
    "anger": "anger",
    "angrer": "anger",  # so spelt in the Aff-Wild2 synthetic set
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "calm": "neutral",
}


def label_index(name: str, classes: Sequence[str]) -> int | None:
    """Finds the class a name means: itself or another spelling, in any case.

    Args:
      name: A folder's or a table's class name.
      classes: Class names in label order.

    Returns:
      The index into `classes`, or None if it is none of them, or another spelling
      of several.
    """
    key = _key(name)
    known = [_key(other) for other in classes]
    if key in known:
        return known.index(key)
    meaning = ALIASES.get(key, key)
    meant = [i for i, other in enumerate(known) if ALIASES.get(other, other) == meaning]
    return meant[0] if len(meant) == 1 else None


def _key(name: str) -> str:
    """What of a name decides; file systems differ in how they compose letters."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


def parse_classes(text: str) -> tuple[str, ...]:
    """Reads `a,b,c` as class names.

    Raises:
      UsageError: If there are fewer than two, or one is empty or named twice.
    """
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names):
        raise UsageError(f"--classes={text}: give at least two names, as a,b,c")
    keys = [_key(name) for name in names]
    for name, key in zip(names, keys, strict=True):
        if keys.count(key) > 1:
            raise UsageError(f"--classes={text}: '{name}' stands twice")
    return names
