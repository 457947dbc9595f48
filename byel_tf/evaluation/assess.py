"""All that is said of one model on one data set."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from byel_tf.evaluation.calibration import (
    ProbabilityScores,
    score_probabilities,
    temper,
)
from byel_tf.evaluation.intervals import DEFAULT_RESAMPLES, Intervals, score_intervals
from byel_tf.evaluation.metrics import Scores, score
from byel_tf.evaluation.predictions import Predictions


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Scores of the probabilities at one temperature.

    Attributes:
      temperature: The temperature; None where the export does not say.
      scores: The scores.
    """

    temperature: float | None
    scores: ProbabilityScores


@dataclasses.dataclass(frozen=True)
class Assessment:
    """Scores, intervals and calibration of the labelled images.

    Attributes:
      scores: How well classes match.
      intervals: Their 95 % intervals, or None for too few images.
      calibration: Scores of probabilities: "exported", those that the export gives;
        where logits are known "uncalibrated", at temperature 1; where a temperature
        was fitted besides, "fitted".
    """

    scores: Scores
    intervals: Intervals | None
    calibration: dict[str, Calibration]

    def to_json(self) -> dict[str, Any]:
        """The data set's entry in `results.json`."""
        calibration = {
            name: {"temperature": at.temperature, **dataclasses.asdict(at.scores)}
            for name, at in self.calibration.items()
        }
        return {
            **dataclasses.asdict(self.scores),
            **dataclasses.asdict(self.calibration["exported"].scores),
            "intervals": self.intervals and dataclasses.asdict(self.intervals),
            "calibration": calibration,
        }


def assess(
    predictions: Predictions,
    classes: Sequence[str],
    temperature: float | None = None,
    fitted_temperature: float | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 1,
) -> Assessment:
    """Scores predictions of the images that have a label.

    Args:
      predictions: The predictions.
      classes: Names of the classes.
      temperature: That of the export.
      fitted_temperature: Another one to try on the logits.
      resamples: Number of resamples for the intervals.
      seed: Decides what is drawn.
    """
    labelled = predictions.labelled()
    labels, logits = labelled.labels, labelled.logits
    exported = score_probabilities(labels, labelled.probabilities)
    calibration = {"exported": Calibration(temperature, exported)}
    others = {"uncalibrated": 1.0, "fitted": fitted_temperature}
    for name, other in others.items():
        if logits is not None and other is not None:
            scores = score_probabilities(labels, temper(logits, other))
            calibration[name] = Calibration(other, scores)
    return Assessment(
        score(labels, labelled.predicted, classes),
        score_intervals(
            labels,
            labelled.predicted,
            labelled.probabilities,
            classes,
            labelled.subjects,
            resamples,
            seed,
        ),
        calibration,
    )
