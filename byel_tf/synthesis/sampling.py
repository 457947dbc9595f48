"""Draws faces from a domain."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator

import numpy as np

from byel_tf.synthesis.action_units import ACTION_UNITS, SHAPES, shapes_of
from byel_tf.synthesis.domain import Domain, Variant, sided
from byel_tf.synthesis.face import (
    OF_THE_PERSON,
    SECTIONS,
    WITH_OWN_DRAWS,
    Face,
    Hair,
    Shape,
)

# Identity weights that are drawn; more modes than any head has.
_IDENTITY_MODES = 160
_PERSON, _PICTURE = 0, 1

# Units that may show a trace in any expression: not gaze, nor movements to a side.
_TRACES = (
    "browInnerUp", "browOuterUp", "browDown", "eyeBlink", "eyeSquint", "jawOpen",
    "mouthPress", "mouthDimple", "mouthFrown", "mouthSmile", "mouthUpperUp",
    "mouthLowerDown", "mouthPucker", "mouthFunnel", "cheekPuff", "jawForward",
    "noseSneer", "mouthStretch", "mouthRollLower", "mouthRollUpper",
)  # fmt: skip
_SIDEWAYS = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")


def sample_face(
    domain: Domain,
    expression: str,
    seed: int,
    index: int,
    action_units: dict[str, float] | None = None,
) -> Face:
    """Draws face number `index`; it depends on these arguments alone.

    Args:
        domain: What it is drawn from.
        expression: One of `domain.expressions`; its label.
        seed: 0 or more.
        index: 0 or more. Faces with the same `index // pictures_of_a_person` are
            pictures of one person.
        action_units: Weights by shape name to use instead of drawn ones.

    Returns:
        The face.

    Raises:
        ValueError: If the domain has no such expression.
    """
    if expression not in domain.expressions:
        raise ValueError(
            f"Expressions are {', '.join(domain.expressions)}. "
            f"Received: expression={expression!r}"
        )
    person = index // domain.pictures_of_a_person
    name = zlib.crc32(domain.name.encode())
    of_person = np.random.default_rng((seed, name, _PERSON, person))
    of_picture = np.random.default_rng((seed, name, _PICTURE, index))
    sections = {}
    changes = domain.expressions[expression].changes
    for section, kind in SECTIONS.items():
        of_whom = section in OF_THE_PERSON
        generator = of_person if of_whom else of_picture
        if section in WITH_OWN_DRAWS:
            key = (_PERSON, person) if of_whom else (_PICTURE, index)
            own = zlib.crc32(section.encode())
            generator = np.random.default_rng((seed, name, *key, own))
        fields = {**domain.sections[section], **changes.get(section, {})}
        uniforms = generator.random(len(fields)).tolist()
        sections[section] = kind(
            **{
                field: quantile(u)
                for (field, quantile), u in zip(fields.items(), uniforms, strict=True)
            }
        )
    youth = sections["growth"].youth
    if youth > 0:
        sections["shape"] = _smooth(sections["shape"], youth)
        sections["hair"] = _childs(sections["hair"], youth)
    modes = of_person.standard_normal(_IDENTITY_MODES)
    texture_seed = int(of_picture.integers(2**31))
    drawn, shares = sample_action_units(domain, expression, of_picture)
    if action_units is not None:
        drawn, shares = dict(action_units), {expression: 1.0}
    return Face(
        expression=expression,
        shares=shares,
        action_units=drawn,
        identity=tuple((modes * sections["shape"].spread).round(4).tolist()),
        subject=f"{domain.name}-{seed}-{person:07d}",
        texture_seed=texture_seed,
        **sections,
    )


def _smooth(shape: Shape, youth: float) -> Shape:
    """Proportions without the folds that a child doesn't have."""
    return dataclasses.replace(shape, age=shape.age * (1 - youth))


def _childs(hair: Hair, youth: float) -> Hair:
    """Hair without beard and with faint brows."""
    return dataclasses.replace(
        hair,
        beard="none",
        brow_opacity=hair.brow_opacity * (1 - 0.5 * youth),
        brow_thickness=hair.brow_thickness * (1 - 0.25 * youth),
    )


