"""The model of stage 2: encoder, dropout, one dense layer."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.batch import Batch
from byel_tf.compat import keras
from byel_tf.losses import cross_entropy
from byel_tf.models.dropout import record_dropout
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.step import (
    Trackers,
    compiled,
    current_loss_scale,
    reduce_and_apply,
)


class ExpressionClassifier(keras.Model):
    """Representation → dropout → K logits, trained whole with cross-entropy."""

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        views: Callable[[Batch], tuple[tf.Tensor]],
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
        jit_compile: bool = False,
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
          name: Name of the model.
        """
        super().__init__(name=name, autocast=False)
        self.encoder = encoder
        # float32 also under mixed precision: the loss and the export follow.
        self.head = keras.layers.Dense(num_classes, dtype="float32", name="head")
        self.head.build((None, encoder.representation_size))
        self._views = views
        self._dropout = dropout
        self._label_smoothing = label_smoothing
        self.macro_f1 = MacroF1(num_classes)
        self.trackers = Trackers(["loss", "gradient_norm"])
        self._loss_and_gradients = compiled(self._compute_gradients, jit_compile)

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes."""
        return self.encoder.trainable_variables + self.head.trainable_variables

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of each epoch."""
        return [*self.trackers, self.macro_f1]

    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, H, W, 3) in [0, 1] → representations (B, R), logits (B, K)."""
        representation = self.encoder(images, training=training)
        return representation, self.head(representation)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on one replica's share of a batch; all replicas step together."""
        loss_scale = current_loss_scale(self.optimizer)
        gradients, scalars, logits = self._loss_and_gradients(batch, loss_scale)
        scalars["gradient_norm"] = reduce_and_apply(
            self.optimizer, gradients, self.learned_variables, loss_scale
        )
        self.trackers.update(scalars, tf.reduce_sum(batch["weight"]))
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {metric.name: metric.result() for metric in self.metrics}

    def _compute_gradients(
        self, batch: Batch, loss_scale: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """Forward pass, loss and gradients of one replica; pure."""
        (view,) = self._views(batch)
        with tf.GradientTape() as tape:
            representation = self.encoder(view, training=True)
            representation = record_dropout(representation, batch["key"], self._dropout)
            logits = self.head(representation)
            losses = cross_entropy(logits, batch["label"], self._label_smoothing)
            loss = tf.reduce_sum(batch["weight"] * losses)
            scaled = loss * loss_scale
        gradients = tape.gradient(
            scaled, self.learned_variables, unconnected_gradients="zero"
        )
        return gradients, {"loss": loss / tf.reduce_sum(batch["weight"])}, logits

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Macro F1 on images without augmentation."""
        images = fixed(batch["image"])
        _, logits = self(images, training=False)
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {"macro_f1": self.macro_f1.result()}
