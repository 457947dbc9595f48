"""Models and optimizers from their options; call these in the strategy's scope."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment.views import Views
from byel_tf.compat import keras
from byel_tf.models.byel import BYEL
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector
from byel_tf.models.heads import MLP, build_action_unit_head
from byel_tf.models.networks import OnlineNetwork, TargetNetwork


def build_byel(
    build_encoder: Callable[[], keras.Model],
    views: Views,
    *,
    num_classes: int | None,
    subtraction: bool,
    projection_size: int,
    hidden_size: int,
    target_momentum: Callable[[tf.Tensor], tf.Tensor],
    bootstrap_weight: float = 1.0,
    classification_weight: float = 1.0,
    orthonormality_weight: float = 1.0,
    label_smoothing: float = 0.0,
    num_action_units: int = 0,
    action_unit_weight: float = 1.0,
    jit_compile: bool = False,
) -> BYEL:
    """Builds the model of stage 1 with random weights.

    Args:
      build_encoder: Makes a built encoder; called once for each network.
      views: Makes the two views of a batch.
      num_classes: K, or None for BYOL, without emotion classifier and subtraction.
      subtraction: Whether the emotion vector is subtracted.
      projection_size: D.
      hidden_size: Hidden units of projector and predictor.
      target_momentum: τ as a function of the step.
      bootstrap_weight: Weight of the bootstrap loss.
      classification_weight: Weight of the classification loss.
      orthonormality_weight: Weight of the orthonormality penalty.
      label_smoothing: Share of each label spread over all classes.
      num_action_units: U, or 0 without regression of the action units.
      action_unit_weight: Weight of the action units' loss.
      jit_compile: Whether XLA compiles passes, losses and gradients.
    """

    def head(name: str, input_size: int) -> MLP:
        built = MLP(hidden_size, projection_size, name)
        built(tf.zeros([1, input_size]))
        return built

    encoder = build_encoder()
    size = encoder.representation_size
    online = OnlineNetwork(
        encoder, head("projector", size), head("predictor", projection_size)
    )
    target = TargetNetwork(build_encoder(), head("projector", size))
    emotion_classifier = None
    if num_classes is not None:
        emotion_classifier = EmotionClassifier(
            num_classes, dtype="float32", name="emotion_classifier"
        )
        emotion_classifier(tf.zeros([1, projection_size]))  # makes its variables
    action_unit_head = None
    if num_action_units:
        action_unit_head = build_action_unit_head(num_action_units, size)
    return BYEL(
        online,
        target,
        views,
        target_momentum,
        emotion_classifier,
        subtract_emotion_vector if num_classes and subtraction else None,
        bootstrap_weight,
        classification_weight,
        orthonormality_weight,
        label_smoothing,
        action_unit_head,
        action_unit_weight,
        jit_compile,
    )


def compile_model(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, precision: str
) -> None:
    """Gives a model its optimizer, with its variables made.

    Args:
      model: A model with `learned_variables` and a `train_step`.
      optimizer: Its optimizer.
      precision: mixed_float16 adds loss scaling.
    """
    if precision == "mixed_float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    if not isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        optimizer.build(model.learned_variables)
    model.compile(optimizer=optimizer)


def norm_and_bias_variables(model: keras.Model) -> list[tf.Variable]:
    """Learned variables of rank 0 or 1: biases, scales and offsets."""
    return [v for v in model.learned_variables if len(v.shape) <= 1]


def count_parameters(variables: list[tf.Variable]) -> int:
    """Numbers held by the variables together."""
    return sum(int(variable.shape.num_elements()) for variable in variables)
