"""The end of a run: SavedModel, scores, report, predictions, TensorBoard's last."""

import pathlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.data.crops import cropping_of
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.evaluation.evaluation import evaluate_dataset
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.probe_set import fit_held_out, learn_probe_set
from byel_tf.evaluation.report.build import build_report
from byel_tf.evaluation.report.files import evaluation_files, results_content
from byel_tf.evaluation.report.origin import find_origin
from byel_tf.evaluation.settings import Settings
from byel_tf.models.encoders import Encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.monitoring.final import write_final
from byel_tf.serving.action_units import ACTION_UNITS, ActionUnitReader
from byel_tf.serving.check_images import read_files
from byel_tf.serving.export import ServingModule, export_saved_model, read_metadata
from byel_tf.serving.formats import read_formats
from byel_tf.serving.load import load_export
from byel_tf.serving.model_card import CardFacts, count_images, write_model_card
from byel_tf.training.cost import encoder_passes
from byel_tf.training.datasets import RunDatasets
from byel_tf.training.inputs import class_counts
from byel_tf.training.provenance import Notes
from byel_tf.training.run_directory import RunDirectory

#: Test images of each data set that the export is compared on.
_CHECK_IMAGES = 1000
#: Images of each split that probes and domain gap learn from: those of a run are a
#: first look, an evaluation of its own takes more.
_PROBE_IMAGES = 5000
_TINY = 1e-12


def export_classifier(
    weights: Sequence[np.ndarray],
    build_encoder: Callable[[], Encoder],
    train: PreparedDataset,
    facts: Mapping[str, Any],
    directory: RunDirectory,
    check_data: Sequence[PreparedDataset] = (),
    emotion_vectors: np.ndarray | None = None,
    action_unit_weights: Sequence[np.ndarray] = (),
) -> pathlib.Path:
    """Exports the trained classifier as the next version, unless it is the newest.

    The export is a copy in float32 on one device, whatever the run trained with. Its
    temperature is fitted on the training data's validation split, synthetic images that
    nothing was learned from, and never below 1; without that split it is 1.

    Args:
      weights: Those of the network, averaged where the run averaged them.
      build_encoder: Makes a built encoder of the same kind.
      train: The training data.
      facts: What the export states of itself: "step", which its weights are from,
        "image_size" and "flip_average" at least.
      directory: Where the exports are.
      check_data: Data sets whose test images the export has to classify as the
        network in memory does.
      emotion_vectors: Those of stage 1, (D, K), whose cosines the export states; None
        where there are none.
      action_unit_weights: Kernel (R, U) and bias (U,) of the layer that learned the
        training data's action units; empty where none did.

    Returns:
      The folder of the version.
    """
    newest = directory.newest_export()
    if newest and load_export(newest).metadata.get("step") == facts["step"]:
        return newest
    classes = train.manifest.classes
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        copy = ExpressionNetwork(build_encoder(), len(classes), facts["flip_average"])
    finally:
        keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(weights)
    size = facts["image_size"]
    reader = ActionUnitReader(*action_unit_weights) if action_unit_weights else None
    shares = facts.get("class_shares", ())
    module = ServingModule(copy, classes, size, 1.0, reader, shares)
    fitted = fit_held_out(module.serve, train)
    # Photographs are harder than the synthetic images it is fitted on: what sharpens
    # the probabilities of these makes them overconfident on those.
    temperature = max(1.0, fitted)
    module.temperature.assign(temperature)
    metadata = {
        "classes": list(classes),
        **facts,
        "representation_size": copy.encoder.representation_size,
        "temperature": temperature,
        "fitted_temperature": fitted,
    }
    if emotion_vectors is not None:
        lengths = np.maximum(np.linalg.norm(emotion_vectors, axis=0), _TINY)
        vectors = emotion_vectors.astype(np.float64) / lengths
        metadata["emotion_vector_cosines"] = (vectors.T @ vectors).round(4).tolist()
    if reader:
        metadata[ACTION_UNITS] = list(train.manifest.action_units)
    path = directory.next_export()
    export_saved_model(path, module, metadata, read_files(check_data, _CHECK_IMAGES))
    return path


def _class_shares(datasets: RunDatasets, is_balanced: bool) -> list[float]:
    """Those that the classes have in training, in the order of the classes."""
    # A class without images has the share of one: probabilities are divided by it.
    seen = np.maximum(class_counts(datasets.train, datasets.labelled), 1.0)
    if is_balanced:
        seen[:] = 1.0
    return (seen / seen.sum()).tolist()


