"""Who a face shows: ancestry, sex, age, build, details, hair and skin.

All of it follows from the face itself. The weights of its identity modes are taken for
the face's details first; those that no detail takes decide the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.special

from byel_tf.synthesis.face import Face
from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.makehuman.layout import (
    AGES,
    ANCESTRIES,
    BROWS,
    DETAILS,
    LASHES,
    SEXES,
    SKINS,
    TEETH_SHAPES,
)

#: Identity modes before this one are for details, of which there are fewer.
TRAITS = 128
_TRAITS_DRAWN = 28
# Ages of the targets on the scale from a baby to an old person.
_KNOTS = (0.0, 0.1875, 0.5, 1.0)
# Quantiles of the age, without those whom the face itself calls young: one in
# fourteen is a baby, one in four no adult.
_AGE_SHARES = (0.0, 0.07, 0.25, 0.70, 1.0)
_AGE_AT = (0.0, 0.11, 0.36, 0.62, 1.0)
_GROWN = 0.37
# How far a weight of 1 moves a detail of a folder.
_SPREAD = {"head": 0.18, "forehead": 0.25, "eyebrows": 0.22, "eyes": 0.18,
           "nose": 0.22, "mouth": 0.13, "ears": 0.35, "chin": 0.2, "cheek": 0.22,
           "neck": 0.2}  # fmt: skip
_OPPOSITES = (("incr", "decr"), ("up", "down"), ("in", "out"),
              ("forward", "backward"), ("convex", "concave"),
              ("compress", "uncompress"))  # fmt: skip
_SHORT = ("short01", "short02", "short04", "short01", "short02", "short04", "short03",
          "bob02")  # fmt: skip
_LONG = ("long01", "long01", "ponytail01", "ponytail01", "bob02", "bob01", "braid01",
         "short03", "short02", "short04")  # fmt: skip
# Brows that are drawn on either sex more often.
_FEMININE = BROWS[:7] + BROWS[9:]
_MASCULINE = BROWS[:5] + BROWS[7:10] + BROWS[11:]


@dataclasses.dataclass(frozen=True)
class Traits:
    """A person.

    Attributes:
        ancestry: Shares of `ANCESTRIES`, which sum to 1.
        male: From 0, a woman, to 1, a man.
        age: From 0, a baby, over .5, 25 years, to 1, 90 years.
        muscle: 0 to 1.
        weight: 0 to 1.
        hair: One of `HAIRS`, or none.
        mirrored: Whether the hair is parted on the other side.
        brows: One of `BROWS`.
        lashes: One of `LASHES`.
        teeth: One of `TEETH_SHAPES`.
        skin: One of `SKINS`.
        grain: Strength of the skin's picture.
        beard: As in `Hair`.
    """

    ancestry: tuple[float, float, float]
    male: float
    age: float
    muscle: float
    weight: float
    hair: str | None
    mirrored: bool
    brows: str
    lashes: str
    teeth: str
    skin: str
    grain: float
    beard: str


def uniforms(face: Face) -> np.ndarray:
    """Independent draws from 0 to 1 that decide a person's traits, float64 [28]."""
    spread = face.shape.spread or 1.0
    own = np.zeros(TRAITS + _TRAITS_DRAWN)
    own[: len(face.identity)] = face.identity[: len(own)]
    return scipy.special.ndtr(own[TRAITS:] / spread)


