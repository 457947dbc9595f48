"""How each facial movement displaces MakeHuman's body."""

from __future__ import annotations

import dataclasses

import numpy as np

from byel_tf.synthesis.action_units import ACTION_UNITS
from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.makehuman.layout import ANCESTRIES, Parts
from byel_tf.synthesis.heads.makehuman.movement_table import (
    MOVEMENTS,
    SEAL,
    SEAL_TERMS,
    Against,
    Carried,
    Pose,
    Unit,
)
from byel_tf.synthesis.heads.pull import BOTH, LOWER_LIP, UPPER_LIP, Pull

#: Displacements shorter than this are left out, cm.
_LEAST = 2e-3


@dataclasses.dataclass(frozen=True)
class Rest:
    """The average person, whom movements are worked out on.

    Attributes:
        points: Anchors, cm, float32 [A, 3].
        scale: Factor of the targets' displacements.
        soft: Skin that is free to move, 0 to 1, float32 [A].
        lower: How much an anchor is below the mouth's opening, 0 to 1, float32 [A].
        eyes: Anchors of the eyeballs, which turn and do not bend.
        teeth: Those of teeth and tongue, which only the jaw moves.
    """

    points: np.ndarray
    scale: float
    soft: np.ndarray
    lower: np.ndarray
    eyes: np.ndarray
    teeth: np.ndarray


def movements(parts: Parts, rest: Rest) -> dict[str, tuple[Shape, ...]]:
    """Each expression shape by name, and `SEAL`: one for each of `ANCESTRIES`.

    Where they do not differ there is one.
    """
    shapes = {SEAL: _shapes(parts, rest, SEAL_TERMS, None)}
    for name, terms in MOVEMENTS.items():
        if ACTION_UNITS[name].two_sided:
            for end, side in (("L", "left"), ("R", "right")):
                shapes[f"{name}_{end}"] = _shapes(parts, rest, terms, side)
        else:
            shapes[name] = _shapes(parts, rest, terms, None)
    return shapes


def _shapes(parts: Parts, rest: Rest, terms: tuple, side: str | None) -> tuple:
    plain = not any(isinstance(term, (Unit, Against)) for term in terms)
    still = [rest.eyes] if any(map(_of_jaw, terms)) else [rest.eyes, rest.teeth]
    shapes = []
    for ancestry in ANCESTRIES[:1] if plain else ANCESTRIES:
        offsets = np.zeros_like(rest.points)
        for term in terms:
            offsets += _offsets(parts, rest, term, side, ancestry)
        offsets[np.concatenate(still)] = 0
        indices = np.flatnonzero(np.abs(offsets).max(axis=1) > _LEAST)
        moved = np.ascontiguousarray(offsets[indices], np.float32)
        shapes.append(Shape(indices.astype(np.int32), moved))
    return tuple(shapes)


def _of_jaw(term) -> bool:
    of_jaw = isinstance(term, Pose) and term.name.startswith(("Jaw", "Chin"))
    return of_jaw or isinstance(term, Carried)


def _offsets(parts: Parts, rest: Rest, term, side: str | None, ancestry: str):
    """Displacement of the anchors by one term, cm, float32 [A, 3]."""
    offsets = np.zeros_like(rest.points)
    half = np.float32(1.0)
    if side is not None:
        sign = 1.0 if side == "left" else -1.0
        t = np.clip((sign * rest.points[:, 0] + 1.1) / 2.2, 0, 1)
        half = (t * t * (3 - 2 * t))[:, None].astype(np.float32)
    if isinstance(term, Pull):
        return half * _pulled(rest, term, side)
    if isinstance(term, Carried):
        return np.outer(rest.lower, term.way).astype(np.float32)
    if isinstance(term, Against):
        other = sum(
            _offsets(parts, rest, one, side, ancestry) for one in MOVEMENTS[term.name]
        )
        return -_round_mouth(rest)[:, None] * other
    name = term.name
    if side is not None:
        name = name.format(side=side, Side=side.title(), s=side[0])
        if name != term.name:
            half = np.float32(1.0)
    if isinstance(term, Unit):
        shape = parts.targets[f"expression/units/{ancestry}/{name}"]
    elif isinstance(term, Pose):
        shape = parts.units[name]
    else:
        shape = parts.targets[name]
    offsets[shape.indices] = shape.offsets * np.float32(term.weight * rest.scale)
    return offsets * half


def _round_mouth(rest: Rest) -> np.ndarray:
    away = (rest.points[:, :2] - [0.0, -3.7]) / [3.2, 1.2]
    near = np.exp(-(away**2).sum(axis=1))
    return ((1 - (1 - near) ** 2.5) * (rest.soft > 0)).astype(np.float32)


def _pulled(rest: Rest, pull: Pull, side: str | None) -> np.ndarray:
    places = rest.points[:, :2]
    lip = {BOTH: 1.0, UPPER_LIP: 1 - rest.lower, LOWER_LIP: rest.lower}[pull.lip]
    result = np.zeros_like(rest.points)
    for sign in (1.0, -1.0):
        if side is not None and sign != (1.0 if side == "left" else -1.0):
            continue
        if side is None and sign < 0 and pull.centre[0] == 0:
            continue
        away = (places - [sign * pull.centre[0], pull.centre[1]]) / pull.radii
        near = np.exp(-(away**2).sum(axis=1)) * rest.soft * lip
        result += np.outer(near, np.array(pull.way) * [sign, 1, 1]).astype(np.float32)
    return result
