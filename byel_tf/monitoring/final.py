"""What TensorBoard shows of a finished run: scores, flags, representations."""

import pathlib
import shutil
from collections.abc import Mapping

import tensorflow as tf

from byel_tf.config import TrainingConfig
from byel_tf.evaluation.assess import Assessment
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.monitoring.hparams import write_hyperparameters
from byel_tf.monitoring.projector import write_projector
from byel_tf.monitoring.scalars import data_tag
from byel_tf.serving.load import ExportedModel


def write_final(
    folder: str,
    config: TrainingConfig,
    evaluations: Mapping[str, Evaluation],
    model: ExportedModel,
) -> None:
    """Writes it all, in place of what is there.

    Args:
      folder: `tensorboard/final` of the run; its former content is removed.
      config: All options of the run.
      evaluations: How the export did on each data set, by name.
      model: The export.

    Raises:
      RunError: If a file of a data set is damaged.
    """
    shutil.rmtree(folder, ignore_errors=True)
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(step=model.metadata.get("step", 0)):
        for name, evaluation in evaluations.items():
            for kind, value in final_scores(evaluation.assessment).items():
                tf.summary.scalar(data_tag("results", kind, name), value)
        write_hyperparameters(config)
    writer.close()
    if evaluations:
        with_pictures = config.monitoring.report_examples > 0
        path = pathlib.Path(folder)
        write_projector(path, evaluations, model.classes, with_pictures)


def final_scores(assessment: Assessment) -> dict[str, float]:
    """The scores of a data set that are defined, by kind.

    The columns of TensorBoard's table of runs are in alphabetical order: macro F1,
    then the others.
    """
    scores, probabilities = assessment.scores, assessment.calibration["exported"].scores
    others = {
        "accuracy": scores.accuracy,
        "balanced_accuracy": scores.balanced_accuracy,
        "cohen_kappa": scores.cohen_kappa,
        "log_loss": probabilities.log_loss,
        "brier": probabilities.brier,
        "expected_calibration_error": probabilities.expected_calibration_error,
    }
    return {
        "macro_f1": scores.macro_f1,
        **{f"other_scores/{k}": v for k, v in others.items() if v is not None},
    }
