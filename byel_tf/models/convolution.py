"""Convolutions whose gradients are fast, and right, on CPUs."""

import tensorflow as tf

from byel_tf.compat import keras

# Side of the largest output, in pixels, for which the exchange below is faster: see
# benchmarks/convolutions.py.
_SMALL = 6
# Channels of the input below which oneDNN's kernel for the gradient of a filter of one
# tap, with strides, is wrong on CPUs with AVX2 alone: by 0.2 to 0.9 of the greatest
# entry (TensorFlow 2.15 and 2.21).
_FEW = 8


class Convolution(keras.layers.Conv2D):
    """Keras' layer, with zeros around the image and other ways to two gradients.

    On CPUs, TensorFlow's kernel for the gradient of a bfloat16 filter runs along the
    rows of the output, of which small maps have few pixels. The same sums are a
    convolution in which the batch takes the place of the channels, and that one is up
    to five times as fast. With one tap, strides and few channels the pixels that are
    met are taken first, which needs no kernel with strides.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution itself: (B, H, W, C), (K, K, C, D) → (B, ⌈H/s⌉, ⌈W/s⌉, D)."""
        stride, taps = self.strides[0], self.kernel_size[0]
        if taps == 1 and stride > 1 and inputs.shape[-1] < _FEW:
            met = inputs[:, ::stride, ::stride]
            return tf.nn.conv2d(met, tf.cast(kernel, inputs.dtype), 1, "SAME")
        height, width = (-(-size // stride) for size in inputs.shape[1:3])
        is_exchanged = (
            inputs.dtype == tf.bfloat16
            and taps > 1
            and max(height, width) <= _SMALL
            and not tf.config.get_visible_devices("GPU")
        )
        if not is_exchanged:
            return super().convolution_op(inputs, kernel)
        return _exchanged(inputs, tf.cast(kernel, inputs.dtype), stride)


def _exchanged(inputs: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    taps = kernel.shape[0]
    paddings = [_padding(size, taps, stride) for size in inputs.shape[1:3]]

    @tf.custom_gradient
    def convolve(inputs, kernel):
        outputs = tf.nn.conv2d(inputs, kernel, stride, "SAME")

        def gradients(upstream):
            towards_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs),
                filter=kernel,
                out_backprop=upstream,
                strides=[1, stride, stride, 1],
                padding="SAME",
            )
            sums = tf.nn.conv2d(
                tf.transpose(inputs, [3, 1, 2, 0]),
                tf.transpose(upstream, [1, 2, 0, 3]),
                1,
                [[0, 0], *paddings, [0, 0]],
                dilations=stride,
            )
            # A stride may leave rows that no output has met.
            towards_kernel = tf.transpose(sums[:, :taps, :taps], [1, 2, 0, 3])
            return towards_inputs, towards_kernel

        return outputs, gradients

    return convolve(inputs, kernel)


def _padding(size: int, taps: int, stride: int) -> list[int]:
    """Zeros before and after, as "SAME" has them."""
    reached = (-(-size // stride) - 1) * stride + taps
    missing = max(reached - size, 0)
    return [missing // 2, missing - missing // 2]
