import io
import re

import numpy as np
import pytest
from PIL import Image

from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.report import (
    figure_png,
    guessing_macro_f1,
    report_markdown,
)


@pytest.fixture
def scores():
    labels, predictions = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    return score(labels, predictions, ("anger", "fear"))


def test_figure_is_a_picture(scores):
    content = figure_png(scores, "faces", ("anger", "fear"))
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.format == "PNG"
        assert image.width > 600
        assert len(np.unique(np.asarray(image.convert("L")))) > 20


@pytest.mark.parametrize("name", ["$x$", "$\\frac$", "a_b^c{", "<&>", "100 %", "ü"])
def test_figure_with_any_name(scores, name):
    classes = (name, "fear")
    renamed = score(np.array([0, 1]), np.array([0, 1]), classes)
    assert figure_png(renamed, name, classes).startswith(b"\x89PNG")


def test_figure_of_no_image():
    nothing = score(np.zeros(0, int), np.zeros(0, int), ("anger", "fear"))
    assert figure_png(nothing, "none", ("anger", "fear")).startswith(b"\x89PNG")


def test_report(scores):
    text = report_markdown(
        {"faces": scores, "real": scores},
        ("anger", "fear"),
        {"objective": "byel", "devices": "one CPU"},
        {"faces": "figures/faces.png", "real": "figures/real.png"},
    )
    assert "| faces | 5 | 0.5833 | 0.4949 | 0.6000 |" in text
    assert "| real | 5 | 0.5833 | 0.4949 | 0.6000 |" in text
    assert "- objective: byel\n- devices: one CPU\n" in text
    assert "| anger | 0.500 | 0.500 | 0.500 | 2 |" in text
    assert "| fear | 0.667 | 0.667 | 0.667 | 3 |" in text
    assert "(figures/real.png)" in text
    assert text.endswith("|\n")


def test_names_do_not_break_tables_and_links():
    classes = ("a|b", "fear")
    scores = score(np.array([0, 1]), np.array([0, 1]), classes)
    name = "my | set (1)"
    text = report_markdown({name: scores}, classes, {}, {name: f"figures/{name}.png"})
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [7, 7, 7, 7, 7, 7, 7]
    assert "(figures/my%20%7C%20set%20%281%29.png)" in text


def test_guessing_is_what_blind_guesses_score():
    rng = np.random.default_rng(5)
    classes = ("a", "b", "c")
    labels = rng.choice(3, size=60_000, p=(0.7, 0.25, 0.05))
    guessed = score(labels, rng.integers(3, size=60_000), classes)
    assert guessing_macro_f1(guessed) == pytest.approx(guessed.macro_f1, abs=0.005)
