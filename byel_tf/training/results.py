"""The end of a run: SavedModel, `results.json`, `report.md`, predictions."""

import functools
import pathlib
from collections.abc import Callable, Sequence

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.data.manifest import PreparedDataset
from byel_tf.evaluation.assess import assess
from byel_tf.evaluation.evaluate import LOGITS, predict_split
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.predictions import predictions_csv
from byel_tf.evaluation.reference import fit_held_out
from byel_tf.evaluation.report import figure_png, report_markdown
from byel_tf.evaluation.run import exported_temperature
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.encoders import Encoder, build_encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.serving.check_images import read_files
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export
from byel_tf.training.run_directory import RunDirectory

#: Test images of each data set that the export is compared on.
_CHECK_IMAGES = 1000


def encoder_builder(config: TrainingConfig) -> Callable[[], Encoder]:
    """A function without arguments that makes the configured encoder."""
    return functools.partial(
        build_encoder,
        config.model.encoder,
        image_size=config.data.image_size,
        width=config.model.width,
        stem=config.model.stem,
        channels=config.model.channels,
        normalization=config.model.normalization,
        weights=config.model.encoder_weights,
    )


def export_classifier(
    config: TrainingConfig,
    trained: ExpressionClassifier,
    train: PreparedDataset,
    step: int,
    directory: RunDirectory,
    check_data: Sequence[PreparedDataset] = (),
) -> pathlib.Path:
    """Exports the trained classifier as the next version, unless it is the newest.

    The export is a copy in float32 on one device, whatever the run trained with, and
    of the averaged weights where the run averaged them. Its temperature is fitted on
    the training data's validation split, synthetic images that nothing was learned
    from, and never below 1; without that split it is 1.

    Args:
      config: All options.
      trained: The classifier.
      train: The training data.
      step: Step of stage 2 that its weights are from.
      directory: Where the exports are.
      check_data: Data sets whose test images the export has to classify as the
        network in memory does.

    Returns:
      The folder of the version.
    """
    newest = directory.newest_export()
    if newest and load_export(newest).metadata.get("step") == step:
        return newest
    classes = train.manifest.classes
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        copy = ExpressionNetwork(
            encoder_builder(config)(), len(classes), config.finetune.flip_average
        )
    finally:
        keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(trained.inference_network.get_weights())
    size = config.data.image_size
    untempered = ServingModule(copy, classes, size)
    fitted = fit_held_out(untempered.serve, train)
    # Photographs are harder than the synthetic images it is fitted on: what sharpens
    # the probabilities of these makes them overconfident on those.
    temperature = max(1.0, fitted)
    path = directory.next_export()
    metadata = {
        "classes": list(classes),
        "image_size": size,
        "encoder": config.model.encoder,
        "width": config.model.width,
        "stem": config.model.stem,
        "channels": config.model.channels,
        "normalization": config.model.normalization,
        "flip_average": config.finetune.flip_average,
        "representation_size": copy.encoder.representation_size,
        "temperature": temperature,
        "fitted_temperature": fitted,
        "selection": selection_kind(config),
        "step": step,
    }
    module = ServingModule(copy, classes, size, temperature)
    files = read_files(check_data, _CHECK_IMAGES)
    export_saved_model(path, module, metadata, files)
    return path


def selection_kind(config: TrainingConfig) -> str:
    """What the epoch is selected on: "synthetic", or "real" for another data set."""
    is_real = config.data.selection_data and config.finetune.selection == "best"
    return "real" if is_real else "synthetic"


def write_results(
    directory: RunDirectory,
    export: pathlib.Path,
    datasets: dict[str, PreparedDataset],
    selection: str,
    facts: dict[str, str],
) -> dict[str, Scores]:
    """Scores an export on test splits and writes results, report and predictions.

    Args:
      directory: Where `results.json`, `report.md`, `figures/` and `predictions/` go.
      export: Folder of the SavedModel.
      datasets: Prepared data sets by name.
      selection: "synthetic" or "real": what the epoch was selected on.
      facts: What else the report states.

    Returns:
      The scores by data set.
    """
    model = load_export(export)
    temperature = exported_temperature(model)
    assessments = {}
    for name, dataset in datasets.items():
        predictions = predict_split(model, dataset, keep=(LOGITS,))
        assessments[name] = assess(predictions, model.classes, temperature)
        table = predictions_csv(predictions, model.classes)
        directory.write(f"predictions/{name}.csv", table)
    scores = {name: assessment.scores for name, assessment in assessments.items()}
    figures = {name: f"figures/{name}.png" for name in scores}
    for name, result in scores.items():
        directory.write(figures[name], figure_png(result, name, model.classes))
    report = report_markdown(assessments, model.classes, facts, figures)
    directory.write("report.md", report)
    results = {
        "classes": list(model.classes),
        "selection": selection,
        "datasets": {name: a.to_json() for name, a in assessments.items()},
    }
    directory.write_json("results.json", results)
    return scores
