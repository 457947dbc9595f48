import io

import numpy as np
import pytest
from PIL import Image

from byel_tf.evaluation.calibration import reliability
from byel_tf.evaluation.intervals import score_intervals
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.report import figures

LABELS, PREDICTED = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
CLASSES = ("anger", "fear")
LONG = "n" * 200
NAMES = (LONG, "表情", "😀", "_u", "$x$", "$\\frac$", "a_b^c{", "<&>", "100 %", "ü")


def pixels(content):
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"), int)


def test_confusion_matrix():
    counts = np.array([[90, 10], [50, 50]])
    picture = pixels(figures.confusion_matrix_png(counts, CLASSES, "faces"))
    assert 500 < picture.shape[1] < 800
    # Blue grows with a row's share: the right half of the matrix is darker below.
    other = pixels(figures.confusion_matrix_png(counts[:, ::-1], CLASSES, "faces"))
    height, width = picture.shape[:2]
    corner = np.s_[height // 5 : height // 3, width // 4 : width // 3]
    assert picture[corner].mean() < other[corner].mean() - 50


def test_class_f1_shows_intervals():
    scores = score(LABELS, PREDICTED, CLASSES)
    intervals = score_intervals(LABELS, PREDICTED, np.eye(2)[PREDICTED], CLASSES)
    with_them = pixels(figures.class_f1_png(scores, intervals, CLASSES))
    without = pixels(figures.class_f1_png(scores, None, CLASSES))
    assert (with_them != without).any()


def test_reliability_shows_every_curve():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]] * 10)
    curve = reliability(np.array([0, 1] * 10), probabilities)
    one = pixels(figures.reliability_png({"exported": curve}))
    flat = reliability(np.array([0, 1] * 10), np.full((20, 2), 0.5))
    two = pixels(figures.reliability_png({"exported": curve, "fitted": flat}))
    assert (one != two).any()
    pixels(figures.reliability_png({}))


def test_similarity():
    same = pixels(figures.similarity_png(np.ones((2, 2)), CLASSES))
    apart = pixels(figures.similarity_png(np.eye(2), CLASSES))
    assert (same != apart).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("surprise", "surprise"),
        ("$x$", r"\$x\$"),
        ("_u", " _u"),
        ("a" * 18, "a" * 18),
        ("a" * 30 + "b" * 30, "aaaaaaaaa…bbbbbbbb"),
    ],
)
def test_name_in_a_chart(name, expected):
    assert figures.plain(name) == expected


def test_columns_of_a_legend():
    assert figures.legend_columns(["anger", "fear"], most=4) == 4
    assert figures.legend_columns(["anger", figures.plain(LONG)], most=4) == 3
    assert figures.legend_columns([LONG], most=4) == 1
    assert figures.legend_columns([], most=4) == 4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_any_name(name):
    classes = (name, "fear")
    scores = score(np.array([0, 1]), np.array([0, 1]), classes)
    pixels(figures.confusion_matrix_png(np.eye(2, dtype=int), classes, name))
    pixels(figures.class_f1_png(scores, None, classes))
    pixels(figures.similarity_png(np.eye(2), classes))


def test_no_image():
    nothing = score(np.zeros(0, int), np.zeros(0, int), CLASSES)
    pixels(figures.confusion_matrix_png(np.zeros((2, 2), int), CLASSES, "none"))
    pixels(figures.class_f1_png(nothing, None, CLASSES))


def test_colours_differ():
    for count in (2, 10, 27):
        colours = {tuple(colour) for colour in figures.class_colours(count)}
        assert len(colours) == count
