"""Stages on real TFRecords: checkpoints, restarts, curves, guards."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from byel_tf.training.stages import train_stage
from sklearn.metrics import f1_score
from tensorboard.backend.event_processing import event_accumulator

from byel_tf.compat import keras
from byel_tf.config import (
    AugmentationOptions,
    DataOptions,
    FinetuneOptions,
    ModelOptions,
    MonitoringOptions,
    PretrainOptions,
    RunOptions,
    TrainingConfig,
)
from byel_tf.data.manifest import open_dataset
from byel_tf.errors import RunError
from byel_tf.training.datasets import open_datasets
from byel_tf.training.finetuning import build_finetuning
from byel_tf.training.inputs import build_inputs, validation_batches
from byel_tf.training.pretraining import build_pretraining
from byel_tf.training.run_directory import RunDirectory


@pytest.fixture
def make_config(faces, tmp_path):
    def make(**options):
        groups = {
            "data": {"train_data": str(faces), "image_size": 16},
            "augmentation": {"augmentation": "faces"},
            "model": {"projection_size": 8, "hidden_size": 16},
            "pretrain": {"pretrain_epochs": 3},
            "finetune": {"finetune_epochs": 3, "finetune_learning_rate": 1e-2},
            "run": {
                "model_dir": str(tmp_path / "run"),
                "batch_size": 8,
            },
            "monitoring": {"log_every_steps": 2, "eval_every_epochs": 0},
        }
        types = {
            "data": DataOptions,
            "augmentation": AugmentationOptions,
            "model": ModelOptions,
            "pretrain": PretrainOptions,
            "finetune": FinetuneOptions,
            "run": RunOptions,
            "monitoring": MonitoringOptions,
        }
        for name, value in options.items():
            owner = next(g for g, t in types.items() if name in t.__dataclass_fields__)
            groups[owner][name] = value
        return TrainingConfig(**{g: types[g](**groups[g]) for g in groups})

    return make


@pytest.fixture
def pretrain(tiny_encoder):
    def run(config, folder):
        keras.utils.set_random_seed(5)
        datasets = open_datasets(config)
        stage = build_pretraining(config, datasets, tiny_encoder, False)
        train_stage(stage, RunDirectory(str(folder)), config.monitoring, 2)
        return stage.model

    return run


@pytest.fixture
def finetune(tiny_encoder):
    def run(config, folder):
        keras.utils.set_random_seed(5)
        datasets = open_datasets(config)
        stage = build_finetuning(config, datasets, tiny_encoder(), False, tiny_encoder)
        train_stage(stage, RunDirectory(str(folder)), config.monitoring, 2)
        return stage.model

    return run


def scalars(folder):
    """The curves of a stage, by tag without the stage."""
    events = event_accumulator.EventAccumulator(str(folder)).Reload()
    return {
        tag.removeprefix(f"{folder.name}/"): [
            (e.step, tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)
        ]
        for tag in events.PluginTagToContent("scalars")
    }, events


def assert_same_weights(first, second):
    for a, b in zip(first.variables, second.variables, strict=True):
        if a.shape == (6, 6):  # the metric's confusion matrix
            continue
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.name)


def test_a_restart_ends_where_an_uninterrupted_run_does(
    make_config, pretrain, tmp_path
):
    # 36 training images: 4 steps an epoch, 12 in all.
    whole = pretrain(make_config(), tmp_path / "whole")
    for cut in (4, 6):  # at an epoch's end and within one
        pretrain(make_config(max_steps=cut), tmp_path / f"cut {cut}")
        again = pretrain(make_config(), tmp_path / f"cut {cut}")
        assert int(again.optimizer.iterations) == 12
        assert_same_weights(again, whole)


def test_fine_tuning_restarts_through_a_partial_batch(make_config, finetune, tmp_path):
    # 36 images keep their last, partial batch here: 5 steps an epoch.
    config = make_config(selection="last")
    whole = finetune(config, tmp_path / "whole")
    finetune(make_config(selection="last", max_steps=7), tmp_path / "parts")
    again = finetune(config, tmp_path / "parts")
    assert int(again.optimizer.iterations) == 15
    assert_same_weights(again, whole)


@pytest.mark.parametrize("selection", ["best", "last"])
def test_every_switch_restarts_where_it_stopped(
    make_config, pretrain, finetune, tmp_path, selection
):
    options = {
        "weight_ema": 0.8,
        "flip_average": True,
        "label_smoothing": 0.1,
        "action_unit_weight": 0.5,
        "finetune_schedule": "one_cycle",
        "finetune_warmup_epochs": 1,
        "selection": selection,
    }
    for train, cut in ((pretrain, 6), (finetune, 7)):
        whole = train(make_config(**options), tmp_path / "whole")
        train(make_config(**options, max_steps=cut), tmp_path / "parts")
        again = train(make_config(**options), tmp_path / "parts")
        assert_same_weights(again, whole)


def test_best_epoch_is_that_of_the_averaged_weights(make_config, finetune, tmp_path):
    model = finetune(make_config(weight_ema=0.9, finetune_epochs=4), tmp_path)
    curves, _ = scalars(tmp_path / "tensorboard" / "finetune")
    best = max(value for _, value in curves["macro_f1/validation"])
    config = make_config(batch_size=12)  # all of the split
    (batch,) = validation_batches(config, open_datasets(config).selection)
    logits = model.averaged(batch["image"].numpy() / np.float32(255))[1]
    predicted = np.argmax(logits, axis=1)
    expected = f1_score(batch["label"], predicted, average="macro", zero_division=0)
    assert best == pytest.approx(expected, abs=1e-6)


def test_action_units_have_a_curve_in_both_stages(
    make_config, pretrain, finetune, tmp_path
):
    options = {"action_unit_weight": 0.5, "objective": "byol", "max_steps": 2}
    for stage, train in (("pretrain", pretrain), ("finetune", finetune)):
        train(make_config(**options), tmp_path)
        curves, _ = scalars(tmp_path / "tensorboard" / stage)
        values = {name: values[-1][1] for name, values in curves.items()}
        rest = {"pretrain": "bootstrap", "finetune": "classification"}[stage]
        total = values[f"losses/{rest}"] + 0.5 * values["losses/action_unit"]
        assert values["losses/total"] == pytest.approx(total, rel=1e-5)


def test_a_record_without_its_action_units_stops_the_run(
    make_config, pretrain, faces, tmp_path
):
    dataset = open_dataset(str(faces))
    manifest = dataclasses.replace(
        dataset.manifest, action_units=(*dataset.manifest.action_units, "one more")
    )
    copy = tmp_path / "altered"
    shutil.copytree(faces, copy)
    (copy / "dataset.json").write_text(manifest.to_json())
    config = make_config(train_data=str(copy), action_unit_weight=0.5)
    with pytest.raises(RunError, match="pretrain: a record .*image/face/action_units"):
        pretrain(config, tmp_path / "run")


def test_where_images_are_kept_and_augmented_changes_nothing(
    make_config, pretrain, tmp_path
):
    plain = pretrain(make_config(), tmp_path / "plain")
    options = {"cache": "memory", "augment_in": "pipeline"}
    other = pretrain(make_config(**options), tmp_path / "other")
    for a, b in zip(plain.learned_variables, other.learned_variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-5)


def test_best_epoch_is_kept_and_restored(make_config, finetune, tmp_path):
    model = finetune(make_config(finetune_epochs=4), tmp_path)
    curves, _ = scalars(tmp_path / "tensorboard" / "finetune")
    best = max(value for _, value in curves["macro_f1/validation"])
    datasets = open_datasets(make_config())
    logs = model.evaluate(
        validation_batches(make_config(), datasets.train), return_dict=True, verbose=0
    )
    assert logs["macro_f1"] == pytest.approx(best, abs=1e-6)


def test_curves_show_every_loss_schedule_and_monitor(make_config, pretrain, tmp_path):
    pretrain(make_config(target_momentum_schedule="cosine"), tmp_path)
    curves, events = scalars(tmp_path / "tensorboard" / "pretrain")
    assert set(curves) == {
        "losses/total",
        "losses/bootstrap",
        "losses/classification",
        "losses/orthonormality",
        "optimization/learning_rate",
        "optimization/target_momentum",
        "optimization/gradient_norm",
        "collapse/projection_deviation",
        "collapse/cosine_1_to_2",
        "collapse/cosine_2_to_1",
        "macro_f1/train",
        "macro_f1/validation",
    }
    assert [step for step, _ in curves["losses/total"]] == [2, 4, 6, 8, 10, 12]
    assert [step for step, _ in curves["macro_f1/validation"]] == [4, 8, 12]
    tau = [value for _, value in curves["optimization/target_momentum"]]
    assert tau == sorted(tau) and tau[0] < tau[-1] <= 1
    total = np.array(curves["losses/total"])[:, 1]
    parts = sum(
        np.array(curves[f"losses/{name}"])[:, 1]
        for name in ("bootstrap", "classification", "orthonormality")
    )
    np.testing.assert_allclose(total, parts, rtol=1e-5)
    assert "pretrain/views" in events.PluginTagToContent("images")


def test_watching_changes_nothing(make_config, pretrain, finetune, tmp_path):
    for stage, train in (("pretrain", pretrain), ("finetune", finetune)):
        plain = train(make_config(eval_every_epochs=0), tmp_path / "plain")
        options = {"eval_every_epochs": 2, "histograms": True}
        watched = train(make_config(**options), tmp_path / "watched")
        assert_same_weights(watched, plain)
        curves, events = scalars(tmp_path / "watched" / "tensorboard" / stage)
        without, _ = scalars(tmp_path / "plain" / "tensorboard" / stage)
        points = curves.pop("macro_f1_test/faces")
        assert curves == without
        steps = [step for step, _ in curves["macro_f1/validation"]]
        assert [step for step, _ in points] == steps[1:]  # the 2nd epoch, and the last
        assert len(events.PluginTagToContent("pr_curves")) == 6
        histograms = set(events.PluginTagToContent("histograms"))
        assert len(histograms) == len(watched.learned_variables)
        assert f"{stage}/weights/" in min(histograms)
    assert "finetune/weights/head/kernel" in histograms


def test_byol_has_no_emotion_curves(make_config, pretrain, tmp_path):
    pretrain(make_config(objective="byol", eval_every_epochs=1), tmp_path)
    curves, _ = scalars(tmp_path / "tensorboard" / "pretrain")
    assert "losses/bootstrap" in curves
    assert not any("classification" in tag or "macro_f1" in tag for tag in curves)


def test_a_loss_that_is_not_finite_stops_the_run(make_config, finetune, tmp_path):
    config = make_config(finetune_optimizer="sgd", finetune_learning_rate=1e30)
    with pytest.raises(RunError, match="finetune stopped at step .* is nan"):
        finetune(config, tmp_path)
    assert not list((tmp_path / "checkpoints" / "finetune").glob("*.index"))


def test_checkpoint_of_another_model_is_refused(make_config, pretrain, tmp_path):
    pretrain(make_config(max_steps=1), tmp_path)
    with pytest.raises(RunError, match="cannot be restored"):
        pretrain(make_config(hidden_size=32), tmp_path)


def test_damaged_checkpoint_is_refused(make_config, pretrain, tmp_path):
    pretrain(make_config(max_steps=1), tmp_path)
    (data,) = (tmp_path / "checkpoints" / "pretrain").glob("*.data-*")
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be restored"):
        pretrain(make_config(), tmp_path)


def test_a_damaged_record_stops_the_run(make_config, pretrain, faces, tmp_path):
    copy = tmp_path / "damaged"
    shutil.copytree(faces, copy)
    (shard,) = copy.glob("train-*.tfrecord")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255
    shard.write_bytes(data)
    with pytest.raises(RunError, match="pretrain: a record .* is damaged"):
        pretrain(make_config(train_data=str(copy)), tmp_path / "run")


def test_preview_shows_images_and_their_views(make_config):
    config = make_config()
    inputs = build_inputs(
        config,
        open_datasets(config).train,
        stage=1,
        views=2,
        augmentation="byol",
        drop_remainder=True,
    )
    assert inputs.preview(50)[0].shape == (50, 16, 16, 3)  # of 36 images
    rows = inputs.preview(5)
    assert [row.shape for row in rows] == [(5, 16, 16, 3)] * 3
    assert not np.array_equal(rows[1], rows[2])
