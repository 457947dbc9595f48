import io

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from byel_tf.evaluation.calibration import reliability
from byel_tf.evaluation.intervals import score_intervals
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.report import figures, fonts

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


def test_title_of_a_chart():
    title = "synthetic, step 10: macro F1 0.812"
    assert figures.plain(title, figures.TITLE) == title
    assert len(figures.plain(title * 9, figures.TITLE)) == figures.TITLE


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


@pytest.fixture
def fonts_here(monkeypatch):
    """Lets the computer have no fonts but those given."""

    def set_fonts(*files):
        monkeypatch.setattr(fonts, "_FILES", {})
        fonts._installed_fonts.cache_clear()
        found = [str(file) for file in files]
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: found)

    yield set_fonts
    fonts._installed_fonts.cache_clear()


def make_font(file, characters):
    """A font that has a square for each of the characters."""
    names = {ord(c): f"glyph{i}" for i, c in enumerate(characters)}
    pen = TTGlyphPen(None)
    for place, point in enumerate([(100, 0), (100, 700), (800, 700), (800, 0)]):
        (pen.lineTo if place else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    order = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: square for name in order})
    builder.setupHorizontalMetrics({name: (900, 100) for name in order})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    # The name of another font, as different files of one family have.
    builder.setupNameTable({"familyName": "DejaVu Sans", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(file)
    return file


JAPANESE = ("喜び", "怒り", "calm")


def test_names_that_no_font_has_are_numbers(fonts_here):
    fonts_here()
    assert figures.plain_names(JAPANESE) == ["label 0", "label 1", "calm"]
    assert figures.numbered_names(JAPANESE) == {"label 0": "喜び", "label 1": "怒り"}
    assert figures.plain_names(("a", "表情"), "data set") == ["a", "data set 1"]
    assert figures.plain("表情, step 3") == "… step 3"
    assert figures.numbered_names(("anger", "ärger", "гнев", "θυμός", "😀")) == {}


def test_a_font_that_has_them_is_used(fonts_here, tmp_path):
    (tmp_path / "a-regular.ttf").write_bytes(b"damaged")
    # One that has some, which with the next would do; and one that has all.
    some = make_font(tmp_path / "b-regular.ttf", "喜")
    every = make_font(tmp_path / "c.ttf", "喜び怒り")
    unused = make_font(tmp_path / "d.ttf", "喜び怒り")
    fonts_here(tmp_path / "a-regular.ttf", some, unused, every)
    assert figures.plain_names(JAPANESE) == list(JAPANESE)
    assert figures.numbered_names(JAPANESE) == {}
    assert fonts.families_for(JAPANESE) == ["DejaVu Sans", f"byel_tf {every}"]
    assert figures.plain("表 x") == "… x"
    assert figures.plain("喜" * 30) == "喜喜喜喜…喜喜喜"


@pytest.mark.filterwarnings("error")
def test_they_are_in_the_picture(fonts_here, tmp_path, capfd):
    counts = np.eye(3, dtype=int)
    fonts_here()
    numbers = pixels(figures.confusion_matrix_png(counts, JAPANESE, "表情"))
    fonts_here(make_font(tmp_path / "font.ttf", "喜び怒り表情"))
    names = pixels(figures.confusion_matrix_png(counts, JAPANESE, "表情"))
    as_numbers = ("label 0", "label 1", "calm")
    assert (
        pixels(figures.confusion_matrix_png(counts, as_numbers, "…")) == numbers
    ).all()
    # The font's characters are black squares, others are thin.
    black = [(picture.sum(axis=2) < 60).sum() for picture in (names, numbers)]
    assert black[0] > black[1] + 700
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["سلام", "שמח", "हर्ष"])
def test_a_script_that_needs_layout_is_drawn_only_with_it(
    fonts_here, tmp_path, monkeypatch, name
):
    fonts_here(make_font(tmp_path / "font.ttf", "हर्ष"))
    monkeypatch.setattr(fonts, "_HAS_LAYOUT", True)
    assert fonts.can_draw(name)
    monkeypatch.setattr(fonts, "_HAS_LAYOUT", False)
    assert not fonts.can_draw(name)
    assert fonts.can_draw("ärger")
