"""The online and the target network of BYOL."""

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.heads import MLP


class TargetNetwork(keras.Model):
    """Encoder f and projector g: images to projections z.

    It learns nothing itself: its weights follow the online network's.
    """

    def __init__(self, encoder: keras.Model, projector: MLP, name: str = "target"):
        """Makes the network from its parts."""
        super().__init__(name=name, autocast=False)
        self.encoder = encoder
        self.projector = projector

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images (B, H, W, 3) in [0, 1] → projections (B, D), float32."""
        representation = self.encoder(images, training=training)
        return self.projector(representation, training=training)


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
        projection = self.projector(representation, training=training)
        return projection, self.predictor(projection, training=training)
