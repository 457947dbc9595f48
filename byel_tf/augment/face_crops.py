"""A gentle policy for small, aligned face crops.

The crops of the other policies may leave a mouth or a cheek; an expression needs the
whole face, so geometry stays within what face detectors disagree about, and values
within what cameras do.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.affine import affine
from byel_tf.augment.blur import gaussian_blur
from byel_tf.augment.colour import brightness, contrast, gamma
from byel_tf.augment.crop import draw_box
from byel_tf.augment.erase import erase
from byel_tf.augment.noise import add_noise

FLIP_PROBABILITY = 0.5
MAX_ROTATION = math.radians(12.0)
SCALE = (0.9, 1.15)
MAX_SHIFT = 0.06
ASPECT = (1 / 1.06, 1.06)
MAX_LOG_GAMMA = 0.3
TONE = (0.8, 1.2)
MAX_NOISE = 0.03
BLUR_PROBABILITY = 0.3
BLUR_SIGMA = (0.3, 1.0)
BLUR_KERNEL_SIZE = 7
ERASE_PROBABILITY = 0.25
ERASE_AREA = (0.02, 0.2)
ERASE_RATIO = (0.5, 2.0)


class Draws(NamedTuple):
    """The uniforms of one view, float32 [B] in [0, 1) each."""

    flip: tf.Tensor
    rotation: tf.Tensor
    scale: tf.Tensor
    aspect: tf.Tensor
    shift_x: tf.Tensor
    shift_y: tf.Tensor
    blur: tf.Tensor
    sigma: tf.Tensor
    gamma: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    noise_seed: tf.Tensor
    noise_deviation: tf.Tensor
    erase: tf.Tensor
    erase_area: tf.Tensor
    erase_ratio: tf.Tensor
    erase_top: tf.Tensor
    erase_left: tf.Tensor
    erase_value: tf.Tensor


def view(images: tf.Tensor, uniforms: Draws) -> tf.Tensor:
    """Moves, blurs, re-tones, adds noise and erases, in this order; both views alike.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        uniforms: the draws of this view.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    u = uniforms
    images = _move(images, u)
    sigma = draws.between(u.sigma, *BLUR_SIGMA)
    sigma = tf.where(draws.bernoulli(u.blur, BLUR_PROBABILITY), sigma, 0.0)
    images = gaussian_blur(images, sigma, BLUR_KERNEL_SIZE)
    images = gamma(images, tf.exp(draws.bell(u.gamma, MAX_LOG_GAMMA)))
    images = brightness(images, draws.between(u.brightness, *TONE))
    images = contrast(images, draws.between(u.contrast, *TONE))
    deviation = draws.between(u.noise_deviation, 0.0, MAX_NOISE)
    images = add_noise(images, u.noise_seed, deviation)
    return _erase(images, u)


def _move(images: tf.Tensor, u: Draws) -> tf.Tensor:
    scale = draws.log_between(u.scale, *SCALE)
    stretch = tf.sqrt(draws.log_between(u.aspect, *ASPECT))
    side = tf.where(draws.bernoulli(u.flip, FLIP_PROBABILITY), -1.0, 1.0)
    return affine(
        images,
        angle=draws.between(u.rotation, -MAX_ROTATION, MAX_ROTATION),
        scale_x=side * scale * stretch,
        scale_y=scale / stretch,
        shift_x=draws.between(u.shift_x, -MAX_SHIFT, MAX_SHIFT),
        shift_y=draws.between(u.shift_y, -MAX_SHIFT, MAX_SHIFT),
    )


def _erase(images: tf.Tensor, u: Draws) -> tf.Tensor:
    height, width = images.shape[1:3]
    box = draw_box(
        (u.erase_area, u.erase_ratio, u.erase_top, u.erase_left),
        height,
        width,
        ERASE_AREA,
        ERASE_RATIO,
    )
    chosen = draws.bernoulli(u.erase, ERASE_PROBABILITY)
    # An empty box erases nothing.
    box = box._replace(bottom=tf.where(chosen, box.bottom, box.top))
    return erase(images, box, u.erase_value)
