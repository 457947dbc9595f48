"""Class names: the default order, and the spellings data sets use for them."""

import functools
import unicodedata
from collections.abc import Mapping, Sequence

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

_SPELLINGS = {
    # "angrer" is so spelt in the Aff-Wild2 synthetic set.
    "anger": ("angry", "angrer", "mad"),
    "disgust": ("disgusted", "disgusting"),
    "fear": ("fearful", "afraid", "scared"),
    "happiness": ("happy", "happily", "joy", "joyful"),
    "sadness": ("sad", "sorrow"),
    "surprise": ("surprised", "suprise", "astonished"),
    "neutral": ("neutrality", "calm"),
    "contempt": ("contemptuous",),
}

#: Other spellings in common data sets, lower case, to the class name.
ALIASES = {spelling: name for name, others in _SPELLINGS.items() for spelling in others}


class ClassNames:
    """The classes in label order, and what else they are called.

    Attributes:
      names: Class names in label order.
    """

    def __init__(
        self, classes: Sequence[str], aliases: Mapping[str, str] | None = None
    ) -> None:
        """Prepares the look-up.

        Args:
          classes: Class names in label order.
          aliases: More spellings to the class they mean, as from `parse_aliases`;
            they come before the built-in ones, and after the class names themselves.
        """
        self.names = tuple(classes)
        keys = [_key(name) for name in self.names]
        meant: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            meant.setdefault(ALIASES.get(key, key), []).append(index)
        spellings = ALIASES | {name: name for name in _SPELLINGS}
        # What could mean two of the classes means neither.
        self._indices = {
            spelling: meant[meaning][0]
            for spelling, meaning in spellings.items()
            if len(meant.get(meaning, ())) == 1
        }
        own = {key: index for index, key in reversed(list(enumerate(keys)))}
        for alias, name in (aliases or {}).items():
            self._indices[_key(alias)] = own[_key(name)]
        self._indices |= own

    def index(self, name: str) -> int | None:
        """Finds the class a name means: itself or another spelling, in any case.

        Args:
          name: A folder's or a table's class name.

        Returns:
          The index into `names`, or None if it is none of them, or another spelling
          of several.
        """
        return self._indices.get(_key(name))


@functools.lru_cache(maxsize=16)
def _class_names(classes: tuple[str, ...]) -> ClassNames:
    return ClassNames(classes)


def label_index(name: str, classes: Sequence[str]) -> int | None:
    """Finds the class a name means, as `ClassNames.index`.

    Args:
      name: A folder's or a table's class name.
      classes: Class names in label order.

    Returns:
      The index into `classes`, or None if it is none of them, or another spelling
      of several.
    """
    return _class_names(tuple(classes)).index(name)


def known_class(name: str) -> str | None:
    """The expression that a name means wherever it is used, in any case, or None.

    Args:
      name: A folder's or a table's class name.
    """
    key = _key(name)
    return key if key in _SPELLINGS else ALIASES.get(key)


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


def parse_aliases(texts: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
    """Reads `spelling=class` pairs.

    Args:
      texts: The pairs, as ("AN=anger", "HA=happiness").
      classes: Class names in label order.

    Returns:
      The class name that each spelling means.

    Raises:
      UsageError: If one is no pair, means no class, or contradicts another or a class
        name.
    """
    known = ClassNames(classes)
    keys = {_key(name): name for name in known.names}
    aliases: dict[str, str] = {}
    meant: dict[str, str] = {}
    for text in texts:
        spelling, _, target = (part.strip() for part in text.partition("="))
        if not (spelling and target):
            raise UsageError(
                f"--alias={text}: give a spelling and a class, as AN=anger"
            )
        index = known.index(target)
        if index is None:
            raise UsageError(
                f"--alias={text}: '{target}' is none of the classes "
                f"{', '.join(known.names)}"
            )
        name, key = known.names[index], _key(spelling)
        if keys.get(key, name) != name:
            raise UsageError(f"--alias={text}: '{spelling}' is itself a class")
        if meant.setdefault(key, name) != name:
            raise UsageError(
                f"--alias={text}: '{spelling}' means '{meant[key]}' already"
            )
        aliases[spelling] = name
    return aliases
