"""Charts of scores, as PNG files that can be read on a telephone.

Each has about the size of a telephone's width, so that a page can set several side by
side or one below the other.
"""

import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from byel_tf.evaluation.calibration import Reliability
from byel_tf.evaluation.intervals import Intervals
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.report.fonts import can_draw, families_for

matplotlib.use("Agg")  # never opens a window

#: Width and height of a chart, in inches.
CHART = (5.0, 4.4)

#: Most characters of a title.
TITLE = 40

_DPI = 130
_LONGEST = 18  # characters of a name
_GREY = "0.45"


def new_chart(size: tuple[float, float] = CHART) -> tuple[Figure, Axes]:
    """An empty chart.

    Args:
      size: Width and height in inches.
    """
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    texts = figure.findobj(Text)
    families = families_for(text.get_text() for text in texts)
    for text in texts:
        text.set_fontfamily(families)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def plain(text: str, longest: int = _LONGEST) -> str:
    """The text as it can be drawn and leaves the chart its place.

    Its middle is left out where it is long, and words that no font has. A dollar sign
    would begin a formula, and an underscore keeps out of a legend.

    Args:
      text: The text.
      longest: Most characters; half as many where they are wide.
    """
    text = " ".join(word if can_draw(word) else "…" for word in text.split(" "))
    longest = longest // 2 if any(map(_is_wide, text)) else longest
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[1 - longest // 2 :]}"
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def plain_names(names: Iterable[str], what: str = "label") -> list[str]:
    """The names as they can be drawn: as a number where no font has them.

    Args:
      names: The names; those of classes in label order.
      what: What stands before a number, which counts from 0 as labels do.
    """
    return [
        plain(name) if can_draw(name) else f"{what} {number}"
        for number, name in enumerate(names)
    ]


def numbered_names(names: Iterable[str], what: str = "label") -> dict[str, str]:
    """The names that are drawn as a number, by what is drawn.

    Args:
      names: As of `plain_names`.
      what: As of `plain_names`.
    """
    names = list(names)
    shown = zip(plain_names(names, what), names, strict=True)
    return {number: name for number, name in shown if not can_draw(name)}


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def legend_columns(names: Iterable[str], most: int) -> int:
    """How many of the names fit beside each other into a legend of small print.

    Args:
      names: As of `plain`.
      most: Number of columns, at most.
    """
    widths = (len(name) + sum(map(_is_wide, name)) for name in names)
    longest = max(widths, default=0)
    return max(1, min(most, int(360 / (25 + 5 * longest))))


def class_colours(count: int) -> list:
    """Colours that tell so many classes apart."""
    if count <= 10:
        return list(matplotlib.colormaps["tab10"].colors[:count])
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count)))


def confusion_matrix_png(
    counts: np.ndarray, classes: Sequence[str], title: str
) -> bytes:
    """Draws a confusion matrix: counts, and the share of each label's row as colour.

    Args:
      counts: (K, K), int; rows are labels, columns predictions.
      classes: Names of the K classes.
      title: What stands above it.

    Returns:
      A PNG file.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = new_chart()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _name_cells(axes, classes)
    axes.set(xlabel="predicted", ylabel="labelled", title=plain(title, TITLE))
    size = _cell_text_size(len(classes))
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = str(int(count))
        style = {"ha": "center", "va": "center", "color": colour, "fontsize": size}
        axes.text(column, row, text, **style)
    return to_png(figure)


def class_f1_png(
    scores: Scores, intervals: Intervals | None, classes: Sequence[str]
) -> bytes:
    """Draws each class's F1 with its interval, and the macro F1 across.

    Args:
      scores: Scores of a data set.
      intervals: Their intervals, or None.
      classes: Names of the classes.

    Returns:
      A PNG file.
    """
    figure, axes = new_chart()
    rows = range(len(classes))
    f1 = [scores.per_class[name]["f1"] for name in classes]
    axes.barh(rows, f1, color="tab:blue", alpha=0.75)
    ends = list(f1)
    for row, name in enumerate(classes):
        found = intervals and intervals.per_class_f1[name]
        if found:
            axes.plot(found, (row, row), color="black", marker="|", linewidth=1.2)
            ends[row] = max(f1[row], found[1])
    for row, end in enumerate(ends):
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        size = min(9.0, _name_size(len(classes)))
        style = {"va": "center", "fontsize": size, "bbox": ground}
        axes.text(end + 0.02, row, f"{f1[row]:.2f}", **style)
    axes.axvline(
        scores.macro_f1,
        color="tab:orange",
        linestyle="--",
        label=f"macro F1 {scores.macro_f1:.3f}",
    )
    if intervals:
        axes.axvspan(*intervals.macro_f1, color="tab:orange", alpha=0.2, linewidth=0)
    names = plain_names(classes)
    axes.set_yticks(rows, names, fontsize=_name_size(len(names)))
    axes.set(xlim=(0, 1.12), ylim=(len(classes) - 0.5, -0.5), xlabel="F1")
    axes.set_title(
        f"F1 and {intervals.level:.0%} intervals".replace("%", " %")
        if intervals
        else "F1"
    )
    figure.legend(loc="outside lower center", frameon=False)
    return to_png(figure)


def reliability_png(curves: Mapping[str, Reliability]) -> bytes:
    """Draws accuracy over confidence, and below how many images have it.

    Args:
      curves: By the name of the probabilities; the images of the first are counted.

    Returns:
      A PNG file.
    """
    figure = Figure(figsize=CHART, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    upper.plot((0, 1), (0, 1), color=_GREY, linestyle="--", linewidth=1)
    for (name, curve), style in zip(curves.items(), ("o-", "s--", "^:"), strict=False):
        held = curve.counts > 0
        upper.plot(
            curve.confidence[held], curve.accuracy[held], style, label=name, ms=4
        )
    upper.set(ylim=(0, 1.02), ylabel="accuracy", title="Reliability")
    if curves:
        upper.legend(loc="upper left", fontsize=8, frameon=False)
        counts = next(iter(curves.values())).counts
        edges = np.linspace(0, 1, len(counts) + 1)
        lower.bar(edges[:-1], counts, np.diff(edges), align="edge", color="tab:blue")
    lower.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
    return to_png(figure)


def similarity_png(cosines: np.ndarray, classes: Sequence[str]) -> bytes:
    """Draws the cosines between the emotion vectors.

    Args:
      cosines: (K, K), in [-1, 1].
      classes: Names of the K classes.

    Returns:
      A PNG file.
    """
    figure, axes = new_chart()
    shown = axes.imshow(cosines, cmap="RdBu_r", vmin=-1, vmax=1)
    figure.colorbar(shown, ax=axes, shrink=0.8)
    _name_cells(axes, classes)
    axes.set_title("Cosine of the emotion vectors")
    size = _cell_text_size(len(classes))
    for (row, column), value in np.ndenumerate(np.asarray(cosines)):
        colour = "white" if abs(value) > 0.6 else "black"
        # Adding 0 leaves no minus before a zero.
        text = f"{round(float(value), 2) + 0:.2f}"
        style = {"ha": "center", "va": "center", "color": colour, "fontsize": size}
        axes.text(column, row, text, **style)
    return to_png(figure)


def _name_cells(axes: Axes, classes: Sequence[str]) -> None:
    names = plain_names(classes)
    size = _name_size(len(names))
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)


def _name_size(count: int) -> float:
    """Points in which so many names fit below each other."""
    return min(10.0, 200 / max(count, 1))


def _cell_text_size(count: int) -> float:
    """Points that fit into a cell of so many in a row."""
    return min(10.0, 72 / max(count, 1))
