"""The training's curves, read back from what it wrote for TensorBoard."""

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.util import tensor_util

from byel_tf.evaluation.report.figures import (
    class_colours,
    legend_columns,
    new_chart,
    plain,
    to_png,
)

#: The stages in their order, and what they are called.
STAGES = {"pretrain": "Stage 1", "finetune": "Stage 2"}

_SHOWN = re.compile(r"(?:losses|macro_f1|macro_f1_test)/.+", re.DOTALL)
_MAX_POINTS = 400
_SIZE = (5.0, 3.8)

#: Steps and values.
Curve = tuple[np.ndarray, np.ndarray]


def read_curves(folder: str | os.PathLike, stage: str) -> dict[str, Curve]:
    """Losses and macro F1 of a stage.

    Args:
      folder: The run's `tensorboard`.
      stage: "pretrain" or "finetune".

    Returns:
      By tag without the stage, such as `losses/total`, in alphabetical order. Steps
      that were done again after an interruption count once, the last time.
    """
    points: dict[str, dict[int, float]] = {}
    files = sorted(pathlib.Path(folder, stage).glob("events.out.tfevents.*"))
    for file in files:
        for event in _events(file):
            for value in event.summary.value:
                owner, _, name = value.tag.partition("/")
                if owner == stage and _SHOWN.fullmatch(name):
                    number = _scalar(value)
                    if number is not None:
                        points.setdefault(name, {})[event.step] = number
    curves = {}
    for name in sorted(points):
        steps, values = zip(*sorted(points[name].items()), strict=True)
        curves[name] = np.array(steps), np.array(values)
    return curves


def _events(file: pathlib.Path) -> Iterator[event_pb2.Event]:
    """The events up to where a file ends or is damaged."""
    with contextlib.suppress(tf.errors.OpError, DecodeError):
        yield from EventFileLoader(str(file)).Load()


def _scalar(value: summary_pb2.Summary.Value) -> float | None:
    """The number that `tf.summary.scalar` wrote, or None for anything else."""
    try:
        content = tensor_util.make_ndarray(value.tensor)
    except (TypeError, ValueError, LookupError):
        return None
    is_scalar = content.dtype == np.float32 and content.size == 1
    return content.item() if is_scalar else None


def curves_png(curves: Mapping[str, Curve], group: str, title: str) -> bytes | None:
    """Draws the curves of one group.

    Args:
      curves: As of `read_curves`.
      group: "losses" or "macro_f1".
      title: What stands above them.

    Returns:
      A PNG file; None if there is no such curve.
    """
    chosen = {
        _label(name): _thinned(curve)
        for name, curve in curves.items()
        if name.startswith(group)
    }
    if not chosen:
        return None
    figure, axes = new_chart(_SIZE)
    colours = class_colours(len(chosen))
    for (name, (steps, values)), colour in zip(chosen.items(), colours, strict=True):
        marker = "o" if len(steps) < 30 else None
        axes.plot(steps, values, label=plain(name), color=colour, marker=marker, ms=3)
    axes.set(xlabel="step", title=title)
    axes.grid(alpha=0.3)
    if group == "macro_f1":
        axes.set_ylim(0, 1)
    columns = legend_columns(map(plain, chosen), most=3)
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return to_png(figure)


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
