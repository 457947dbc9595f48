import re

import numpy as np
import pytest

from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.metrics import score
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.report.tables import (
    calibration_table,
    class_table,
    guessing_macro_f1,
    score_table,
)

LABELS, PREDICTED = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])


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


def test_scores():
    classes = ("anger", "fear")
    text = "\n".join(
        score_table(
            {
                "faces": assessed(LABELS, PREDICTED, classes),
                "real": assessed(LABELS, PREDICTED, classes, subjects=tuple("aabbc")),
                "one": assessed(LABELS[:1], PREDICTED[:1], classes, with_logits=False),
            }
        )
    )
    # The probabilities are 0.75 where right, three times, and 0.25 otherwise.
    log_loss, brier = -np.log([0.75, 0.75, 0.75, 0.25, 0.25]).mean(), 0.525
    row = r"\| %s \| 5 \| 0.4949 \| 0.5833 \| 0.6000 \| "
    row += rf"0.5833 \| 0.1667 \| {log_loss:.4f} \| {brier:.4f} \| 0.1500 \|\n"
    row += r"\| 95 %% interval \|  \|  \|( -?\d.\d{3}–\d.\d{3} \|){7}"
    for name in ("faces", "real"):
        assert re.search(row % name, text)
    assert "| one | 1 | 0.3333 | 1.0000 | 1.0000 | 1.0000 |  | 0.2877 |" in text
    assert "2000 resamples (faces 5 images; real 3 subjects)" in text


def test_classes():
    classes = ("anger", "fear")
    text = "\n".join(class_table(assessed(LABELS, PREDICTED, classes), classes))
    ends = r"0.\d+ to 1.000"
    assert re.search(rf"\| anger \| (0.500 \| {ends} \| ){{3}}2 \|", text)
    assert re.search(rf"\| fear \| (0.667 \| {ends} \| ){{3}}3 \|", text)
    single = assessed(LABELS[:1], PREDICTED[:1], classes)
    text = "\n".join(class_table(single, classes))
    assert "| anger | 1.000 |  | 1.000 |  | 1.000 |  | 1 |" in text


def test_calibration():
    text = "\n".join(calibration_table(assessed(LABELS, PREDICTED, ("a", "b"))))
    log_loss = -np.log([0.75, 0.75, 0.75, 0.25, 0.25]).mean()
    # The export's temperature is 1: what is uncalibrated is the same.
    row = f"| exported, uncalibrated | 1.0000 | {log_loss:.4f} | 0.5250 | 0.1500 |"
    assert text.count(row) == 1
    assert text.count("| fitted | 2.0000 |") == 1
    assert text.endswith("held-out synthetic images.")
    single = assessed(LABELS, PREDICTED, ("a", "b"), with_logits=False)
    assert calibration_table(single) == []


def test_names_do_not_break_tables():
    classes = ("a|b", "fear")
    result = assessed(np.array([0, 1]), np.array([0, 1]), classes)
    lines = score_table({"my | set (1)": result}) + class_table(result, classes)
    rows = [line for line in lines if line.startswith("|")]
    cells = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [12] * 4 + [10] * 4


def test_guessing_is_what_blind_guesses_score():
    rng = np.random.default_rng(5)
    classes = ("a", "b", "c")
    labels = rng.choice(3, size=60_000, p=(0.7, 0.25, 0.05))
    guessed = score(labels, rng.integers(3, size=60_000), classes)
    assert guessing_macro_f1(guessed) == pytest.approx(guessed.macro_f1, abs=0.005)