def sample_action_units(
    domain: Domain, expression: str, generator: np.random.Generator
) -> tuple[dict[str, float], dict[str, float]]:
    """Draws the weights of an expression's shapes.

    Args:
        domain: Holds the expression.
        expression: Its name.
        generator: Source of the draws.

    Returns:
        Weights by shape name, those above or below 0 only, in the order of `SHAPES`;
        and the share of each expression in them, by name.
    """
    movement = domain.movement
    uniforms = iter(generator.random(24 + 3 * len(SHAPES)).tolist())
    weights = _draw_variant(domain, expression, uniforms)
    share = movement.mixture(next(uniforms))
    second = movement.mixed_with[int(next(uniforms) * len(movement.mixed_with))]
    others = _draw_variant(domain, second, uniforms)
    shares = {expression: 1.0}
    if share > 0:
        shares[expression] -= share
        shares[second] = shares.get(second, 0.0) + share
        weights = {
            shape: (1 - share) * weights.get(shape, 0.0)
            + share * others.get(shape, 0.0)
            for shape in weights.keys() | others.keys()
        }

    overall = movement.asymmetry(next(uniforms))
    for unit in sorted(ACTION_UNITS):
        own = movement.unit_asymmetry(next(uniforms))
        if ACTION_UNITS[unit].two_sided:
            left, right = shapes_of(unit)
            more = min(0.6, max(-0.6, overall + own))
            if left in weights:
                weights[left] *= 1 + more
            if right in weights:
                weights[right] *= 1 - more

    def add(shape: str, weight: float) -> None:
        weights[shape] = weights.get(shape, 0.0) + weight

    def add_both(unit: str, weight: float) -> None:
        for shape in shapes_of(unit):
            add(shape, weight)

    chosen = generator.permutation(len(_TRACES))[: movement.traces]
    for number in chosen.tolist():
        weight = abs(movement.trace(generator.random()))
        for shape in shapes_of(_TRACES[number]):
            add(shape, weight * (0.6 + 0.8 * generator.random()))
    side = _SIDEWAYS[int(next(uniforms) * len(_SIDEWAYS))]
    add(side, movement.sideways(next(uniforms)))

    turn = movement.gaze_x(next(uniforms))
    add("eyeLookOut_L" if turn > 0 else "eyeLookIn_L", abs(turn))
    add("eyeLookIn_R" if turn > 0 else "eyeLookOut_R", abs(turn))
    rise = movement.gaze_y(next(uniforms))
    add_both("eyeLookUp" if rise > 0 else "eyeLookDown", abs(rise))

    # Below 0 the opposite movement, weaker: a raised brow lifts half as much.
    lower = movement.brows_at_rest(next(uniforms))
    if lower > 0:
        add_both("browDown", lower)
    else:
        add_both("browInnerUp", -0.5 * lower)
        add_both("browOuterUp", -0.5 * lower)
    droop = movement.lids_at_rest(next(uniforms))
    add_both(
        "eyeBlink" if droop > 0 else "eyeWide", droop if droop > 0 else -1.5 * droop
    )
    for shape in shapes_of("eyeBlink"):
        if shape in weights:
            weights[shape] = min(1.0, weights[shape])
    rounded = {s: round(weights[s], 4) for s in SHAPES if weights.get(s)}
    return rounded, shares


def _draw_variant(
    domain: Domain, expression: str, uniforms: Iterator[float]
) -> dict[str, float]:
    """Weights of one variant of an expression; takes `3 + len(ACTION_UNITS)` draws."""
    described = domain.expressions[expression]
    variant = _choose(described.variants, next(uniforms))
    low, high = described.intensity
    intensity = low + (high - low) * next(uniforms)
    mirrored = next(uniforms) < 0.5 and variant.mirror
    # Both sides of a unit share a draw, so that it is symmetric before asymmetry.
    draws = {unit: next(uniforms) for unit in ACTION_UNITS}
    weights = {}
    for shape, (low, high) in sided(variant.units).items():
        weight = intensity * (low + (high - low) * draws[shape.split("_")[0]])
        if weight:
            weights[_mirror(shape) if mirrored else shape] = weight
    return weights


def _choose(variants: tuple[Variant, ...], u: float) -> Variant:
    left = u * sum(variant.share for variant in variants)
    for variant in variants:
        left -= variant.share
        if left < 0:
            return variant
    return variants[-1]


def _mirror(shape: str) -> str:
    """The same movement of the other side."""
    for pair in (("_L", "_R"), ("Left", "Right")):
        for side, other in (pair, pair[::-1]):
            if shape.endswith(side):
                return shape[: -len(side)] + other
    return shape
