import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import metadata

from byel_tf.config import TRAINING_OPTIONS, TrainingConfig
from byel_tf.evaluation.evaluation import evaluate_dataset
from byel_tf.evaluation.settings import Settings
from byel_tf.flagging import parse
from byel_tf.monitoring.final import final_scores, write_final
from byel_tf.serving.load import load_export

FLAGS = ["train_main.py", "--train_data=faces", "--model_dir=run"]


@pytest.fixture
def run(export_brightness, prepare_brightness, tmp_path):
    """Options, evaluations and export of a finished run."""
    model = load_export(export_brightness(tmp_path / "export", step=30))
    datasets = {
        "mixed": prepare_brightness("mixed", test=[(250, 1), (5, 0), (9, 1)]),
        "one class": prepare_brightness("one", test=[(250, 1), (240, 1)]),
    }
    evaluations = {
        name: evaluate_dataset({"m": model}, dataset, None, Settings(resamples=100))
        for name, dataset in datasets.items()
    }
    config = TrainingConfig(*parse(FLAGS, *TRAINING_OPTIONS))
    return config, evaluations, model


def test_scores_that_are_defined(run, read_events, tmp_path):
    _, evaluations, _ = run
    write_final(str(tmp_path / "final"), *run)
    events = read_events(tmp_path / "final")
    found = {}
    for tag in events.PluginTagToContent("scalars"):
        (point,) = events.Tensors(tag)
        assert point.step == 30
        found[tag] = tf.make_ndarray(point.tensor_proto).item()
    expected = {
        f"results/{kind}/{name}": pytest.approx(value, rel=1e-6)
        for name, evaluation in evaluations.items()
        for kind, value in final_scores(evaluation.assessment).items()
    }
    assert found == expected
    assert found["results/macro_f1/mixed"] == pytest.approx(2 / 3)
    assert "results/other_scores/cohen_kappa/mixed" in found
    assert "results/other_scores/cohen_kappa/one class" not in found


def test_written_again_it_replaces_what_was_there(run, tmp_path):
    folder = tmp_path / "final"
    for _ in range(2):
        write_final(str(folder), *run)
        (folder / "left.over").touch()
    write_final(str(folder), *run)
    assert len(list(folder.glob("events.*"))) == 1
    assert not (folder / "left.over").exists()
    assert (folder / "projector_config.pbtxt").exists()


def test_a_run_without_test_splits_has_a_row_of_flags(run, read_events, tmp_path):
    config, _, model = run
    write_final(str(tmp_path / "final"), config, {}, model)
    assert set(read_events(tmp_path / "final").Tags()["tensors"]) == {
        metadata.SESSION_START_INFO_TAG,
        metadata.SESSION_END_INFO_TAG,
    }
