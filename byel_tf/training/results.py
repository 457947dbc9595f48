"""The end of a run: SavedModel, `results.json`, `report.md`, predictions."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.data.manifest import PreparedDataset
from byel_tf.evaluation.evaluate import predict_test_split, score_predictions
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.predictions import predictions_csv
from byel_tf.evaluation.report import figure_png, report_markdown
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.encoders import Encoder, build_encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export
from byel_tf.training.run_directory import RunDirectory


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
    classes: tuple[str, ...],
    step: int,
    directory: RunDirectory,
) -> pathlib.Path:
    """Exports the trained classifier as the next version, unless it is the newest.

    The export is a copy in float32 on one device, whatever the run trained with, and
    of the averaged weights where the run averaged them.

    Args:
      config: All options.
      trained: The classifier.
      classes: Class names.
      step: Step of stage 2 that its weights are from.
      directory: Where the exports are.

    Returns:
      The folder of the version.
    """
    newest = directory.newest_export()
    if newest and load_export(newest).metadata.get("step") == step:
        return newest
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        copy = ExpressionNetwork(
            encoder_builder(config)(), len(classes), config.finetune.flip_average
        )
    finally:
        keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(trained.inference_network.get_weights())
    path = directory.next_export()
    metadata = {
        "classes": list(classes),
        "image_size": config.data.image_size,
        "encoder": config.model.encoder,
        "channels": config.model.channels,
        "flip_average": config.finetune.flip_average,
        "representation_size": copy.encoder.representation_size,
        "temperature": 1.0,
        "step": step,
    }
    module = ServingModule(copy, classes, config.data.image_size)
    export_saved_model(path, module, metadata)
    return path


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
    scores = {}
    for name, dataset in datasets.items():
        predictions = predict_test_split(model, dataset)
        scores[name] = score_predictions(predictions, model.classes)
        table = predictions_csv(predictions, model.classes)
        directory.write(f"predictions/{name}.csv", table)
    figures = {name: f"figures/{name}.png" for name in scores}
    for name, result in scores.items():
        directory.write(figures[name], figure_png(result, name, model.classes))
    report = report_markdown(scores, model.classes, facts, figures)
    directory.write("report.md", report)
    results = {
        "classes": list(model.classes),
        "selection": selection,
        "datasets": {name: dataclasses.asdict(s) for name, s in scores.items()},
    }
    directory.write_json("results.json", results)
    return scores