def write_results(
    config: TrainingConfig,
    directory: RunDirectory,
    export: pathlib.Path,
    datasets: Mapping[str, PreparedDataset],
    train: PreparedDataset,
    selection: str,
    facts: Mapping[str, str],
    passes: Mapping[str, int],
    labelled: np.ndarray | None = None,
) -> tuple[dict[str, Scores], dict[str, Any]]:
    """Scores an export on test splits and writes all that is said of them.

    Args:
      config: All options, which TensorBoard's table of runs shows.
      directory: Where `results.json`, the report with `figures/`, `predictions/` and
        `tensorboard/final` go; earlier figures are removed.
      export: Folder of the SavedModel.
      datasets: Prepared data sets by name.
      train: The training data, which probes and temperature are fitted on.
      selection: What the epoch is selected on, "synthetic" or "real".
      facts: What else the report states.
      passes: Forward passes of the encoder that each stage has taken.
      labelled: Whether the label of each training image was used, (count,), bool; None
        for all. Probes learn from these as well.

    Returns:
      The scores by data set, and the content of `results.json`.
    """
    model = load_export(export)
    settings = Settings(probe_images=_PROBE_IMAGES, seed=config.run.seed)
    fitted = model.metadata.get("fitted_temperature")
    probe_set = learn_probe_set(model, train, settings, fitted, labelled)
    models = {directory.path.name: model}
    evaluations = {
        name: evaluate_dataset(models, dataset, probe_set, settings)
        for name, dataset in datasets.items()
    }
    write_final(str(directory.tensorboard("final")), config, evaluations, model)
    report = build_report(
        f"Results of {directory.path.name}",
        evaluations,
        model.classes,
        find_origin(export),
        facts,
        probe_set,
        config.monitoring.report_examples,
        settings.seed,
    )
    content = {
        "selection": selection,
        "split": settings.split,
        "probe_data": probe_set.to_json(),
        "encoder_passes": dict(passes),
    }
    results = results_content(evaluations, model.classes, content)
    files = evaluation_files(report, evaluations, model.classes, results)
    # Those of an earlier report may show images that this one leaves out.
    shutil.rmtree(directory.path / "figures", ignore_errors=True)
    for name, file_content in files:
        directory.write(name, file_content)
    scores = {name: found.assessment.scores for name, found in evaluations.items()}
    return scores, results


def finish_run(
    config: TrainingConfig,
    datasets: RunDatasets,
    directory: RunDirectory,
    notes: Notes,
    weights: Sequence[np.ndarray],
    step: int,
    build_encoder: Callable[[], Encoder],
    emotion_vectors: np.ndarray | None,
    action_unit_weights: Sequence[np.ndarray],
    steps: Mapping[str, int],
) -> dict[str, Any]:
    """Exports, scores, reports and says what a run has come to.

    Args:
      config: All options.
      datasets: What it read.
      directory: Its folder.
      notes: How it was made.
      weights: Those of the network that is shipped.
      step: Step of stage 2 that its weights are from.
      build_encoder: Makes a built encoder of the same kind.
      emotion_vectors: Those of stage 1, (D, K), or None.
      action_unit_weights: As of `export_classifier`.
      steps: Steps done of each stage, by its name.

    Returns:
      The content of `results.json`.
    """
    is_real = config.data.selection_data and config.finetune.selection == "best"
    selection = "real" if is_real else "synthetic"
    facts = {
        "image_size": config.data.image_size,
        "encoder": config.model.encoder,
        "width": config.model.width,
        "stem": config.model.stem,
        "channels": config.model.channels,
        "normalization": config.model.normalization,
        "flip_average": config.finetune.flip_average,
        "selection": selection,
        "step": step,
        "class_shares": _class_shares(datasets, config.data.class_balance != "none"),
        **cropping_of(datasets.train.manifest.source).to_json(),
    }
    export = export_classifier(
        weights,
        build_encoder,
        datasets.train,
        facts,
        directory,
        tuple(datasets.reported.values()),
        emotion_vectors,
        action_unit_weights,
    )
    passes = {
        stage: count
        * config.run.batch_size
        * encoder_passes(stage, config.model.objective, datasets.pairs)
        for stage, count in steps.items()
    }
    scores, results = write_results(
        config,
        directory,
        export,
        datasets.reported,
        datasets.train,
        selection,
        _report_facts(config, notes.run.get("devices", "not recorded"), passes),
        passes,
        datasets.labelled,
    )
    card = CardFacts(
        export=read_metadata(export),
        run=notes.run,
        results=results,
        flags=tuple(notes.flags.splitlines()),
        formats=read_formats(export),
        counts=count_images(datasets.by_use.values()),
        version=export.name,
    )
    write_model_card(export, card)
    for name, result in scores.items():
        print(f"{name}: macro F1 {result.macro_f1:.4f} on {result.count} images")
    page = directory.path / "report.html"
    print(f"report: {page}; SavedModel: {export}", flush=True)
    return results


def _report_facts(
    config: TrainingConfig, devices: str, passes: Mapping[str, int]
) -> dict[str, str]:
    """What the report states besides scores."""
    epoch = "last"
    if config.finetune.selection == "best":
        selected = config.data.selection_data or config.data.train_data
        epoch = f"best on the validation split of {selected}"
    weights = config.model.encoder_weights
    start = "random" if weights == "none" else f"trained on {weights}: not synthetic"
    if config.model.init_from:
        start = f"those of {config.model.init_from}"
    return {
        "objective": config.model.objective,
        "encoder": f"{config.model.encoder}, {config.data.image_size} px",
        "trained on": config.data.train_data,
        "epoch": epoch,
        "encoder's weights at the start": start,
        "cost in forward passes of the encoder, a backward pass counting as two": (
            ", ".join(f"{name} {count:,}" for name, count in passes.items())
        ),
        "devices": devices,
        "flags": "flags.cfg, to be repeated with --flagfile",
    }
