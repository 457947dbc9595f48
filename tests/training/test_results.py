"""What is exported, and when; test_train_main reads a whole run's results."""

import json

import numpy as np
import pytest

from byel_tf.compat import keras
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.training import results as module
from byel_tf.training.results import export_classifier
from byel_tf.training.run_directory import RunDirectory
from tests.training.stage_runs import configure


@pytest.fixture
def saved(monkeypatch):
    """Path, module and metadata of each export, of which nothing is traced."""
    saved = []

    def save(path, module, metadata, check_images):
        saved.append((path, module, metadata, check_images))
        path.mkdir(parents=True)
        (path / "byel.json").write_text(json.dumps(metadata))

    monkeypatch.setattr(module, "export_saved_model", save)
    return saved


@pytest.fixture
def export(saved, monkeypatch, tmp_path, faces, tiny_encoder):
    """A function that exports a network as that of a step."""
    directory = RunDirectory(str(tmp_path / "run"))
    dataset = open_dataset(str(faces))

    class Loaded:
        def __init__(self, path):
            self.metadata = json.loads((path / "byel.json").read_text())

    monkeypatch.setattr(module, "load_export", Loaded)

    def export(network, step, fitted=2.0, emotion_vectors=None, units=()):
        monkeypatch.setattr(module, "fit_held_out", lambda serve, train: fitted)
        facts = {"step": step, "image_size": 16, "flip_average": True}
        return export_classifier(
            network.get_weights(),
            tiny_encoder,
            dataset,
            facts,
            directory,
            [dataset],
            emotion_vectors,
            units,
        )

    return export


@pytest.fixture
def network(tiny_encoder):
    network = ExpressionNetwork(tiny_encoder(), 6)
    rng = np.random.default_rng(1)
    network.set_weights([rng.uniform(1, 2, w.shape) for w in network.get_weights()])
    return network


def test_a_step_is_exported_once(export, saved, network, tmp_path):
    assert export(network, 5) == tmp_path / "run" / "export" / "1"
    assert export(network, 5, fitted=9.0) == tmp_path / "run" / "export" / "1"
    assert export(network, 7) == tmp_path / "run" / "export" / "2"
    assert export(network, 5) == tmp_path / "run" / "export" / "3"
    assert [metadata["step"] for *_, metadata, _ in saved] == [5, 7, 5]


def test_the_export_is_a_copy_in_float32(export, saved, network):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        export(network, 5)
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy("float32")
    ((_, exported, metadata, check_images),) = saved
    copy = exported.classifier
    assert copy is not network and copy.flip_average
    assert {layer.compute_dtype for layer in copy.encoder.backbone.layers} == {
        "float32"
    }
    for ours, theirs in zip(copy.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert metadata["representation_size"] == 6 and len(check_images) == 12


@pytest.mark.parametrize(("fitted", "expected"), [(0.5, 1.0), (1.5, 1.5)])
def test_probabilities_are_never_sharpened(export, saved, network, fitted, expected):
    export(network, 5, fitted=fitted)
    ((_, exported, metadata, _),) = saved
    assert metadata["temperature"] == exported.temperature.numpy() == expected
    assert metadata["fitted_temperature"] == fitted


def test_cosines_of_the_emotion_vectors_are_stated(export, saved, network):
    vectors = np.array([[3.0, 0, 0], [0, 2, 0], [4, 0, 0]], np.float32)
    export(network, 5, emotion_vectors=vectors)
    export(network, 6)
    first, second = (metadata for *_, metadata, _ in saved)
    assert first["emotion_vector_cosines"] == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert "emotion_vector_cosines" not in second


def test_action_units_are_exported_where_they_were_learned(export, saved, network):
    weights = [np.ones((6, 3), np.float32), np.zeros(3, np.float32)]
    export(network, 5, units=weights)
    export(network, 6)
    (_, first, facts, _), (_, second, others, _) = saved
    assert facts["action_units"] == ["brow", "lid", "lip"]
    np.testing.assert_array_equal(first.action_units.kernel, weights[0])
    assert second.action_units is None and "action_units" not in others


def test_the_report_states_what_a_run_is_of(tmp_path):
    config = configure("data/x", tmp_path, "--init_from=runs/y", "--selection=last")
    facts = module._report_facts(config, "one CPU", {"pretrain": 64, "finetune": 2400})
    assert facts["epoch"] == "last"
    assert facts["encoder's weights at the start"] == "those of runs/y"
    assert facts["devices"] == "one CPU"
    (cost,) = (value for name, value in facts.items() if name.startswith("cost in "))
    assert cost == "pretrain 64, finetune 2,400"
    config = configure("data/x", tmp_path, "--selection_data=z")
    facts = module._report_facts(config, "one CPU", {})
    assert facts["epoch"] == "best on the validation split of z"
    assert facts["encoder's weights at the start"] == "random"
