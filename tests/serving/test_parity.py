import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.serving.parity import (
    CheckImages,
    require_close,
    require_equal,
    require_equal_action_units,
    require_equal_macro_f1,
    run_batches,
)

EXPECTED = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.1, 0.3, 0.6]], np.float32)
NAMES = ["set: a.png", "set: b.png", "set: c.png"]


def changed(row, values):
    probabilities = EXPECTED.copy()
    probabilities[row] += np.float32(values)
    return probabilities


def test_numbers_of_what_passes():
    found = require_equal("x", changed(2, [2e-5, -2e-5, 0]), EXPECTED, NAMES, 1e-4)
    assert found["images"] == 3
    assert found["max_probability_difference"] == pytest.approx(2e-5, rel=1e-2)
    assert (found["labels_that_differ"], found["exact_ties"]) == (0, 0)


def test_a_greater_difference_names_the_worst_image():
    probabilities = changed(2, [2e-4, 0, -2e-4])
    probabilities[0] += np.float32([1.5e-4, 0, 0])
    message = r"y is not written.*0\.0002 \(set: c\.png\), 0\.0001 is allowed"
    with pytest.raises(RunError, match=message):
        require_equal("y", probabilities, EXPECTED, NAMES, 1e-4)


def test_nan_does_not_pass():
    with pytest.raises(RunError, match=r"inf \(set: a\.png\)"):
        require_equal("x", changed(0, np.nan), EXPECTED, NAMES, 1e-4)


def test_exact_ties_may_go_either_way():
    found = require_equal("x", changed(1, [-1e-6, 1e-6, 0]), EXPECTED, NAMES, 1e-4)
    assert (found["labels_that_differ"], found["exact_ties"]) == (0, 1)


def test_another_label_within_the_limit():
    expected = EXPECTED.copy()
    expected[1] = [0.40001, 0.39999, 0.2]
    message = r"labels 1 of 3 images otherwise than the SavedModel \(set: b\.png\)"
    with pytest.raises(RunError, match=message):
        require_equal("x", changed(1, [-1e-5, 1e-5, 0]), expected, NAMES, 1e-4)


def test_labels_may_differ_where_probabilities_hardly_do():
    probabilities = changed(1, [-5e-4, 5e-4, 0])
    found = require_close("x", probabilities, EXPECTED, NAMES, 1e-3)
    assert (found["images"], found["labels_that_differ"]) == (3, 1)
    assert found["max_probability_difference"] == pytest.approx(5e-4, rel=1e-2)
    with pytest.raises(RunError, match=r"x is not written.*\(set: b\.png\)"):
        require_close("x", probabilities, EXPECTED, NAMES, 1e-4)


def test_action_units_that_differ():
    expected = np.array([[0.5, 1.5]])
    assert require_equal_action_units("x", expected + 1e-4, expected) < 2e-4
    for difference in (2e-3, np.nan):
        with pytest.raises(RunError, match="its action units differ"):
            require_equal_action_units("x", expected + difference, expected)


def int8_images(labels):
    labels = np.array(labels)
    return CheckImages(NAMES, np.zeros((3, 2, 2, 3), np.uint8), labels, EXPECTED)


def test_macro_f1_is_that_of_images_with_labels():
    probabilities = changed(0, [-0.7, 0.7, 0])  # unlabelled, so it does not count
    found = require_equal_macro_f1("x", probabilities, int8_images([-1, 0, 2]))
    assert found["images"] == 2
    assert found["macro_f1"] == found["saved_model_macro_f1"] == 1.0
    assert found["labels_that_differ"] == 0
    assert found["max_probability_difference"] == pytest.approx(0.7)


@pytest.mark.parametrize("change", [[-0.7, 0.7, 0], np.nan])
def test_another_macro_f1(change):
    message = r"x is not written: its macro F1 is .* on 3 images.*1\.0000"
    with pytest.raises(RunError, match=message):
        require_equal_macro_f1("x", changed(0, change), int8_images([0, 0, 2]))


def test_macro_f1_needs_a_label():
    with pytest.raises(RunError, match="no image of --data has a label"):
        require_equal_macro_f1("x", EXPECTED, int8_images([-1, -1, -1]))


def test_batches_are_joined_in_order():
    pixels = np.arange(130, dtype=np.uint8).reshape(130, 1, 1, 1)
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return {"probabilities": batch[:, 0, 0]}

    assert run_batches(model, pixels)[:, 0].tolist() == list(range(130))
    assert sizes == [64, 64, 2]
