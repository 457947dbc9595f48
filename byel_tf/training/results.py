"""The end of a run: SavedModel, scores, report, predictions, TensorBoard's last."""

import functools
import pathlib
import shutil
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from byel_tf.compat import keras
from byel_tf.config import TrainingConfig
from byel_tf.data.manifest import PreparedDataset
from byel_tf.evaluation.metrics import Scores
from byel_tf.evaluation.reference import fit_held_out, learn_reference
from byel_tf.evaluation.report.build import build_report
from byel_tf.evaluation.report.files import evaluation_files
from byel_tf.evaluation.report.origin import find_origin
from byel_tf.evaluation.run import evaluate_dataset
from byel_tf.evaluation.settings import Settings
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.encoders import Encoder, build_encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.monitoring.final import write_final
from byel_tf.serving.check_images import read_files
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export
from byel_tf.training.run_directory import RunDirectory

#: Test images of each data set that the export is compared on.
_CHECK_IMAGES = 1000
#: Images of each split that probes and domain gap learn from: those of a run are a
#: first look, an evaluation of its own takes more.
_PROBE_IMAGES = 5000
_TINY = 1e-12


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
    emotion_vectors: np.ndarray | None = None,
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
      emotion_vectors: Those of stage 1, (D, K), whose cosines the export states; None
        where there are none.

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
    if emotion_vectors is not None:
        lengths = np.maximum(np.linalg.norm(emotion_vectors, axis=0), _TINY)
        vectors = emotion_vectors.astype(np.float64) / lengths
        metadata["emotion_vector_cosines"] = (vectors.T @ vectors).round(4).tolist()
    module = ServingModule(copy, classes, size, temperature)
    files = read_files(check_data, _CHECK_IMAGES)
    export_saved_model(path, module, metadata, files)
    return path


def selection_kind(config: TrainingConfig) -> str:
    """What the epoch is selected on: "synthetic", or "real" for another data set."""
    is_real = config.data.selection_data and config.finetune.selection == "best"
    return "real" if is_real else "synthetic"


def write_results(
    config: TrainingConfig,
    directory: RunDirectory,
    export: pathlib.Path,
    datasets: Mapping[str, PreparedDataset],
    train: PreparedDataset,
    facts: Mapping[str, str],
) -> dict[str, Scores]:
    """Scores an export on test splits and writes all that is said of them.

    Args:
      config: All options.
      directory: Where `results.json`, the report with `figures/`, `predictions/` and
        `tensorboard/final` go; earlier figures are removed.
      export: Folder of the SavedModel.
      datasets: Prepared data sets by name.
      train: The training data, which probes and temperature are fitted on.
      facts: What else the report states.

    Returns:
      The scores by data set.
    """
    model = load_export(export)
    settings = Settings(probe_images=_PROBE_IMAGES, seed=config.run.seed)
    fitted = model.metadata.get("fitted_temperature")
    reference = learn_reference(model, train, settings, fitted)
    models = {directory.path.name: model}
    evaluations = {
        name: evaluate_dataset(models, dataset, reference, settings)
        for name, dataset in datasets.items()
    }
    write_final(directory.tensorboard("final"), config, evaluations, model)
    report = build_report(
        f"Results of {directory.path.name}",
        evaluations,
        model.classes,
        find_origin(export),
        facts,
        reference,
        config.monitoring.report_examples,
        settings.seed,
    )
    content = {
        "selection": selection_kind(config),
        "split": settings.split,
        "probe_data": reference.to_json(),
    }
    files = evaluation_files(report, evaluations, model.classes, content)
    # Those of an earlier report may show images that this one leaves out.
    shutil.rmtree(directory.path / "figures", ignore_errors=True)
    for name, file_content in files:
        directory.write(name, file_content)
    return {name: found.assessment.scores for name, found in evaluations.items()}
