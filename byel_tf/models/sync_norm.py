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
            inputs,
            tf.cast(self.gamma, tf.float32),
            tf.cast(self.beta, tf.float32),
            tf.identity(self.moving_mean),
            self.epsilon,
            context,
        )
        pairs = ((self.moving_mean, mean), (self.moving_variance, variance))
        for moving, value in pairs:
            moving.assign_sub((1.0 - self.momentum) * (moving - value))
        return outputs


def _normalize(
    inputs: tf.Tensor,
    scale: tf.Tensor,
    offset: tf.Tensor,
    origin: tf.Tensor,
    epsilon: float,
    context: tf.distribute.ReplicaContext,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Outputs, and mean and variance as Keras' moving ones take them, (C,) float32.

    Squares are taken around an origin near the mean, (C,), the same on all replicas:
    little of them cancels in the variance then.
    """
    axes = list(range(len(inputs.shape) - 1))
    count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
    count *= context.num_replicas_in_sync

    def over_replicas(*parts: tf.Tensor) -> list[tf.Tensor]:
        whole = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(parts, 0))
        return tf.split(whole, len(parts))

    wide = tf.cast(inputs, tf.float32)
    total, squares = over_replicas(
        tf.reduce_sum(wide, axes),
        tf.reduce_sum(tf.math.squared_difference(wide, origin), axes),
    )
    mean = total / count
    variance = tf.maximum(squares / count - tf.square(mean - origin), 0.0)
    inverse = tf.math.rsqrt(variance + epsilon)

    @tf.custom_gradient
    def normalize(inputs, scale, offset):
        if len(inputs.shape) == 4:
            outputs, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=scale,
                offset=offset,
                mean=mean,
                variance=variance,
                epsilon=epsilon,
                is_training=False,
            )
        else:
            centred = tf.cast(inputs, tf.float32) - mean
            outputs = tf.cast(centred * (scale * inverse) + offset, inputs.dtype)

        def gradients(upstream):
            """Those of scale and offset are this replica's own: all are summed later.

            Those of the inputs are not, and need sums over replicas here.
            """
            upstream = tf.cast(upstream, tf.float32)
            centred = tf.cast(inputs, tf.float32) - mean
            own_total = tf.reduce_sum(upstream, axes)
            own_products = tf.reduce_sum(upstream * centred, axes)
            total, products = over_replicas(own_total, own_products)
            slope = tf.square(inverse) * products / count
            towards_inputs = upstream - centred * slope - total / count
            towards_inputs *= scale * inverse
            towards_scale = own_products * inverse
            return tf.cast(towards_inputs, inputs.dtype), towards_scale, own_total

        return outputs, gradients

    outputs = normalize(inputs, scale, offset)
    # As Keras' fused layer: 4-D inputs have Bessel's correction in the moving variance.
    if len(inputs.shape) == 4:
        variance *= count / tf.maximum(count - 1.0, 1.0)
    return outputs, mean, variance
