import re

import numpy as np
import pytest

from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.comparison import compare
from byel_tf.evaluation.details import detail_lines
from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.outputs import screen_table
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.run import Evaluation

LABELS = np.array([0, 1, 0, 1, 1])


@pytest.fixture
def evaluation():
    """Everything that an evaluation can hold, under names that break tables."""
    probabilities = np.where(np.eye(2)[LABELS] == 1, 0.9, 0.1)
    predictions = Predictions(
        tuple("abcde"), LABELS, LABELS, probabilities, (), np.log(probabilities)
    )
    return Evaluation(
        assess(predictions, ("x|y", "z"), 1.0, 0.5),
        predictions,
        {"other|model": compare(LABELS, LABELS, 1 - LABELS, 2)},
        {
            "linear_probe": {"macro_f1": 0.5, "accuracy": 0.625},
            "nearest_neighbours": {"macro_f1": 0.25, "accuracy": 0.75},
        },
        DomainGap(
            5, 7, 0.875, 12.5, {"x|y": {"cosine": 0.1, "euclidean": 2.0}, "z": None}
        ),
    )


@pytest.fixture
def bare(evaluation):
    return Evaluation(evaluation.assessment, evaluation.predictions, {}, {}, None)


def test_sections(evaluation):
    lines = detail_lines(evaluation)
    text = "\n".join(lines)
    expected = (
        r"| other\|model | 0.0000 | +1.0000 | 1.0000 to 1.0000 | 5 | 0 | 0.0625 |"
    )
    assert expected in lines
    assert "| linear probe | 0.5000 | 0.6250 |" in lines
    assert "| k-NN (cosine) | 0.2500 | 0.7500 |" in lines
    assert "5 images, 7 synthetic ones." in text
    assert "accuracy 0.8750 (0.5: not at all)" in text
    assert "Fréchet distance of the representations 12.50." in text
    assert r"| x\|y | 0.1000 | 2.0000 |" in lines
    assert "| z |  |  |" in lines
    rows = [line for line in lines if line.startswith("|")]
    cells = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [9] * 3 + [5] * 4 + [5] * 4


def test_a_gap_of_too_few_images(evaluation):
    gap = DomainGap(1, 7, None, None, {})
    evaluation = Evaluation(evaluation.assessment, evaluation.predictions, {}, {}, gap)
    assert "accuracy unknown (0.5" in "\n".join(detail_lines(evaluation))
    assert "told from" not in screen_table({"set": evaluation})


def test_nothing_more_to_say(bare):
    assert detail_lines(bare) == []
    assert len(screen_table({"set": bare}).splitlines()) == 3


def test_screen(evaluation, bare):
    header, *rows = screen_table({"a": evaluation, "longer name": bare}).splitlines()
    assert header.index("images") + len("images") == rows[0].index(" 5 ") + 2
    assert rows[0].startswith("a            ")
    assert rows[1].startswith("longer name  ")
    ends = {row.index("0.0000 to") if "0.0000 to" in row else None for row in rows[:2]}
    assert len(ends) == 1
    assert rows[2].startswith("a: with the fitted temperature 0.500 log loss 0.01")
    assert "a: macro F1 +1.0000 beside other|model (1.0000 to 1.0000), " in rows[3]
    assert rows[4] == "a: macro F1 of the linear probe 0.5000, of k-NN 0.2500"
    assert rows[5].endswith("accuracy 0.8750, Fréchet distance 12.50")
    assert rows[6].startswith("longer name: with the fitted temperature 0.500")
