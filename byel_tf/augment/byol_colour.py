"""Colour jitter as BYOL's published code does it, which differs from torchvision's.

Source: arXiv 2006.07733, appendix B, and google-deepmind/deepmind-research,
byol/utils/augmentations.py. Brightness is added instead of multiplied, contrast keeps
the mean of every channel instead of the luminance's, and saturation scales the S of
HSV instead of blending with the luminance.
"""

import tensorflow as tf

from byel_tf.augment.draws import choose
from byel_tf.augment.hsv import adjust_hsv, from_planes, to_planes
from byel_tf.augment.jitter import BRIGHTNESS, CONTRAST, HUE, ORDERS, SATURATION


def byol_colour(
    images: tf.Tensor,
    chosen: tf.Tensor,
    brightness: tf.Tensor,
    contrast: tf.Tensor,
    saturation: tf.Tensor,
    hue: tf.Tensor,
    order: tf.Tensor,
) -> tf.Tensor:
    """Applies four colour steps to each chosen image in that image's own order.

    Each step is followed by a clip to [0, 1]. With m the mean of x over one channel of
    one image, the steps are: brightness, x + amount; contrast, amount * (x - m) + m;
    saturation, S of HSV times amount, at most 1; hue, H of HSV plus amount, modulo 1.

    The steps on HSV cost the most, so instead of all four steps at all four positions
    this computes brightness or contrast twice, then saturation or hue, and so on
    alternately. Every image uses two of the six places for the former and both for the
    latter; the unused places are exact identities.

    Args:
        images: float32 [B, H, W, C] in [0, 1]; with one channel, saturation and hue do
            nothing.
        chosen: bool [B]; the other images pass unchanged, bit for bit.
        brightness: float32 [B], a summand; 0 is the identity.
        contrast: float32 [B], a factor, at least 0; 1 is the identity.
        saturation: float32 [B], a factor, at least 0; 1 is the identity.
        hue: float32 [B] in cycles; 0 is the identity.
        order: int32 [B], indices into `byel_tf.augment.jitter.ORDERS`.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    channels = images.shape[3]
    sequence = tf.gather(tf.constant(ORDERS), order)
    saturation_position = tf.argmax(sequence == SATURATION, 1, tf.int32)
    hue_position = tf.argmax(sequence == HUE, 1, tf.int32)
    saturation_first = saturation_position < hue_position
    first = tf.minimum(saturation_position, hue_position)
    last = tf.maximum(saturation_position, hue_position)

    def tone(planes: tf.Tensor, position: int, active: tf.Tensor) -> tf.Tensor:
        step = sequence[:, position]
        scale = tf.where(active & (step == CONTRAST), contrast, 1.0)
        shift = tf.where(active & (step == BRIGHTNESS), brightness, 0.0)
        return _adjust_tone(planes, scale, shift)

    def chroma(planes: tf.Tensor, saturate: tf.Tensor) -> tf.Tensor:
        if channels == 1:
            return planes
        scale = tf.where(saturate, saturation, 1.0)
        return adjust_hsv(planes, scale, tf.where(saturate, 0.0, hue))

    planes = to_planes(images)
    for position in (0, 1):
        planes = tone(planes, position, position < first)
    planes = chroma(planes, saturation_first)
    for position in (1, 2):
        planes = tone(planes, position, (first < position) & (position < last))
    planes = chroma(planes, ~saturation_first)
    for position in (2, 3):
        planes = tone(planes, position, position > last)
    return choose(chosen, from_planes(planes, images), images)


def _adjust_tone(planes: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Scales each plane about its mean and shifts it; exact for scale 1, shift 0."""
    mean = tf.reduce_mean(planes, axis=2)
    offset = (1.0 - scale)[:, tf.newaxis] * mean + shift[:, tf.newaxis]
    planes = planes * scale[:, tf.newaxis, tf.newaxis] + offset[:, :, tf.newaxis]
    return tf.clip_by_value(planes, 0.0, 1.0)
