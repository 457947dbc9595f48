"""The networks of both stages: BYOL's online and target one, and the classifier."""

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.losses import l2_normalize
from byel_tf.models.mlp import MLP


class TargetNetwork(keras.Model):
    """Encoder f and projector g: images to projections z.

    It learns nothing itself: its weights follow the online network's.
    """

    def __init__(
        self,
        encoder: keras.Model,
        projector: MLP,
        direction_norm: keras.layers.Layer | None = None,
        name: str = "target",
    ):
        """Makes the network from its parts.

        Args:
          encoder: Built encoder.
          projector: Built projector.
          direction_norm: Built batch norm over the directions of the projections,
            whose scale stays 1 and offset 0; or None, as in BYOL and BYEL.
          name: Name of the network.
        """
        super().__init__(name=name, autocast=False)
        self.encoder = encoder
        self.projector = projector
        self.direction_norm = direction_norm

    @property
    def following_variables(self) -> list[tf.Variable]:
        """The trainable variables that follow the online network's, in its order."""
        return self.encoder.trainable_variables + self.projector.trainable_variables

    def copy_from(self, encoder: keras.Model, projector: MLP) -> None:
        """Takes all weights of the online network's encoder and projector."""
        self.encoder.set_weights(encoder.get_weights())
        self.projector.set_weights(projector.get_weights())

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images (B, H, W, 3) in [0, 1] → what is predicted, (B, D), float32.

        Projections, or where there is a norm their standardised directions.
        """
        representation = self.encoder(images, training=training)
        projection = self.projector(representation, training=training)
        if self.direction_norm is None:
            return projection
        return self.direction_norm(l2_normalize(projection), training=training)


class OnlineNetwork(keras.Model):
    """Encoder f, projector g and predictor q: images to predictions p."""

    def __init__(
        self,
        encoder: keras.Model,
        projector: MLP,
        predictor: MLP,
        name: str = "online",
    ):
        """Makes the network from its parts."""
        super().__init__(name=name, autocast=False)
        self.encoder = encoder
        self.projector = projector
        self.predictor = predictor

    @property
    def averaged_variables(self) -> list[tf.Variable]:
        """The trainable variables that the target network follows, in its order."""
        return self.encoder.trainable_variables + self.projector.trainable_variables

    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, H, W, 3) in [0, 1] → projections and predictions, (B, D)."""
        representation = self.encoder(images, training=training)
        return self.project(representation, training=training)

    def project(
        self, representation: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Representations (B, R) → projections and predictions, (B, D), float32."""
        projection = self.projector(representation, training=training)
        return projection, self.predictor(projection, training=training)


class ExpressionNetwork(keras.Model):
    """Encoder and one dense layer: images to representations and logits.

    Attributes:
      encoder: The encoder.
      head: The dense layer.
    """

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        flip_average: bool = False,
        name: str = "expression_network",
    ):
        """Makes the network around a built encoder.

        Args:
          encoder: Built encoder.
          num_classes: K.
          flip_average: Whether the outputs are means over an image and its mirror
            image.
          name: Name of the model.
        """
        super().__init__(name=name, autocast=False)
        self.encoder = encoder
        # float32 also under mixed precision: the loss and the export follow.
        self.head = keras.layers.Dense(num_classes, dtype="float32", name="head")
        self.head(tf.zeros([1, encoder.representation_size]))  # makes its variables
        self.flip_average = flip_average

    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, H, W, 3) in [0, 1] → representations (B, R), logits (B, K)."""
        representation = self.encoder(images, training=training)
        if self.flip_average:
            mirrored = self.encoder(tf.reverse(images, axis=[2]), training=training)
            # The head is linear: its logits are means of both images' logits too.
            representation = (representation + mirrored) / 2.0
        return representation, self.head(representation)
