import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.evaluation.calibration import fit_temperature
from byel_tf.evaluation.evaluate import REPRESENTATION, predict_split
from byel_tf.evaluation.probe_set import fit_held_out, learn_probe_set
from byel_tf.evaluation.probes import fit_probes
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
    probe_set = learn_probe_set(model, dataset, Settings())
    assert probe_set.probes.count == 40
    brightness = np.array([90 + i % 30 + 60 * (i % 2) for i in range(30)])
    labels = np.array([(i + (i < 4)) % 2 for i in range(30)])
    bright = (brightness - 127) / 10
    expected = fit_temperature(labels, np.stack([-bright, bright], axis=1))
    assert expected > 1.5
    assert probe_set.temperature == pytest.approx(expected, rel=1e-4)
    assert fit_held_out(model.signature, dataset) == probe_set.temperature
    assert probe_set.gap_split == "test"
    assert len(probe_set.gap_predictions.representations) == 12

    real = prepare_brightness("real", test=[*pictures(20, wrong=5), (0, -1)])
    predictions = predict_split(model, real, keep=(REPRESENTATION,))
    scored = probe_set.score_probes(predictions, model.classes)
    assert list(scored) == ["linear_probe", "nearest_neighbours"]
    assert scored["linear_probe"]["accuracy"] == 0.75
    assert 0 < scored["linear_probe"]["macro_f1"] < 1
    gap = probe_set.measure_gap(real, predictions, Settings())
    assert (gap.count, gap.reference_count) == (21, 12)
    few = probe_set.measure_gap(real, predictions, Settings(probe_images=5))
    assert few.count == 5


def test_temperature_that_was_fitted_before(model, prepare_brightness):
    dataset = prepare_brightness(
        "synthetic", validation=pictures(30, wrong=4), test=pictures(12)
    )
    probe_set = learn_probe_set(model, dataset, Settings(), fitted_temperature=3.0)
    assert probe_set.temperature == 3
    bare = prepare_brightness("bare", test=pictures(12))
    probe_set = learn_probe_set(model, bare, Settings(), fitted_temperature=3.0)
    assert probe_set.temperature is None


def test_limit(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=pictures(40), test=pictures(30))
    probe_set = learn_probe_set(model, dataset, Settings(probe_images=20))
    assert probe_set.probes.count == 20
    assert len(probe_set.gap_predictions.labels) == 20


def test_of_a_share_of_the_labels(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=pictures(40), test=pictures(30))
    labelled = np.arange(40) % 3 == 0
    probes = learn_probe_set(model, dataset, Settings(), labelled=labelled).probes
    every = predict_split(model, dataset, "train", keep=(REPRESENTATION,))
    expected = fit_probes(every.representations[labelled], every.labels[labelled])
    assert probes.count == 14
    np.testing.assert_allclose(
        probes.linear[-1].coef_, expected.linear[-1].coef_, rtol=1e-6
    )
    few = Settings(probe_images=6)
    assert learn_probe_set(model, dataset, few, labelled=labelled).probes.count == 6


def test_splits_that_are_missing(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", validation=pictures(10, wrong=2))
    probe_set = learn_probe_set(model, dataset, Settings())
    assert (probe_set.probes, probe_set.gap_split) == (None, "validation")
    assert probe_set.score_probes(probe_set.gap_predictions, model.classes) == {}
    dataset = prepare_brightness("other", train=pictures(10))
    probe_set = learn_probe_set(model, dataset, Settings())
    assert (probe_set.temperature, probe_set.gap_split) == (None, "train")
    assert fit_held_out(model.signature, dataset) == 1


def test_the_very_same_images_have_no_gap(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=pictures(10), test=pictures(8))
    probe_set = learn_probe_set(model, dataset, Settings())
    for split, is_same in (("test", True), ("train", False)):
        predictions = predict_split(model, dataset, split, keep=(REPRESENTATION,))
        gap = probe_set.measure_gap(dataset, predictions, Settings(split=split))
        assert (gap is None) == is_same


def test_one_class_to_learn_from(model, prepare_brightness):
    dataset = prepare_brightness("synthetic", train=[(0, 1), (9, 1)])
    with pytest.raises(RunError, match="two classes at least, found 1: give --probe"):
        learn_probe_set(model, dataset, Settings())
