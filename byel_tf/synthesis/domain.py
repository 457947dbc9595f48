"""A domain of faces: the distributions that faces are drawn from, read from TOML.

Two come with the package: `synthetic`, which networks are trained on, and `shifted`,
which stands in for photographs in tests. A user's own file may start from either.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
import os
import pathlib
import sys
import typing
from collections.abc import Collection, Sequence
from typing import Any

from byel_tf.errors import UsageError
from byel_tf.synthesis.action_units import ACTION_UNITS, SHAPES, shapes_of
from byel_tf.synthesis.distributions import (
    Distribution,
    examples,
    parse_distribution,
)
from byel_tf.synthesis.face import OF_THE_PERSON, SECTIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Domains that come with the package.
DOMAINS = ("synthetic", "shifted")


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to show an expression.

    Attributes:
        name: What it is called on a sheet of all variants.
        share: Share of the expression's faces that show it.
        units: Range (low, high) of the weight at intensity 1, by the name of an action
            unit, or of one side's shape.
        mirror: Whether left and right are exchanged in half of the faces.
    """

    name: str
    share: float
    units: dict[str, tuple[float, float]]
    mirror: bool = False


@dataclasses.dataclass(frozen=True)
class Expression:
    """A class of faces.

    Attributes:
        intensity: Range (low, high) of the factor on all weights.
        variants: At least one.
        changes: Distributions of the picture that this expression has of its own, by
            field, by section.
    """

    intensity: tuple[float, float]
    variants: tuple[Variant, ...]
    changes: dict[str, dict[str, Distribution]]


@dataclasses.dataclass(frozen=True)
class Movement:
    """What every expression gets on top of its own units; see the domains' files.

    Attributes:
        asymmetry: Left over right of all units together, as a share of the weight.
        unit_asymmetry: The same of each unit.
        traces: Number of units that don't belong to the expression.
        trace: Their weight; its absolute value counts.
        sideways: Weight of one movement of jaw or mouth to a side.
        brows_at_rest: Weight by which the brows are lower at rest.
        lids_at_rest: The same of the upper lids.
        gaze_x: Weight of the eyes' turn to the subject's left.
        gaze_y: Weight of their turn up.
        mixture: Share of a second expression.
        mixed_with: The expressions it is one of.
    """

    asymmetry: Distribution
    unit_asymmetry: Distribution
    traces: int
    trace: Distribution
    sideways: Distribution
    brows_at_rest: Distribution
    lids_at_rest: Distribution
    gaze_x: Distribution
    gaze_y: Distribution
    mixture: Distribution
    mixed_with: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Domain:
    """Everything that faces are drawn from.

    Attributes:
        name: The file's name without suffix; part of the seed, so that two domains
            hold other people.
        pictures_of_a_person: Pictures with consecutive numbers that show one person.
        sections: Distribution by field, by section of `Face`.
        movement: What every expression gets.
        expressions: Expression by class name.
        digest: SHA-256 of everything above.
    """

    name: str
    pictures_of_a_person: int
    sections: dict[str, dict[str, Distribution]]
    movement: Movement
    expressions: dict[str, Expression]
    digest: str


def load_domain(name: str | os.PathLike) -> Domain:
    """Reads a domain.

    Args:
        name: One of `DOMAINS`, or the path of a TOML file.

    Returns:
        The domain.

    Raises:
        UsageError: If there is no such file, or it doesn't describe a domain; the
            message names the file and the entry.
    """
    name = os.fspath(name)
    tables = _read_with_base(name, seen=())
    try:
        return _parse(pathlib.Path(name).stem, tables)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error


