"""Batch norm over the global batch, whatever number of replicas shares it.

Keras' own `synchronized=True` sends three sums a layer forwards and three backwards,
each by itself, and under bfloat16 sums in that; this sends one and one, in float32.
"""

import tensorflow as tf

from byel_tf.compat import keras


class SyncBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, with the statistics of all replicas' examples in training.

    Its variables are those of the layer that it takes the place of.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalises over all axes but the last: (B, …, C) → (B, …, C).

        In training it is called on every replica alike, with equal shares.
        """
        context = tf.distribute.get_replica_context()
        if not training or not self.trainable or context is None:
            return super().call(inputs, training=False)
        if context.num_replicas_in_sync == 1:
            return super().call(inputs, training=True)
        outputs, mean, variance = _normalize(
            inputs, tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32),
            self.epsilon, context,
        )  # fmt: skip
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign_sub((1.0 - self.momentum) * (moving - value))
        return outputs


def _normalize(
    inputs: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
    epsilon: float,
    context: tf.distribute.ReplicaContext,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Outputs, and mean and variance as Keras' moving ones take them, (C,) float32.

    The gradients of scale and offset are this replica's own: they are summed with all
    others. Those of the inputs need two sums over replicas, as the outputs did.
    """
    axes = list(range(len(inputs.shape) - 1))
    count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
    count *= context.num_replicas_in_sync

    def sums(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reduce_sum(first, axes), tf.reduce_sum(first * second, axes)

    def over_replicas(*parts: tf.Tensor) -> list[tf.Tensor]:
        whole = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(parts, 0))
        return tf.split(whole, len(parts))

    wide = tf.cast(inputs, tf.float32)
    total, squares = over_replicas(*sums(wide, wide))
    mean = total / count
    variance = tf.maximum(squares / count - tf.square(mean), 0.0)
    inverse = tf.math.rsqrt(variance + epsilon)

    @tf.custom_gradient
    def normalize(inputs, scale, offset):
        factor = scale * inverse
        outputs = tf.cast(inputs, tf.float32) * factor + (offset - mean * factor)

        def gradients(upstream):
            upstream = tf.cast(upstream, tf.float32)
            wide = tf.cast(inputs, tf.float32)
            own_total, own_products = sums(upstream, wide)
            total, products = over_replicas(own_total, own_products)
            # Of upstream · normalised inputs, instead of upstream · inputs.
            own_products = (own_products - mean * own_total) * inverse
            products = (products - mean * total) * inverse
            slope = -factor * inverse * products / count
            constant = -factor * total / count - slope * mean
            towards_inputs = factor * upstream + slope * wide + constant
            return tf.cast(towards_inputs, inputs.dtype), own_products, own_total

        return tf.cast(outputs, inputs.dtype), gradients

    outputs = normalize(inputs, scale, offset)
    # As Keras' fused layer: 4-D inputs have Bessel's correction in the moving variance.
    if len(inputs.shape) == 4:
        variance *= count / tf.maximum(count - 1.0, 1.0)
    return outputs, mean, variance
