"""The tables of `docs/faces.md`, from what faces are really drawn from."""

from __future__ import annotations

from byel_tf.synthesis.action_units import ACTION_UNITS
from byel_tf.synthesis.domain import Domain


def action_unit_table() -> str:
    """Every movement with its FACS number, as Markdown."""
    lines = ["| shape | FACS | sides | what is seen |", "|---|---:|---|---|"]
    for name, unit in ACTION_UNITS.items():
        sides = "`_L`, `_R`" if unit.two_sided else "one"
        lines.append(f"| `{name}` | {unit.number} | {sides} | {unit.movement} |")
    return "\n".join(lines)


def expression_table(domain: Domain) -> str:
    """Every variant of every expression, as Markdown.

    Args:
        domain: Holds the expressions.
    """
    lines = ["| expression | variant | share | action units |", "|---|---|---:|---|"]
    for name, expression in domain.expressions.items():
        low, high = expression.intensity
        title = f"**{name}** ×{low:g}–{high:g}"
        for variant in expression.variants:
            units = ", ".join(
                f"{unit} {weights[0]:g}–{weights[1]:g}"
                for unit, weights in variant.units.items()
            )
            mirrored = ", either side" if variant.mirror else ""
            lines.append(
                f"| {title} | {variant.name}{mirrored} | {variant.share:.0%} | "
                f"{units or 'none'} |"
            )
            title = ""
    return "\n".join(lines)
