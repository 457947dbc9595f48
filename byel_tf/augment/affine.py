"""Small rotations, scalings and shifts by bilinear sampling."""

import tensorflow as tf


def affine(
    images: tf.Tensor,
    angle: tf.Tensor,
    scale_x: tf.Tensor,
    scale_y: tf.Tensor,
    shift_x: tf.Tensor,
    shift_y: tf.Tensor,
) -> tf.Tensor:
    """Scales each image about its centre, then rotates it, then shifts it.

    Each output pixel is traced back to the input and interpolated between its four
    neighbours; beyond the border the nearest border pixel continues. There is no
    antialiasing: meant for scales near 1. Gathering is used because XLA rejects
    ImageProjectiveTransform and a rotation is not separable.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        angle: float32 [B], radians, counter-clockwise as seen.
        scale_x: float32 [B], above 1 widens the content, -1 mirrors it; not 0.
        scale_y: float32 [B], above 1 lengthens the content; not 0.
        shift_x: float32 [B], share of the width, positive to the right.
        shift_y: float32 [B], share of the height, positive downwards.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width, channels = images.shape[1:]
    batch = tf.shape(images)[0]

    # A source position is a part that depends on the output's column plus a part that
    # depends on its row. Both are computed in float64 and rounded once: one addition is
    # left to the large tensors and every device gets the same positions.
    angle, scale_x, scale_y, shift_x, shift_y = (
        tf.cast(amount[:, tf.newaxis], tf.float64)
        for amount in (angle, scale_x, scale_y, shift_x, shift_y)
    )
    cosine, sine = tf.cos(angle), tf.sin(angle)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x = tf.range(width, dtype=tf.float64) - middle_x - shift_x * width
    y = tf.range(height, dtype=tf.float64) - middle_y - shift_y * height
    source_x = _outer_sum(-sine * y / scale_x, cosine * x / scale_x + middle_x)
    source_y = _outer_sum(cosine * y / scale_y + middle_y, sine * x / scale_y)
    source_x = tf.clip_by_value(source_x, 0.0, width - 1.0)
    source_y = tf.clip_by_value(source_y, 0.0, height - 1.0)

    floor_x, floor_y = tf.floor(source_x), tf.floor(source_y)
    part_x = (source_x - floor_x)[..., tf.newaxis]
    part_y = (source_y - floor_y)[..., tf.newaxis]
    x0, y0 = tf.cast(floor_x, tf.int32), tf.cast(floor_y, tf.int32)
    x1, y1 = tf.minimum(x0 + 1, width - 1), tf.minimum(y0 + 1, height - 1)

    pixels = tf.reshape(images, [batch * height * width, channels])
    first = tf.reshape(tf.range(batch) * (height * width), [batch, 1, 1])

    def at(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        return tf.gather(pixels, first + rows * width + columns)

    upper = _mix(at(y0, x0), at(y0, x1), part_x)
    lower = _mix(at(y1, x0), at(y1, x1), part_x)
    return _mix(upper, lower, part_y)


def _outer_sum(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """float64 [B, H] and [B, W] to float32 [B, H, W]."""
    rows, columns = tf.cast(rows, tf.float32), tf.cast(columns, tf.float32)
    return rows[:, :, tf.newaxis] + columns[:, tf.newaxis, :]


def _mix(first: tf.Tensor, second: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return first * (1.0 - share) + second * share
