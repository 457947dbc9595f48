"""Convolutions whose gradients keep a CPU's bfloat16 units busy."""

import tensorflow as tf

from byel_tf.compat import keras

# Side of the largest output, in pixels, for which the exchange below is faster: see
# benchmarks/convolutions.py.
_SMALL = 6


class Convolution(keras.layers.Conv2D):
    """Keras' layer, with zeros around the image and another way to one gradient.

    On CPUs, TensorFlow's kernel for the gradient of a bfloat16 filter runs along the
    rows of the output, of which small maps have few pixels. The same sums are a
    convolution in which the batch takes the place of the channels, and that one is up
    to five times as fast.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution itself: (B, H, W, C), (K, K, C, D) → (B, ⌈H/s⌉, ⌈W/s⌉, D)."""
        stride = self.strides[0]
        height, width = (-(-size // stride) for size in inputs.shape[1:3])
        is_exchanged = (
            inputs.dtype == tf.bfloat16
            and self.kernel_size[0] > 1
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
