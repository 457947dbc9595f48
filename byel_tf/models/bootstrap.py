"""Bootstrapping as a part of fine-tuning, on the same passes."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.batch import Batch, label_weight
from byel_tf.compat import keras
from byel_tf.losses import (
    bootstrap_loss,
    cosine_similarity,
    orthonormality_penalty,
)
from byel_tf.models.ema import update_moving_average
from byel_tf.models.emotion import EmotionClassifier
from byel_tf.models.mlp import MLP
from byel_tf.models.movements import MovementVectors
from byel_tf.models.networks import TargetNetwork
from byel_tf.models.terms import Subtract, emotion_losses, without_expression


class Bootstrap(keras.Model):
    """What BYEL adds to a supervised step: a prediction of the target's other view.

    The representation of view 1, which the classifier learns from anyway, is
    projected and predicted as in `BYEL`, and the prediction is drawn towards the
    target's projection of view 2, in this one direction. So a step costs 4 forward
    passes of the encoder, a backward pass counted as two, where supervised training
    costs 3: one pass of the target more.
    """

    def __init__(
        self,
        encoder: keras.Model,
        projector: MLP,
        predictor: MLP,
        target: TargetNetwork,
        target_momentum: Callable[[tf.Tensor], tf.Tensor],
        emotion_classifier: EmotionClassifier | None = None,
        subtract: Subtract | None = None,
        movement_vectors: MovementVectors | None = None,
        bootstrap_weight: float = 1.0,
        classification_weight: float = 1.0,
        orthonormality_weight: float = 1.0,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        name: str = "bootstrap",
    ):
        """Puts the parts together; call it in the strategy's scope.

        Args:
          encoder: The built online encoder, which belongs to another model.
          projector: Built projector.
          predictor: Built predictor.
          target: Built target network; it becomes a copy of the online one.
          target_momentum: τ, (), as a function of the step, (), int64.
          emotion_classifier: Built classifier of the predictions, or None.
          subtract: `subtract_emotion_vector`, or None.
          movement_vectors: Built vectors of the action units, or None.
          bootstrap_weight: Weight of the bootstrap loss.
          classification_weight: Weight of the emotion classifier's loss.
          orthonormality_weight: Weight of its vectors' orthonormality penalty.
          label_smoothing: Share of each label spread over all classes.
          class_weights: As of `BYEL`.
          name: Name of the model.
        """
        super().__init__(name=name, autocast=False)
        self.projector = projector
        self.predictor = predictor
        self.target = target
        self.emotion_classifier = emotion_classifier
        self.movement_vectors = movement_vectors
        self.target_momentum = target_momentum
        self._subtract = subtract
        self._loss_weights = (
            bootstrap_weight,
            classification_weight,
            orthonormality_weight,
        )
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        target.copy_from(encoder, projector)

    @property
    def means(self) -> list[str]:
        """Names of the means that a step gives."""
        means = ["bootstrap_loss", "cosine_1_to_2"]
        if self.emotion_classifier is not None:
            means += ["emotion_loss", "orthonormality_penalty"]
        return means

    @property
    def networks(self) -> dict[str, keras.layers.Layer]:
        """The parts that have weights, by name."""
        parts = {
            "projector": self.projector,
            "predictor": self.predictor,
            "target": self.target,
            "emotion_classifier": self.emotion_classifier,
            "movement_vectors": self.movement_vectors,
        }
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes: all but the target's."""
        return [
            variable
            for name, part in self.networks.items()
            if name != "target"
            for variable in part.trainable_variables
        ]

    def follow(self, encoder: keras.Model, momentum: tf.Tensor) -> None:
        """Moves the target network towards the online one."""
        online = encoder.trainable_variables + self.projector.trainable_variables
        update_moving_average(self.target.following_variables, online, momentum)

    def loss(
        self, representation: tf.Tensor, target: tf.Tensor, batch: Batch
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """This replica's share of what bootstrapping adds to the loss.

        Args:
          representation: Online representations of view 1, (B, R).
          target: The target's projections of view 2, (B, D), without gradient.
          batch: The replica's share of the batch.

        Returns:
          The share, (), and what is watched: means over this replica's examples.
        """
        bootstrap_weight, classification_weight, orthonormality_weight = (
            self._loss_weights
        )
        weight, classifier = batch["weight"], self.emotion_classifier
        share = tf.reduce_sum(weight)
        prediction = self.predictor(
            self.projector(representation, training=True), training=True
        )
        rest = without_expression(
            prediction, batch, classifier, self._subtract, self.movement_vectors
        )
        bootstrap = tf.reduce_sum(weight * bootstrap_loss(rest, target))
        cosines = tf.reduce_sum(weight * cosine_similarity(rest, target))
        total = bootstrap_weight * bootstrap
        scalars = {
            "bootstrap_loss": bootstrap / share,
            "cosine_1_to_2": cosines / share,
        }
        if classifier is not None:
            logits = classifier(prediction, training=True)
            emotion = emotion_losses(
                [logits], batch, self._label_smoothing, self._class_weights
            )
            penalty = orthonormality_penalty(classifier.emotion_vectors)
            total += classification_weight * emotion
            # Every replica has the whole penalty; its share keeps the sum right.
            total += orthonormality_weight * share * penalty
            labelled = tf.reduce_sum(label_weight(batch))
            scalars["emotion_loss"] = tf.math.divide_no_nan(emotion, labelled)
            scalars["orthonormality_penalty"] = penalty
        return total, scalars
