"""BYOL's policy; its two views differ.

Source: arXiv 2006.07733, appendix B, and google-deepmind/deepmind-research,
byol/utils/augmentations.py.
"""

from typing import NamedTuple

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.byol_blur import byol_blur
from byel_tf.augment.byol_colour import byol_colour
from byel_tf.augment.colour import greyscale, solarise
from byel_tf.augment.crop import draw_box, mirror, resized_crop
from byel_tf.augment.jitter import ORDERS

FLIP_PROBABILITY = 0.5
JITTER_PROBABILITY = 0.8
BRIGHTNESS = (-0.4, 0.4)
CONTRAST = (1.0 - 0.4, 1.0 + 0.4)
SATURATION = (1.0 - 0.2, 1.0 + 0.2)
HUE = (-0.1, 0.1)
GREY_PROBABILITY = 0.2
BLUR_SIGMA = (0.1, 2.0)


class Draws(NamedTuple):
    """The uniforms of one view, float32 [B] in [0, 1) each."""

    area: tf.Tensor
    ratio: tf.Tensor
    top: tf.Tensor
    left: tf.Tensor
    flip: tf.Tensor
    jitter: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor
    order: tf.Tensor
    grey: tf.Tensor
    blur: tf.Tensor
    sigma: tf.Tensor
    solarise: tf.Tensor


def first_view(images: tf.Tensor, uniforms: Draws) -> tf.Tensor:
    """Makes the view that is always blurred and never solarised.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        uniforms: the draws of this view.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    # Probability 0 of solarising is no operation at all.
    return _common(images, uniforms, blur_probability=1.0)


def second_view(images: tf.Tensor, uniforms: Draws) -> tf.Tensor:
    """Makes the view that is blurred with probability 0.1 and solarised with 0.2.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        uniforms: the draws of this view.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    images = _common(images, uniforms, blur_probability=0.1)
    return solarise(images, draws.bernoulli(uniforms.solarise, 0.2))


def _common(images: tf.Tensor, u: Draws, blur_probability: float) -> tf.Tensor:
    """Crop, flip, colour, grey and blur, in the published order."""
    height, width = images.shape[1:3]
    box = draw_box((u.area, u.ratio, u.top, u.left), height, width)
    box = mirror(box, draws.bernoulli(u.flip, FLIP_PROBABILITY))
    images = resized_crop(images, box)
    images = byol_colour(
        images,
        draws.bernoulli(u.jitter, JITTER_PROBABILITY),
        brightness=draws.between(u.brightness, *BRIGHTNESS),
        contrast=draws.between(u.contrast, *CONTRAST),
        saturation=draws.between(u.saturation, *SATURATION),
        hue=draws.between(u.hue, *HUE),
        order=draws.integer(u.order, len(ORDERS)),
    )
    images = greyscale(images, draws.bernoulli(u.grey, GREY_PROBABILITY))
    sigma = draws.between(u.sigma, *BLUR_SIGMA)
    sigma = tf.where(draws.bernoulli(u.blur, blur_probability), sigma, 0.0)
    return byol_blur(images, sigma)
