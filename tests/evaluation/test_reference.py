import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.evaluation.calibration import fit_temperature
from byel_tf.evaluation.evaluate import REPRESENTATION, predict_split
from byel_tf.evaluation.reference import fit_held_out, learn_reference
from byel_tf.evaluation.settings import Settings
from byel_tf.serving.load import load_export


@pytest.fixture(scope="module")
def model(export_brightness, tmp_path_factory):
    return load_export(export_brightness(tmp_path_factory.mktemp("export") / "1"))


def pictures(count, wrong=0):
    """Dark and bright in turn, the first ones under the wrong label."""
    return [
        (90 + index % 30 + 60 * (index % 2), (index + (index < wrong)) % 2)
        for index in range(count)
    ]


def test_all_three_splits_are_used(model, prepare_brightness):
    dataset = prepare_brightness(
        "synthetic",
        train=[*pictures(40), (0, -1)],
        validation=[*pictures(30, wrong=4), (0, -1)],
        test=pictures(12),
    )
    reference = learn_reference(model, dataset, Settings())
    assert reference.probes.count == 40
    brightness = np.array([90 + i % 30 + 60 * (i % 2) for i in range(30)])
    labels = np.array([(i + (i < 4)) % 2 for i in range(30)])
    bright = (brightness - 127) / 10
    expected = fit_temperature(labels, np.stack([-bright, bright], axis=1))
    assert expected > 1.5
    assert reference.temperature == pytest.approx(expected, rel=1e-4)
    assert fit_held_out(model.signature, dataset) == reference.temperature
    assert reference.gap_split == "test"
    assert len(reference.gap_predictions.representations) == 12

    real = prepare_brightness("real", test=[*pictures(20, wrong=5), (0, -1)])
    predictions = predict_split(model, real, keep=(REPRESENTATION,))
    scored = reference.score_probes(predictions, model.classes)
    assert list(scored) == ["linear_probe", "nearest_neighbours"]
    assert scored["linear_probe"]["accuracy"] == 0.75
    assert 0 < scored["linear_probe"]["macro_f1"] < 1
    gap = reference.measure_gap(real, predictions, Settings())
    assert (gap.count, gap.reference_count) == (21, 12)
    few = reference.measure_gap(real, predictions, Settings(probe_images=5))
    assert few.count == 5


def test_temperature_that_was_fitted_before(model, prepare_brightness):
    dataset = prepare_brightness(
        "synthetic", validation=pictures(30, wrong=4), test=pictures(12)
    )
    reference = learn_reference(model, dataset, Settings(), fitted_temperature=3.0)
    assert reference.temperature == 3
    bare = prepare_brightness("bare", test=pictures(12))
    reference = learn_reference(model, bare, Settings(), fitted_temperature=3.0)
    assert reference.temperature is None


def test_limit(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=pictures(40), test=pictures(30))
    reference = learn_reference(model, dataset, Settings(probe_images=20))
    assert reference.probes.count == 20
    assert len(reference.gap_predictions.labels) == 20


def test_splits_that_are_missing(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", validation=pictures(10, wrong=2))
    reference = learn_reference(model, dataset, Settings())
    assert (reference.probes, reference.gap_split) == (None, "validation")
    assert reference.score_probes(reference.gap_predictions, model.classes) == {}
    dataset = prepare_brightness("other", train=pictures(10))
    reference = learn_reference(model, dataset, Settings())
    assert (reference.temperature, reference.gap_split) == (None, "train")
    assert fit_held_out(model.signature, dataset) == 1


def test_the_very_same_images_have_no_gap(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=pictures(10), test=pictures(8))
    reference = learn_reference(model, dataset, Settings())
    for split, is_same in (("test", True), ("train", False)):
        predictions = predict_split(model, dataset, split, keep=(REPRESENTATION,))
        gap = reference.measure_gap(dataset, predictions, Settings(split=split))
        assert (gap is None) == is_same


def test_one_class_to_learn_from(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=[(0, 1), (9, 1)])
    with pytest.raises(RunError, match="two classes at least, found 1: give --probe"):
        learn_reference(model, dataset, Settings())
