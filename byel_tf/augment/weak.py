"""A view that changes as little as FixMatch's weak one: mirrored, and shifted a bit."""

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.affine import affine

#: Share of the side; FixMatch (arXiv 2001.07685, 2.3).
MAX_SHIFT = 0.125


def view(images: tf.Tensor, uniforms: tuple) -> tf.Tensor:
    """Mirrors half of the images and shifts them all.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        uniforms: the draws of a view of any policy, float32 [B] in [0, 1) each, of
            which the first three are taken.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    mirror, right, down = uniforms[:3]
    one = tf.ones_like(mirror)
    return affine(
        images,
        angle=tf.zeros_like(mirror),
        scale_x=tf.where(draws.bernoulli(mirror, 0.5), -one, one),
        scale_y=one,
        shift_x=draws.between(right, -MAX_SHIFT, MAX_SHIFT),
        shift_y=draws.between(down, -MAX_SHIFT, MAX_SHIFT),
    )
