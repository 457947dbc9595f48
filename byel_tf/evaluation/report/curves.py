"""The training's curves, from the numbers in the run's `history.jsonl`."""

import os
import re
from collections.abc import Iterable, Mapping

import numpy as np

from byel_tf.evaluation.report.figures import (
    class_colours,
    legend_columns,
    new_chart,
    plain_names,
    to_png,
)
from byel_tf.history import read_history

#: The stages in their order, and what they are called.
STAGES = {"pretrain": "Stage 1", "finetune": "Stage 2"}

_SHOWN = re.compile(r"(?:losses|macro_f1|macro_f1_test)/.+", re.DOTALL)
_MAX_POINTS = 400
# A training logs float32; of greater numbers, in a changed file, no axis is drawn.
_GREATEST = float(np.finfo(np.float32).max)
_SIZE = (5.0, 3.8)

#: Steps and values.
Curve = tuple[np.ndarray, np.ndarray]


def read_curves(history: str | os.PathLike, stage: str) -> dict[str, Curve]:
    """Losses and macro F1 of a stage.

    Args:
      history: The run's `history.jsonl`.
      stage: "pretrain" or "finetune".

    Returns:
      By tag without the stage, such as `losses/total`, in alphabetical order. Of a step
      that stands there twice the last line counts.
    """
    points: dict[str, dict[int, float | None]] = {}
    for line in read_history(history):
        if line.stage == stage:
            for name, value in line.values.items():
                if _SHOWN.fullmatch(name):
                    points.setdefault(name, {})[line.step] = value
    curves = {}
    for name in sorted(points):
        known = [
            (step, value)
            for step, value in sorted(points[name].items())
            if value is not None and abs(value) <= _GREATEST
        ]
        if known:
            steps, values = zip(*known, strict=True)
            curves[name] = np.array(steps), np.array(values)
    return curves


def curves_png(curves: Mapping[str, Curve], group: str, title: str) -> bytes | None:
    """Draws the curves of one group.

    Args:
      curves: As of `read_curves`.
      group: "losses" or "macro_f1".
      title: What stands above them.

    Returns:
      A PNG file; None if there is no such curve.
    """
    names = curve_names(curves, group)
    chosen = [_thinned(curve) for n, curve in curves.items() if n.startswith(group)]
    if not chosen:
        return None
    labels = plain_names(names, "curve")
    figure, axes = new_chart(_SIZE)
    colours = class_colours(len(chosen))
    for label, (steps, values), colour in zip(labels, chosen, colours, strict=True):
        marker = "o" if len(steps) < 30 else None
        axes.plot(steps, values, label=label, color=colour, marker=marker, ms=3)
    axes.set(xlabel="step", title=title)
    axes.grid(alpha=0.3)
    if group == "macro_f1":
        axes.set_ylim(0, 1)
    columns = legend_columns(labels, most=3)
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return to_png(figure)


def curve_names(curves: Iterable[str], group: str) -> list[str]:
    """What the curves of one group are called.

    Args:
      curves: Tags, as of `read_curves`.
      group: "losses" or "macro_f1".
    """
    return [_label(name) for name in curves if name.startswith(group)]


def _label(name: str) -> str:
    group, _, rest = name.partition("/")
    return f"{rest} (test)" if group == "macro_f1_test" else rest


def _thinned(curve: Curve) -> Curve:
    """Means of neighbouring points, where there are more than can be seen."""
    steps, values = curve
    if len(steps) <= _MAX_POINTS:
        return curve
    parts = _MAX_POINTS
    return tuple(
        np.array([part.mean() for part in np.array_split(numbers, parts)])
        for numbers in (steps, values)
    )
