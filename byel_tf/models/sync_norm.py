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
    # All that is as large as the inputs is left to TensorFlow's fused kernels.
    images = inputs
    if len(inputs.shape) != 4:
        images = tf.reshape(inputs, [-1, 1, 1, inputs.shape[-1]])
    own_count = tf.cast(tf.size(images) / images.shape[-1], tf.float32)
    count = own_count * context.num_replicas_in_sync

    def over_replicas(*parts: tf.Tensor) -> list[tf.Tensor]:
        whole = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(parts, 0))
        return tf.split(whole, len(parts))

    own = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=[], variance=[], is_training=True
    )
    # What it returns for moving averages has Bessel's correction.
    own_variance = own.batch_variance * (own_count - 1.0) / own_count
    own_variance = tf.where(own_count > 1.0, own_variance, 0.0)
    own_squares = own_variance + tf.square(own.batch_mean - origin)
    total, squares = over_replicas(own_count * own.batch_mean, own_count * own_squares)
    mean = total / count
    variance = tf.maximum(squares / count - tf.square(mean - origin), 0.0)

    @tf.custom_gradient
    def normalize(images, scale, offset):
        fixed = {"epsilon": epsilon, "is_training": False}
        outputs = tf.raw_ops.FusedBatchNormV3(
            x=images, scale=scale, offset=offset, mean=mean, variance=variance, **fixed
        ).y

        def gradients(upstream):
            """Those of scale and offset are this replica's own: all are summed later.

            Those of the inputs are not, and need sums over replicas here.
            """
            # As if mean and variance did not depend on the inputs.
            towards = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=images,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=[],
                **fixed,
            )
            products, sums = over_replicas(
                towards.scale_backprop, towards.offset_backprop
            )
            # As they do: the part of upstream along the normalised inputs, its mean.
            inverse = tf.math.rsqrt(variance + epsilon)
            along = tf.raw_ops.FusedBatchNormV3(
                x=images,
                scale=products * scale * inverse / count,
                offset=sums * scale * inverse / count,
                mean=mean,
                variance=variance,
                **fixed,
            ).y
            own = towards.scale_backprop, towards.offset_backprop
            return towards.x_backprop - along, *own

        return outputs, gradients

    outputs = tf.reshape(normalize(images, scale, offset), tf.shape(inputs))
    outputs = tf.ensure_shape(outputs, inputs.shape)
    # As Keras' fused layer: 4-D inputs have Bessel's correction in the moving variance.
    is_corrected = len(inputs.shape) == 4
    correction = count / tf.maximum(count - 1.0, 1.0) if is_corrected else 1.0
    return outputs, mean, variance * correction
