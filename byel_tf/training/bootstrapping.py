"""The parts of bootstrapping, for pre-training and for joint training."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from byel_tf.config import ModelOptions, PretrainOptions
from byel_tf.models.ema import constant_momentum, cosine_momentum
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector
from byel_tf.models.encoders import Encoder
from byel_tf.models.mlp import MLP
from byel_tf.models.movements import MovementVectors
from byel_tf.models.networks import TargetNetwork
from byel_tf.models.normalization import BatchNorm
from byel_tf.models.terms import Subtract

_MOMENTA = {"constant": constant_momentum, "cosine": cosine_momentum}


@dataclasses.dataclass(frozen=True)
class BootstrapParts:
    """What bootstrapping needs besides the online encoder.

    Attributes:
      projector: Built projector.
      predictor: Built predictor.
      target: Built target network.
      emotion_classifier: Built classifier of the predictions, or None as in BYOL.
      subtract: Takes emotion vectors out, or None.
      movement_vectors: Built vectors of the action units to be taken out, or None.
    """

    projector: MLP
    predictor: MLP
    target: TargetNetwork
    emotion_classifier: EmotionClassifier | None
    subtract: Subtract | None
    movement_vectors: MovementVectors | None

    @property
    def subtraction(self) -> dict[str, Any]:
        """The last three as arguments of the models."""
        names = ("emotion_classifier", "subtract", "movement_vectors")
        return {name: getattr(self, name) for name in names}


def build_parts(
    model_options: ModelOptions,
    *,
    num_classes: int,
    num_movements: int,
    representation_size: int,
    build_encoder: Callable[[], Encoder],
    make_norm: BatchNorm,
) -> BootstrapParts:
    """Makes the parts; call it in the strategy's scope, after the online encoder.

    Args:
      model_options: Sizes, objective, and what is subtracted.
      num_classes: K.
      num_movements: U, action units whose vectors are subtracted in place of the
        emotion vectors; or 0.
      representation_size: R of the online encoder.
      build_encoder: Makes a built encoder, for the target network.
      make_norm: Makes batch norm layers.
    """
    size = model_options.projection_size

    def mlp(name: str, input_size: int) -> MLP:
        built = MLP(model_options.hidden_size, size, name, make_norm)
        built(tf.zeros([1, input_size]))  # makes its variables
        return built

    projector, predictor = mlp("projector", representation_size), mlp("predictor", size)
    norm = None
    if model_options.standardize_targets:
        norm = make_norm("direction_norm", dtype="float32")
        norm(tf.zeros([1, size]))  # makes its variables
    target = TargetNetwork(build_encoder(), mlp("projector", representation_size), norm)
    classifier = subtract = movements = None
    if model_options.objective != "byol":
        classifier = EmotionClassifier(
            num_classes, make_norm, dtype="float32", name="emotion_classifier"
        )
        classifier(tf.zeros([1, size]))  # makes its variables
        if num_movements:
            movements = MovementVectors(
                num_movements, dtype="float32", name="movement_vectors"
            )
            movements(tf.zeros([1, size]), tf.zeros([1, num_movements]))
        elif model_options.emotion_subtraction:
            subtract = subtract_emotion_vector
    return BootstrapParts(projector, predictor, target, classifier, subtract, movements)


def target_momentum(
    options: PretrainOptions, scheduled_steps: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """τ, (), float32, as a function of the step, over the steps of a stage."""
    return functools.partial(
        _MOMENTA[options.target_momentum_schedule],
        total_steps=max(scheduled_steps, 1),
        base=options.target_momentum,
    )
