"""Fonts of this computer for names in any script."""

import functools
import os
import unicodedata
from collections.abc import Iterable, Sequence

from matplotlib import font_manager, ft2font

_OWN = "DejaVu Sans"  # comes with matplotlib
# Has a picture of a box, with a word, for every character there is.
_LAST_RESORT = "lastresort"
# From matplotlib 3.11 on.
_HAS_LAYOUT = hasattr(ft2font, "__libraqm_version__")
#: Files of fonts by the character that was looked for.
_FILES: dict[str, str | None] = {}


def families_for(texts: Iterable[str]) -> list[str]:
    """The families to draw texts with: matplotlib's own, and what it lacks.

    Args:
      texts: The texts.

    Returns:
      Names of families, of which each serves the characters that those before it lack.
    """
    files = _files_for("".join(texts))
    others = dict.fromkeys(f for f in files if f and f != _own_font())
    return [_OWN, *map(_family, others)]


def can_draw(text: str) -> bool:
    """Whether the text can be drawn so that it can be read."""
    if not _HAS_LAYOUT and any(map(_needs_layout, text)):
        return False
    return None not in _files_for(text)


def _needs_layout(character: str) -> bool:
    """Whether it is written to the left, or its form depends on its neighbours."""
    is_joined = unicodedata.category(character) in ("Mn", "Mc")
    return is_joined or unicodedata.bidirectional(character) in ("R", "AL", "AN")


@functools.cache
def _own_font() -> str:
    return font_manager.findfont(_OWN)


def _files_for(text: str) -> list[str | None]:
    """The file of a font for each different character, None where none has it."""
    characters = sorted(set(text))
    missing = {c for c in characters if c not in _FILES}
    own = {c for c in missing if _is_unseen(c)} | _held(_own_font(), missing)
    _FILES.update(dict.fromkeys(own, _own_font()))
    missing -= own
    held = {file: _held(file, missing) for file in _installed_fonts() if missing}
    while missing:
        # As few fonts as can be, for one look.
        best = max(held, key=lambda file: len(held[file] & missing), default=None)
        found = held[best] & missing if best else set()
        if not found:
            _FILES.update(dict.fromkeys(missing))
            break
        _FILES.update(dict.fromkeys(found, best))
        missing -= found
    return [_FILES[c] for c in characters]


def _is_unseen(character: str) -> bool:
    """Whether nothing is drawn for it, as for joiners and variation selectors."""
    is_blank = unicodedata.category(character) in ("Cf", "Zs", "Cc")
    return is_blank or unicodedata.name(character, "").startswith("VARIATION SELECTOR")


def _held(file: str, characters: Iterable[str]) -> set[str]:
    """Those of the characters that a font has, and matplotlib can draw."""
    try:
        font = ft2font.FT2Font(file)
    except (OSError, RuntimeError):  # damaged, or of a kind that it does not know
        return set()
    if not font.scalable:
        return set()
    return {c for c in characters if font.get_char_index(ord(c))}


@functools.cache
def _installed_fonts() -> Sequence[str]:
    """Files of the fonts on this computer, upright ones of usual weight first.

    Looked for, since matplotlib's list is as old as its cache.
    """

    def rank(file: str) -> tuple[bool, bool, str]:
        name = os.path.basename(file).casefold()
        return "regular" not in name, "serif" in name and "sans" not in name, file

    files = font_manager.findSystemFonts()
    return sorted((f for f in files if _LAST_RESORT not in f.casefold()), key=rank)


@functools.cache
def _family(file: str) -> str:
    """A name by which matplotlib finds this file, and none that is called alike."""
    name = f"byel_tf {file}"
    entry = font_manager.FontEntry(
        fname=file,
        name=name,
        style="normal",
        variant="normal",
        weight=400,
        stretch="normal",
        size="scalable",
    )
    font_manager.fontManager.ttflist.append(entry)
    return name
