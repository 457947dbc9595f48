"""The policy of BYEL's published implementation (arXiv 2207.10003)."""

from typing import NamedTuple

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.blur import blur_matrix
from byel_tf.augment.colour import greyscale
from byel_tf.augment.crop import crop_matrices, draw_box, mirror
from byel_tf.augment.jitter import ORDERS, colour_jitter, draw_amounts
from byel_tf.augment.separable import resample

JITTER_PROBABILITY = 0.3
JITTER_STRENGTHS = (0.8, 0.8, 0.8, 0.2)
GREY_PROBABILITY = 0.2
FLIP_PROBABILITY = 0.5
BLUR_PROBABILITY = 0.2
BLUR_SIGMA = (1.0, 2.0)
BLUR_KERNEL_SIZE = 3


class Draws(NamedTuple):
    """The uniforms of one view, float32 [B] in [0, 1) each."""

    jitter: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor
    order: tf.Tensor
    grey: tf.Tensor
    flip: tf.Tensor
    blur: tf.Tensor
    sigma: tf.Tensor
    area: tf.Tensor
    ratio: tf.Tensor
    top: tf.Tensor
    left: tf.Tensor


def view(images: tf.Tensor, uniforms: Draws) -> tf.Tensor:
    """Jitters, greys, flips, blurs and crops, in this order; both views alike.

    The last three are linear and separable and are applied as one pair of matrices.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        uniforms: the draws of this view.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width = images.shape[1:3]
    u = uniforms
    amounts = draw_amounts(
        (u.brightness, u.contrast, u.saturation, u.hue),
        draws.bernoulli(u.jitter, JITTER_PROBABILITY),
        JITTER_STRENGTHS,
    )
    images = colour_jitter(images, amounts, draws.integer(u.order, len(ORDERS)))
    images = greyscale(images, draws.bernoulli(u.grey, GREY_PROBABILITY))

    box = draw_box((u.area, u.ratio, u.top, u.left), height, width)
    box = mirror(box, draws.bernoulli(u.flip, FLIP_PROBABILITY))
    rows, columns = crop_matrices(box, height, width)
    sigma = draws.between(u.sigma, *BLUR_SIGMA)
    sigma = tf.where(draws.bernoulli(u.blur, BLUR_PROBABILITY), sigma, 0.0)
    rows = tf.matmul(rows, blur_matrix(sigma, BLUR_KERNEL_SIZE, height))
    columns = tf.matmul(columns, blur_matrix(sigma, BLUR_KERNEL_SIZE, width))
    return resample(images, rows, columns)