def traits(face: Face, age: float | None = None) -> Traits:
    """The person whom a face shows.

    Args:
        face: The face.
        age: On the scale of `Traits`, where it is known.
    """
    u = iter(uniforms(face).tolist())
    melanin, hair = face.skin.melanin, face.hair
    # Tone says something of ancestry, but no tone rules any out.
    affinity = (max(0.05, 1.3 - melanin), 0.9 if melanin < 1.6 else 0.25,
                max(0.05, 1.3 * (melanin - 0.5)))  # fmt: skip
    shares = [-np.log(max(next(u), 1e-9)) * one for one in affinity]
    ancestry = tuple(float(share / sum(shares)) for share in shares)
    own_age = float(np.interp(next(u), _AGE_SHARES, _AGE_AT))
    age = own_age if age is None else age
    youth = face.growth.youth
    age = min(age, _GROWN * (1 - youth)) if youth > 0 else age
    grown = age > _GROWN
    # Most are clearly one or the other.
    male = float(scipy.special.betaincinv(0.5, 0.5, min(0.999, max(0.001, next(u)))))
    male = male if grown else 0.2 + 0.6 * male
    if hair.beard != "none" and grown:
        male = max(male, 0.8)
    muscle = 0.3 + 0.4 * next(u)
    build = scipy.special.ndtri(min(0.999, max(0.001, next(u))))
    weight = float(np.clip(0.5 + 0.22 * build, 0.05, 1.0))
    pool = _SHORT if male > 0.55 else _LONG
    if ancestry[2] > 0.45:
        pool = pool + ("afro01",) * (len(pool) // 2)
    style = _one(pool, next(u))
    bald = hair.cover == 0 and grown and male > 0.5
    downy = next(u) < 0.6 and age < 0.06
    style = None if bald or downy else style
    mirrored = next(u) < 0.5
    brows = _one(_FEMININE if male < 0.45 else _MASCULINE, next(u))
    lashes, teeth = _one(LASHES, next(u)), _one(TEETH_SHAPES, next(u))
    return Traits(
        ancestry=ancestry,
        male=male,
        age=age,
        muscle=muscle,
        weight=weight,
        hair=style,
        mirrored=mirrored,
        brows=brows,
        lashes=lashes,
        teeth=teeth,
        skin=_skin(ancestry, male, age, melanin, [next(u) for _ in range(3)]),
        grain=0.6 + 0.5 * next(u),
        beard=hair.beard if male > 0.6 and grown else "none",
    )


def _one(pool: Sequence[str], u: float) -> str:
    return pool[min(len(pool) - 1, int(u * len(pool)))]


def _skin(ancestry, male, age, melanin, draws) -> str:
    dark = draws[0] < (0.85 if melanin > 1.6 else ancestry[2] * 0.6)
    sex = SEXES[int(draws[1] < male)] if age > 0.36 else SEXES[0]
    years = "young" if age < 0.62 else "middleage" if age < 0.8 else "old"
    start = f"{years}_{'dark' if dark else 'light'}skinned_{sex}"
    return _one([name for name in SKINS if name.startswith(start)], draws[2])


def macro_weights(person: Traits) -> dict[str, float]:
    """Weight of each target that makes a person of a mean body; zeros left out."""
    ages = [np.interp(person.age, _KNOTS, row) for row in np.eye(4)]
    muscles = _levels(person.muscle, "muscle")
    builds = _levels(person.weight, "weight")
    found = {}
    for sex, of_sex in zip(SEXES, (1 - person.male, person.male), strict=True):
        for age, of_age in zip(AGES, ages, strict=True):
            share = float(of_sex * of_age)
            for ancestry, of_ancestry in zip(ANCESTRIES, person.ancestry, strict=True):
                found[f"macrodetails/{ancestry}-{sex}-{age}"] = share * of_ancestry
            for muscle, of_muscle in muscles.items():
                for build, of_build in builds.items():
                    name = f"macrodetails/universal-{sex}-{age}-{muscle}-{build}"
                    found[name] = share * of_muscle * of_build
    return {name: weight for name, weight in found.items() if weight > 1e-4}


def _levels(value: float, what: str) -> dict[str, float]:
    return {
        f"min{what}": max(0.0, 1 - 2 * value),
        f"average{what}": 1 - abs(2 * value - 1),
        f"max{what}": max(0.0, 2 * value - 1),
    }


@dataclasses.dataclass(frozen=True)
class Detail:
    """Something about a face that varies.

    Attributes:
        spread: How far an identity weight of 1 moves it.
        more: Targets of a positive weight: of both sides, or of the middle.
        less: Those of a negative one; empty where it only grows.
    """

    spread: float
    more: tuple[str, ...]
    less: tuple[str, ...]


def details(targets: Mapping[str, Shape]) -> list[Detail]:
    """The details of faces that there are targets for, in the order of their names."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted(targets):
        folder = name.partition("/")[0]
        if folder not in DETAILS:
            continue
        stem, less = name, False
        for first, second in _OPPOSITES:
            for end, other in ((first, second), (second, first)):
                if name.endswith(f"-{end}") and name[: -len(end)] + other in targets:
                    stem = f"{name[: -len(end) - 1]}-{first}"
                    less = end == second
        stem = stem.replace("/l-", "/").replace("/r-", "/")
        found.setdefault(stem, ([], []))[less].append(name)
    return [
        Detail(_SPREAD[stem.partition("/")[0]], tuple(more), tuple(less))
        for stem, (more, less) in sorted(found.items())
    ]


def detail_weights(found: Sequence[Detail], face: Face) -> dict[str, float]:
    """Weight of each target that makes a face somebody's own; zeros left out."""
    weights = {}
    for number, (detail, own) in enumerate(zip(found, face.identity, strict=False)):
        weight = float(np.clip(own * detail.spread, -1, 1))
        if not detail.less:  # shapes of the whole head: few have them
            weight = 0.6 * max(0.0, abs(weight) - 0.15)
        names = detail.more if weight > 0 else detail.less
        for side, name in enumerate(names):
            # The two sides of a face differ a little.
            other = face.identity[(7 * number + side) % len(face.identity)]
            shift = 0.04 * float(np.clip(other, -2, 2)) if len(names) == 2 else 0.0
            if abs(weight) + shift > 0.01:
                weights[name] = abs(weight) + shift
    return weights