def _read_with_base(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    if name in seen:
        raise UsageError(f"{name}: its base leads back to itself")
    if name in DOMAINS:
        resource = importlib.resources.files("byel_tf.synthesis") / "domains"
        text = (resource / f"{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = pathlib.Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"no domain of faces '{name}': expected one of "
                f"{', '.join(DOMAINS)} or the path of a TOML file ({error})"
            ) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not a TOML file: {error}") from error
    base = tables.pop("base", None)
    if base is None:
        return tables
    if not isinstance(base, str):
        raise UsageError(f"{name}: base must be a name, not {base!r}")
    if base not in DOMAINS:
        base = os.fspath(pathlib.Path(name).parent / base)
    inherited = _read_with_base(base, (*seen, name))
    try:
        return _merge(inherited, tables)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Section by section and field by field.

    An expression with variants replaces the one of its name as a whole. A field that
    is given anew holds for the base's expressions too.
    """
    merged = dict(old)
    for key, value in new.items():
        both_tables = isinstance(value, dict) and isinstance(old.get(key), dict)
        merged[key] = {**old[key], **value} if both_tables else value
    if isinstance(old.get("expressions"), dict) and isinstance(
        merged["expressions"], dict
    ):
        kept = {name: _yielding(one, new) for name, one in old["expressions"].items()}
        merged["expressions"] = {
            name: _changed(f"expressions.{name}", kept[name], one)
            if name in kept
            else one
            for name, one in {**kept, **new.get("expressions", {})}.items()
        }
    return merged


def _yielding(expression: Any, new: dict[str, Any]) -> Any:
    """An expression without the changes of fields that a file gives itself."""
    changes = expression.get("changes") if isinstance(expression, dict) else None
    if not isinstance(changes, dict):
        return expression  # what is wrong is said when it is parsed
    left = {}
    for section, fields in changes.items():
        given = new.get(section)
        if isinstance(fields, dict) and isinstance(given, dict):
            fields = {name: one for name, one in fields.items() if name not in given}
        left[section] = fields
    return {**expression, "changes": left}


def _changed(where: str, old: dict[str, Any], new: Any) -> Any:
    """An expression of the base as a file without variants for it changes it."""
    if not isinstance(new, dict) or "variants" in new:
        return new
    if not isinstance(old, dict) or not isinstance(old.get("changes", {}), dict):
        return old  # what is wrong is said when it is parsed
    _check_variants(where, old)
    known = {variant["name"] for variant in old["variants"]}
    changed = {**old, **new}
    without = changed.pop("without", [])
    if not _is_list_of_names(without):
        raise ValueError(f"{where}.without: expected a list of names, not {without!r}")
    for name in without:
        _check_known(f"{where}.without", {name}, known)
    changed["variants"] = [v for v in old["variants"] if v["name"] not in without]
    if isinstance(new.get("changes"), dict):
        changed["changes"] = _merge(old.get("changes", {}), new["changes"])
    return changed


def _parse(name: str, tables: dict[str, Any]) -> Domain:
    known = {"pictures_of_a_person", "movement", "expressions", *SECTIONS}
    _check_keys("the file", tables, known)
    expressions = {
        expression: _parse_expression(f"expressions.{expression}", table)
        for expression, table in _table("expressions", tables).items()
    }
    pictures = tables["pictures_of_a_person"]
    if not _is_count(pictures, 1):
        raise ValueError(f"pictures_of_a_person must be 1 or more, not {pictures!r}")
    return Domain(
        name=name,
        pictures_of_a_person=pictures,
        sections={
            section: _parse_fields(section, _table(section, tables), kind)
            for section, kind in SECTIONS.items()
        },
        movement=_parse_movement(_table("movement", tables), expressions),
        expressions=expressions,
        digest=hashlib.sha256(
            json.dumps([name, tables], sort_keys=True, default=str).encode()
        ).hexdigest(),
    )


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _table(name: str, tables: dict[str, Any], where: str = "") -> dict[str, Any]:
    if not isinstance(tables[name], dict):
        where = where or f"[{name}]"
        raise ValueError(f"{where} must be a table, not {tables[name]!r}")
    return tables[name]


def _check_known(where: str, table: Collection[str], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            f"{where} has no '{unknown[0]}'; it has {', '.join(sorted(known))}"
        )


def _check_keys(where: str, table: dict[str, Any], known: set[str]) -> None:
    _check_known(where, table, known)
    missing = sorted(known - set(table))
    if missing:
        raise ValueError(f"{where} lacks '{missing[0]}'")


def _parse_fields(
    section: str, table: dict[str, Any], kind: type
) -> dict[str, Distribution]:
    names = [field.name for field in dataclasses.fields(kind)]
    _check_keys(f"[{section}]", table, set(names))
    return {
        name: _parse_field(f"{section}.{name}", table[name], kind, name)
        for name in names
    }


def _parse_field(where: str, value: Any, kind: type, name: str) -> Distribution:
    return _parse_entry(
        where, value, typing.get_args(typing.get_type_hints(kind)[name])
    )


def _parse_entry(where: str, value: Any, words: Sequence[str] = ()) -> Distribution:
    """A distribution of some of these words, or of numbers where there are none."""
    try:
        quantile = parse_distribution(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    for one in examples(value):
        if one not in words if words else isinstance(one, str):
            expected = f"one of {', '.join(words)}" if words else "numbers"
            raise ValueError(f"{where}: expected {expected}, not {one!r}")
    return quantile


def _parse_movement(
    table: dict[str, Any], expressions: dict[str, Expression]
) -> Movement:
    names = {field.name for field in dataclasses.fields(Movement)}
    _check_keys("[movement]", table, names)
    others = table["mixed_with"]
    if not _is_list_of_names(others) or not others:
        raise ValueError(
            f"movement.mixed_with must be a list of expressions, not {others!r}"
        )
    plain = {"traces": table["traces"], "mixed_with": tuple(others)}
    if not _is_count(plain["traces"], 0):
        raise ValueError(f"movement.traces must be 0 or more, not {plain['traces']!r}")
    for expression in plain["mixed_with"]:
        if expression not in expressions:
            raise ValueError(f"movement.mixed_with: no expression '{expression}'")
    drawn = {
        name: _parse_entry(f"movement.{name}", table[name])
        for name in sorted(names - set(plain))
    }
    return Movement(**plain, **drawn)


def _parse_expression(where: str, table: Any) -> Expression:
    if not isinstance(table, dict):
        raise ValueError(f"[{where}] must be a table, not {table!r}")
    table = {"changes": {}, **table}
    _check_keys(f"[{where}]", table, {"changes", "intensity", "variants"})
    changes = {
        section: _parse_changes(f"{where}.changes", section, fields)
        for section, fields in _table("changes", table).items()
    }
    _check_variants(where, table)
    variants = []
    for number, entry in enumerate(table["variants"]):
        place = f"{where}.variants, number {number + 1}"
        entry = {"mirror": False, "units": {}, **entry}
        _check_keys(place, entry, {"name", "share", "units", "mirror"})
        if not isinstance(entry["mirror"], bool):
            raise ValueError(f"{place}: mirror must be true or false")
        units = {}
        for unit, weights in _table("units", entry, f"{place}, units").items():
            if unit not in ACTION_UNITS and unit not in SHAPES:
                raise ValueError(
                    f"{place}: no action unit '{unit}'; there are "
                    f"{', '.join(ACTION_UNITS)}"
                )
            units[unit] = _range(f"{place}, {unit}", weights)
        share = entry["share"]
        if isinstance(share, bool) or not isinstance(share, (int, float)) or share <= 0:
            raise ValueError(f"{place}: share must be above 0, not {share!r}")
        variants.append(Variant(entry["name"], share, units, entry["mirror"]))
    if not variants:
        raise ValueError(f"[{where}] has no variants")
    total = sum(variant.share for variant in variants)
    variants = [dataclasses.replace(v, share=v.share / total) for v in variants]
    intensity = _range(f"{where}.intensity", table["intensity"])
    return Expression(intensity, tuple(variants), changes)


def _check_variants(where: str, expression: dict[str, Any]) -> None:
    """That an expression has a list of tables with names."""
    variants = expression.get("variants")
    if not isinstance(variants, list):
        raise ValueError(f"{where}.variants must be a list of tables, not {variants!r}")
    for number, entry in enumerate(variants):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ValueError(
                f"{where}.variants, number {number + 1}: expected a table with a name, "
                f"not {entry!r}"
            )


def _parse_changes(
    where: str, section: str, fields: dict[str, Any]
) -> dict[str, Distribution]:
    kinds = {name: k for name, k in SECTIONS.items() if name not in OF_THE_PERSON}
    _check_known(f"[{where}]", {section}, set(kinds))
    if not isinstance(fields, dict):
        raise ValueError(f"[{where}.{section}] must be a table, not {fields!r}")
    known = {field.name for field in dataclasses.fields(kinds[section])}
    _check_known(f"[{where}.{section}]", fields, known)
    return {
        name: _parse_field(f"{where}.{section}.{name}", value, kinds[section], name)
        for name, value in fields.items()
    }


def _range(where: str, values: Any) -> tuple[float, float]:
    good = (
        isinstance(values, list)
        and len(values) == 2
        and all(type(value) in (int, float) for value in values)
    )
    if not good or values[0] > values[1]:
        raise ValueError(f"{where}: expected a range [low, high], not {values!r}")
    return float(values[0]), float(values[1])


def sided(units: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges by shape name, from ranges by action unit or shape name."""
    shapes = {}
    for name, weights in units.items():
        for shape in shapes_of(name) if name in ACTION_UNITS else (name,):
            shapes[shape] = weights
    return shapes
