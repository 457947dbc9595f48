"""How far projections spread, as a streaming Keras metric: 0 is collapse."""

import tensorflow as tf

from byel_tf.compat import keras


class ProjectionDeviation(keras.metrics.Metric):
    """Mean over D of the deviation of unit vectors, of all replicas and batches.

    About 1/√D where directions are evenly spread, 0 where all are one. It is made of
    sums, so that it does not depend on the number of replicas.

    Attributes:
      even: The deviation of evenly spread directions, 1/√D.
    """

    def __init__(self, size: int, name: str = "projection_deviation"):
        """Makes the metric for vectors of D = `size` entries."""
        super().__init__(name=name, dtype="float32")
        self.even = size**-0.5
        self.total = self.add_weight(name="total", shape=(size,), initializer="zeros")
        self.squares = self.add_weight(
            name="squares", shape=(size,), initializer="zeros"
        )
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, directions, is_counted) -> None:
        """Adds a batch.

        Args:
          directions: Vectors of length 1, (B, D), float.
          is_counted: Whether each is added, (B,), bool.
        """
        # Directions of a bad step may be NaN, which no factor hides.
        counted = tf.where(is_counted[:, None], directions, tf.zeros_like(directions))
        self.total.assign_add(tf.reduce_sum(counted, axis=0))
        self.squares.assign_add(tf.reduce_sum(tf.square(counted), axis=0))
        self.count.assign_add(tf.reduce_sum(tf.cast(is_counted, tf.float32)))

    def reset_state(self) -> None:
        """Forgets all batches."""
        for variable in (self.total, self.squares, self.count):
            variable.assign(tf.zeros_like(variable))

    def result(self) -> tf.Tensor:
        """The deviation, (); 0 without any vector."""
        mean = tf.math.divide_no_nan(self.total, self.count)
        variance = tf.math.divide_no_nan(self.squares, self.count) - tf.square(mean)
        return tf.reduce_mean(tf.sqrt(tf.maximum(variance, 0.0)))
