"""One-dimensional distributions, written as tables of a TOML file.

Each turns one uniform number into one value by its quantile function, so that a value
depends on its own number alone: editing one distribution leaves every other draw as
it was.
"""

from __future__ import annotations

import math
import numbers
import statistics
from collections.abc import Callable, Iterator
from typing import Any

#: A quantile function: u in [0, 1) to a value.
Distribution = Callable[[float], Any]

_NORMAL = statistics.NormalDist()
# Keeps normal quantiles finite; beyond 5 standard deviations nothing is drawn.
_TAIL = 3e-7


def parse_distribution(table: Any) -> Distribution:
    """Reads a distribution.

    Args:
        table: A number or text, which is always that value; or one of

            - `{uniform = [low, high]}`
            - `{log_uniform = [low, high]}`, uniform in the logarithm
            - `{normal = [mean, sd]}`, perhaps with `within = [low, high]`, which
              limits the values
            - `{log_normal = [median, sd of the logarithm]}`, perhaps with `within`
            - `{choice = {a = 0.7, b = 0.3}}`, names with their shares
            - `{mixture = [{share = 0.7, uniform = [0, 1]}, …]}`, distributions with
              their shares; `{share = 0.3, value = 2}` for a constant

    Returns:
        Its quantile function.

    Raises:
        ValueError: If it isn't one of these.
    """
    if isinstance(table, (numbers.Real, str)):
        return lambda u: table
    if not isinstance(table, dict):
        raise ValueError(
            f"a distribution is a number, a text or a table, not {table!r}"
        )
    kinds = [kind for kind in table if kind not in ("within", "share")]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise ValueError(
            f"a distribution has one of {', '.join(_KINDS)}, not {table!r}"
        )
    quantile = _KINDS[kinds[0]](table[kinds[0]])
    if "within" in table:
        low, high = _pair(table["within"])
        inner = quantile
        quantile = lambda u: min(high, max(low, inner(u)))  # noqa: E731
    return quantile


def examples(table: Any) -> Iterator[Any]:
    """Every text that a distribution may give, and a number of each part with numbers.

    Args:
        table: What `parse_distribution` takes.
    """
    if not isinstance(table, dict):
        yield table
        return
    kind = next(kind for kind in table if kind in _KINDS)
    if kind == "mixture":
        for part in table[kind]:
            yield from examples(part)
    elif kind == "value":
        yield table[kind]
    else:
        # Names with their shares, or two numbers.
        yield from table[kind]


def _pair(values: Any) -> tuple[float, float]:
    if (
        not isinstance(values, list)
        or len(values) != 2
        or not all(isinstance(value, numbers.Real) for value in values)
    ):
        raise ValueError(f"expected two numbers [a, b], not {values!r}")
    return float(values[0]), float(values[1])


def _uniform(values: Any) -> Distribution:
    low, high = _pair(values)
    return lambda u: low + (high - low) * u


def _log_uniform(values: Any) -> Distribution:
    low, high = _pair(values)
    if low <= 0 or high <= 0:
        raise ValueError(f"log_uniform needs numbers above 0, not {values!r}")
    ratio = math.log(high / low)
    return lambda u: low * math.exp(ratio * u)


def standard_normal(u: float) -> float:
    """The standard normal quantile of u in [0, 1)."""
    return _NORMAL.inv_cdf(min(1 - _TAIL, max(_TAIL, u)))


def _normal(values: Any) -> Distribution:
    mean, deviation = _pair(values)
    return lambda u: mean + deviation * standard_normal(u)


def _log_normal(values: Any) -> Distribution:
    median, deviation = _pair(values)
    return lambda u: median * math.exp(deviation * standard_normal(u))


def _choice(shares: Any) -> Distribution:
    if not isinstance(shares, dict):
        raise ValueError(f"choice needs a table of shares, not {shares!r}")
    return _one_of(list(shares.values()), [_constant(name) for name in shares])


def _mixture(tables: Any) -> Distribution:
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) and "share" in table for table in tables
    ):
        raise ValueError(f"mixture needs a list of tables with a share, not {tables!r}")
    return _one_of(
        [t["share"] for t in tables], [parse_distribution(t) for t in tables]
    )


def _one_of(shares: list[Any], parts: list[Distribution]) -> Distribution:
    numeric = all(isinstance(share, numbers.Real) and share >= 0 for share in shares)
    if not numeric or not sum(shares) > 0:
        raise ValueError(f"shares must be numbers from 0 up, not {shares!r}")
    total = float(sum(shares))

    def quantile(u: float) -> Any:
        left = u * total
        for share, part in zip(shares, parts, strict=True):
            if left < share:
                return part(left / share)
            left -= share
        return parts[-1](0.0)  # only by rounding

    return quantile


def _constant(value: Any) -> Distribution:
    return lambda u: value


_KINDS: dict[str, Callable[[Any], Distribution]] = {
    "uniform": _uniform,
    "log_uniform": _log_uniform,
    "normal": _normal,
    "log_normal": _log_normal,
    "choice": _choice,
    "mixture": _mixture,
    "value": _constant,
}
