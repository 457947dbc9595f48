import math

import numpy as np
import pytest

from byel_tf.evaluation.report.curves import curves_png, read_curves
from byel_tf.history import History


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.jsonl"


def test_the_curves_of_a_stage(file):
    history = History(file)
    for step in (2, 4, 6):
        rest = {"optimization/learning_rate": 1.0, "collapse/cosine_1_to_2": 0.5}
        history.append("pretrain", step, {"losses/total": 10.0 + step, **rest})
        history.append("finetune", step, {"losses/total": 0.0})
    values = {"macro_f1/validation": 0.5, "macro_f1_test/my set/x": 0.25}
    history.append("pretrain", 6, values, epoch=1)
    curves = read_curves(file, "pretrain")
    assert list(curves) == [
        "losses/total",
        "macro_f1/validation",
        "macro_f1_test/my set/x",
    ]
    steps, values = curves["losses/total"]
    np.testing.assert_array_equal(steps, [2, 4, 6])
    np.testing.assert_array_equal(values, [12, 14, 16])
    assert list(read_curves(file, "finetune")) == ["losses/total"]
    assert read_curves(file, "other") == {}


def test_of_a_step_that_stands_there_twice_the_last_line_counts(file):
    history = History(file)
    for first, values in ((2, (1, 2, 3)), (4, (4, math.nan, 6))):
        for step, value in enumerate(values):
            history.append("pretrain", first + 2 * step, {"losses/total": value})
    steps, values = read_curves(file, "pretrain")["losses/total"]
    np.testing.assert_array_equal(steps, [2, 4, 8])
    np.testing.assert_array_equal(values, [1, 4, 6])


def test_a_curve_without_a_finite_number_is_none(file):
    History(file).append("pretrain", 1, {"losses/total": math.nan, "losses/x": 1.0})
    assert list(read_curves(file, "pretrain")) == ["losses/x"]


def test_a_damaged_or_torn_line_is_passed_over(file):
    history = History(file)
    history.append("pretrain", 1, {"losses/total": 0.5})
    with open(file, "ab") as stream:
        stream.write(b'\xff foreign\n{"stage": "pretrain"}\n')
    history.append("pretrain", 2, {"losses/total": 0.25})
    with open(file, "ab") as stream:
        stream.write(b'{"stage": "pretrain", "step": 3, "values": {"losses/total": 0.1')
    steps, values = read_curves(file, "pretrain")["losses/total"]
    np.testing.assert_array_equal(steps, [1, 2])
    np.testing.assert_array_equal(values, [0.5, 0.25])


def test_no_file(file):
    assert read_curves(file, "pretrain") == {}
    file.symlink_to("nowhere")
    assert read_curves(file, "pretrain") == {}


def test_numbers_that_no_axis_holds_are_passed_over(file):
    history, largest = History(file), float(np.finfo(np.float32).max)
    for step, value in ((1, largest), (2, 1e308), (2**63 - 1, -largest)):
        history.append("pretrain", step, {"losses/total": value, "losses/x": 1e39})
    curves = read_curves(file, "pretrain")
    assert list(curves) == ["losses/total"]
    np.testing.assert_array_equal(curves["losses/total"][1], [largest, -largest])
    assert curves_png(curves, "losses", "Stage 1").startswith(b"\x89PNG")


def test_pictures():
    steps = np.arange(5000)
    curves = {
        "losses/total": (steps, 1 / (1 + steps)),
        "macro_f1/validation": (steps[:2], np.array([0.1, 0.2])),
        "macro_f1_test/$x": (steps[:2], np.array([0.1, 0.2])),
    }
    for group in ("losses", "macro_f1"):
        assert curves_png(curves, group, "Stage 1").startswith(b"\x89PNG")
    assert curves_png({}, "losses", "Stage 1") is None
