"""The model of stage 2: encoder, dropout, one dense layer."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.batch import Batch
from byel_tf.compat import keras
from byel_tf.losses import action_unit_loss, cross_entropy
from byel_tf.models.dropout import record_dropout
from byel_tf.models.ema import update_moving_average, warmed_up_momentum
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.models.step import (
    Trackers,
    compiled,
    current_loss_scale,
    reduce_and_apply,
)


class ExpressionClassifier(keras.Model):
    """Representation → dropout → K logits, trained whole with cross-entropy.

    Attributes:
      network: The network that learns.
      averaged: A second one, whose weights are the moving average of the first one's;
        None without averaging.
    """

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        views: Callable[[Batch], tuple[tf.Tensor]],
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
        jit_compile: bool = False,
        flip_average: bool = False,
        build_averaged_encoder: Callable[[], keras.Model] | None = None,
        weight_ema: float = 0.0,
        action_unit_head: keras.layers.Layer | None = None,
        action_unit_weight: float = 1.0,
        name: str = "expression_classifier",
    ):
        """Puts the parts together; call it in the strategy's scope.

        Args:
          encoder: Built encoder, pre-trained or random.
          num_classes: K.
          views: Makes the one augmented view (B, H, W, 3) of a batch.
          dropout: Share of the representation dropped in training.
          label_smoothing: Share of each label spread over all classes.
          jit_compile: Whether XLA compiles pass, loss and gradients.
          flip_average: Whether outputs at inference are means over an image and its
            mirror image.
          build_averaged_encoder: Makes a built encoder of the same kind, to hold
            averaged weights; None for no averaging.
          weight_ema: Momentum τ of the average after its warm-up, in [0, 1).
          action_unit_head: Built layer from representations to the batches'
            action_units, or None. For training only.
          action_unit_weight: Weight of the action units' loss.
          name: Name of the model.
        """
        super().__init__(name=name, autocast=False)
        self.network = ExpressionNetwork(encoder, num_classes, flip_average)
        self.averaged = None
        if build_averaged_encoder is not None:
            # After the network, which so begins as it would without averaging.
            self.averaged = ExpressionNetwork(
                build_averaged_encoder(),
                num_classes,
                flip_average,
                name="averaged_network",
            )
            self.averaged.set_weights(self.network.get_weights())
        self.action_unit_head = action_unit_head
        self._views = views
        self._dropout = dropout
        self._label_smoothing = label_smoothing
        self._weight_ema = weight_ema
        self._action_unit_weight = action_unit_weight
        self.macro_f1 = MacroF1(num_classes)
        names = ["loss", "gradient_norm"]
        if action_unit_head is not None:
            names += ["classification_loss", "action_unit_loss"]
        self.trackers = Trackers(names)
        self._loss_and_gradients = compiled(self._compute_gradients, jit_compile)

    @property
    def encoder(self) -> keras.Model:
        """The encoder that learns."""
        return self.network.encoder

    @property
    def head(self) -> keras.layers.Layer:
        """The dense layer that learns."""
        return self.network.head

    @property
    def inference_network(self) -> ExpressionNetwork:
        """What is validated and exported: the average where there is one."""
        return self.network if self.averaged is None else self.averaged

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes."""
        variables = self.encoder.trainable_variables + self.head.trainable_variables
        if self.action_unit_head is not None:
            variables += self.action_unit_head.trainable_variables
        return variables

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of each epoch."""
        return [*self.trackers, self.macro_f1]

    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, H, W, 3) in [0, 1] → representations (B, R), logits (B, K)."""
        return self.inference_network(images, training=training)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on one replica's share of a batch; all replicas step together."""
        loss_scale = current_loss_scale(self.optimizer)
        gradients, scalars, logits = self._loss_and_gradients(batch, loss_scale)
        momentum = warmed_up_momentum(self.optimizer.iterations, self._weight_ema)
        scalars["gradient_norm"] = reduce_and_apply(
            self.optimizer, gradients, self.learned_variables, loss_scale
        )
        if self.averaged is not None:
            update_moving_average(
                _averaged_variables(self.averaged),
                _averaged_variables(self.network),
                momentum,
            )
        self.trackers.update(scalars, tf.reduce_sum(batch["weight"]))
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {metric.name: metric.result() for metric in self.metrics}

    def _compute_gradients(
        self, batch: Batch, loss_scale: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """Forward pass, loss and gradients of one replica; pure."""
        (view,) = self._views(batch)
        weight = batch["weight"]
        share = tf.reduce_sum(weight)
        scalars = {}
        with tf.GradientTape() as tape:
            representation = self.encoder(view, training=True)
            dropped = record_dropout(representation, batch["key"], self._dropout)
            logits = self.head(dropped)
            losses = cross_entropy(logits, batch["label"], self._label_smoothing)
            loss = tf.reduce_sum(weight * losses)
            if self.action_unit_head is not None:
                predicted = self.action_unit_head(representation)
                losses = action_unit_loss(predicted, batch["action_units"])
                action_units = tf.reduce_sum(weight * losses)
                scalars["classification_loss"] = loss / share
                scalars["action_unit_loss"] = action_units / share
                loss += self._action_unit_weight * action_units
            scaled = loss * loss_scale
        gradients = tape.gradient(
            scaled, self.learned_variables, unconnected_gradients="zero"
        )
        return gradients, {"loss": loss / share, **scalars}, logits

    def classify(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, H, W, 3), uint8 → logits (B, K)."""
        _, logits = self(fixed(images), training=False)
        return logits

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Macro F1 on images without augmentation."""
        logits = self.classify(batch["image"])
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {"macro_f1": self.macro_f1.result()}


def _averaged_variables(network: ExpressionNetwork) -> list[tf.Variable]:
    """The weights that training changes, moving statistics of batch norm included.

    The statistics are those of the raw weights' activations; of a network whose
    weights are an average over recent steps they are best told by the average over
    the same steps. Integers count what an untrained layer has seen.
    """
    return [v for v in network.weights if v.dtype.is_floating]
