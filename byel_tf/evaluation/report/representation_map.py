"""Representations of several data sets on one map of two dimensions.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE, Journal of Machine
Learning Research 9, 2008. What lies together was alike in many dimensions; distances
between groups, and their sizes, say nothing.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.report.figures import (
    class_colours,
    legend_columns,
    new_chart,
    plain,
    plain_names,
    to_png,
)

#: Most images of all data sets together.
MAX_IMAGES = 2000

# Fewer have no neighbourhoods.
_MIN_IMAGES = 12
_PERPLEXITY = 30  # the middle of the 5 to 50 of the paper
_COMPONENTS = 50  # to which the paper reduces before (section 4)
_MARKERS = "ox^svDP*"
_SIZE = (5.0, 5.4)


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the images of one data set lie.

    Attributes:
      positions: (N, 2), float.
      labels: Class indices, (N,), int; -1 without label.
    """

    positions: np.ndarray
    labels: np.ndarray


def map_representations(
    predictions: Mapping[str, Predictions], seed: int = 1, most: int = MAX_IMAGES
) -> dict[str, Places]:
    """Lays representations of all data sets out together, by t-SNE.

    Args:
      predictions: With representations, by data set. About as many images of each are
        drawn at random.
      seed: Decides which.
      most: Most images.

    Returns:
      The places by data set; nothing for too few images or ones that are all alike.
    """
    rng = np.random.default_rng(seed)
    share = most // max(len(predictions), 1)
    drawn = {
        name: rng.permutation(len(found.labels))[:share]
        for name, found in predictions.items()
    }
    if sum(map(len, drawn.values())) < _MIN_IMAGES:
        return {}
    representations = np.concatenate(
        [predictions[name].representations[rows] for name, rows in drawn.items()]
    ).astype(np.float64)
    if not np.ptp(representations, axis=0).any():
        return {}
    representations -= representations.mean(axis=0)
    # A common scale; components that vary little stay small.
    representations /= representations.std()
    count, size = representations.shape
    reduced = PCA(min(_COMPONENTS, size, count), random_state=seed).fit_transform(
        representations
    )
    embedding = TSNE(
        perplexity=min(_PERPLEXITY, (count - 1) / 3),
        init="pca" if reduced.shape[1] > 1 else "random",
        random_state=seed,
    )
    # Its threads wait for each other in many small steps: on a busy machine two took
    # four times as long as one, for the same result.
    with threadpool_limits(1):
        positions = embedding.fit_transform(reduced)
    ends = np.cumsum([len(rows) for rows in drawn.values()])[:-1]
    return {
        name: Places(part, predictions[name].labels[rows])
        for (name, rows), part in zip(
            drawn.items(), np.split(positions, ends), strict=True
        )
    }


def map_png(places: Mapping[str, Places], classes: Sequence[str]) -> bytes:
    """Draws all data sets: a colour a class, a marker a data set.

    Args:
      places: As of `map_representations`, not empty.
      classes: Names of the classes.

    Returns:
      A PNG file.
    """
    figure, axes = _empty_map(places)
    markers = [_MARKERS[i % len(_MARKERS)] for i in range(len(places))]
    for marker, found in zip(markers, places.values(), strict=True):
        _scatter(axes, found, len(classes), marker)
    axes.set_title("All data sets")
    handles = [
        Line2D([], [], linestyle="", marker=marker, color="0.2", label=name)
        for marker, name in zip(markers, plain_names(places, "data set"), strict=True)
    ]
    _add_legend(figure, classes, handles)
    return to_png(figure)


def data_set_map_png(
    places: Mapping[str, Places], name: str, classes: Sequence[str]
) -> bytes:
    """Draws one data set in colour, with the others in grey behind it.

    Args:
      places: As of `map_representations`.
      name: The data set.
      classes: Names of the classes.

    Returns:
      A PNG file.
    """
    figure, axes = _empty_map(places)
    for other, found in places.items():
        if other != name:
            axes.scatter(*found.positions.T, s=6, color="0.88", linewidths=0)
    _scatter(axes, places[name], len(classes), "o")
    axes.set_title(plain(name))
    _add_legend(figure, classes, [])
    return to_png(figure)


def _empty_map(places: Mapping[str, Places]):
    figure, axes = new_chart(_SIZE)
    axes.set(xticks=(), yticks=())
    every = np.concatenate([found.positions for found in places.values()])
    (left, bottom), (right, top) = every.min(axis=0), every.max(axis=0)
    margin = 0.03 * max(right - left, top - bottom, 1e-9)
    axes.set(xlim=(left - margin, right + margin), ylim=(bottom - margin, top + margin))
    return figure, axes


def _scatter(axes: Axes, places: Places, num_classes: int, marker: str) -> None:
    # The last one is that of the index -1.
    colours = np.array(
        [(*colour[:3], 0.75) for colour in class_colours(num_classes)]
        + [(0.6, 0.6, 0.6, 0.5)]
    )
    thin = {"linewidths": 0.8} if marker in "x" else {"linewidths": 0}
    size = 12 if marker == "o" else 16
    x, y = places.positions.T
    axes.scatter(x, y, s=size, c=colours[places.labels], marker=marker, **thin)


def _add_legend(figure, classes: Sequence[str], handles: list[Line2D]) -> None:
    colours = class_colours(len(classes))
    named = [
        Line2D([], [], linestyle="", marker="o", color=colour, label=name)
        for colour, name in zip(colours, plain_names(classes), strict=True)
    ]
    shown = [*handles, *named]
    figure.legend(
        handles=shown,
        loc="outside lower center",
        ncols=legend_columns([handle.get_label() for handle in shown], most=4),
        fontsize=8,
        frameon=False,
        handletextpad=0.2,
        columnspacing=1.2,
    )
