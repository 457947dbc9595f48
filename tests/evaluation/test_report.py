import io
import re

import numpy as np
import pytest
from PIL import Image

from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.report import (
    figure_png,
    guessing_macro_f1,
    report_markdown,
)

LABELS, PREDICTED = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])


@pytest.fixture
def scores():
    return score(LABELS, PREDICTED, ("anger", "fear"))


def assessed(labels, predicted, classes, with_logits=True, subjects=()):
    """An assessment of predictions that are sure by 3 to 1."""
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.75, 0.25)
    predictions = Predictions(
        tuple(map(str, labels)),
        labels,
        predicted,
        probabilities,
        subjects,
        np.log(probabilities) if with_logits else None,
    )
    return assess(predictions, classes, 1.0, 2.0 if with_logits else None)


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


def test_report():
    classes = ("anger", "fear")
    text = report_markdown(
        {
            "faces": assessed(LABELS, PREDICTED, classes),
            "real": assessed(LABELS, PREDICTED, classes, subjects=tuple("aabbc")),
            "one": assessed(LABELS[:1], PREDICTED[:1], classes, with_logits=False),
        },
        classes,
        {"objective": "byel", "devices": "one CPU"},
        {name: f"figures/{name}.png" for name in ("faces", "real", "one")},
        {"real": ["more of it"]},
    )
    # The probabilities are 0.75 where right, three times, and 0.25 otherwise.
    log_loss, brier = -np.log([0.75, 0.75, 0.75, 0.25, 0.25]).mean(), 0.525
    row = r"\| %s \| 5 \| 0.5833 \| 0.\d{4} to \d.\d{4} \| 0.4949 \| 0.6000 \| "
    row += rf"0.5833 \| 0.1667 \| {log_loss:.4f} \| {brier:.4f} \| 0.1500 \|"
    for name in ("faces", "real"):
        assert re.search(row % name, text)
    assert "| one | 1 | 1.0000 |  | 0.3333 | 1.0000 | 1.0000 |  | 0.2877 |" in text
    assert "2000 resamples (faces 5 images; real 3 subjects)" in text
    assert "- objective: byel\n- devices: one CPU\n" in text
    assert re.search(r"\| anger \| (0.500 \| ){3}0.\d+ to 1.000 \| 2 \|", text)
    assert re.search(r"\| fear \| (0.667 \| ){3}0.\d+ to 1.000 \| 3 \|", text)
    assert "| anger | 1.000 | 1.000 | 1.000 |  | 1 |" in text
    assert f"| exported | 1.0000 | {log_loss:.4f} | {brier:.4f} | 0.1500 |" in text
    assert text.count("| fitted | 2.0000 |") == 2
    assert "(figures/real.png)" in text
    assert text.index("## real") < text.index("more of it") < text.index("## one")
    assert text.endswith("|\n")


def test_names_do_not_break_tables_and_links():
    classes = ("a|b", "fear")
    result = assessed(np.array([0, 1]), np.array([0, 1]), classes)
    name = "my | set (1)"
    text = report_markdown({name: result}, classes, {}, {name: f"figures/{name}.png"})
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [13] * 3 + [8] * 4 + [7] * 5
    assert "(figures/my%20%7C%20set%20%281%29.png)" in text


def test_guessing_is_what_blind_guesses_score():
    rng = np.random.default_rng(5)
    classes = ("a", "b", "c")
    labels = rng.choice(3, size=60_000, p=(0.7, 0.25, 0.05))
    guessed = score(labels, rng.integers(3, size=60_000), classes)
    assert guessing_macro_f1(guessed) == pytest.approx(guessed.macro_f1, abs=0.005)
