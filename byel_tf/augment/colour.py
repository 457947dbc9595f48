"""Operations on pixel values, one amount per image.

Brightness, contrast, saturation and greyscale are blends with another image
(torchvision.transforms.functional). Each is linear in the three channels, so it is
applied as one C x C matrix and one offset per image: on CPUs a batched matrix product
is several times faster than the same blend written with broadcasting.

Saturation, hue and greyscale leave images of one channel as they are.
"""

import tensorflow as tf

from byel_tf.augment.draws import per_image
from byel_tf.augment.hsv import adjust_hsv, from_planes, to_planes

# ITU-R BT.601 as torchvision and BYOL round it.
LUMINANCE = (0.2989, 0.587, 0.114)


def brightness(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with black: clip(factor * x).

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        factor: float32 [B], at least 0; 1 is the identity.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    return blend(images, factor)


def contrast(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with the image's mean luminance m: clip(factor * x + (1 - factor) * m).

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        factor: float32 [B], at least 0; 1 is the identity.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    return blend(images, factor, to_mean=tf.ones_like(factor))


def saturation(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Blends with each pixel's luminance g: clip(factor * x + (1 - factor) * g).

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        factor: float32 [B], at least 0; 1 is the identity.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    if images.shape[3] == 1:
        return images
    return blend(images, factor, to_grey=tf.ones_like(factor))


def greyscale(images: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Replaces all channels of the chosen images by the luminance.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        chosen: bool [B].

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    return saturation(images, 1.0 - tf.cast(chosen, tf.float32))


def blend(
    images: tf.Tensor,
    factor: tf.Tensor,
    to_mean: tf.Tensor | None = None,
    to_grey: tf.Tensor | None = None,
) -> tf.Tensor:
    """Blends each image with black, its mean luminance or its luminance.

    Computes clip(f * x + (1 - f) * (to_mean * mean(g) + to_grey * g)), where g is the
    luminance of x. The two selectors let one pass serve batches in which images need
    different blends.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        factor: float32 [B], f at least 0; 1 is the identity, exactly.
        to_mean: float32 [B], 1 where the partner is the mean luminance, else 0;
            nowhere by default.
        to_grey: float32 [B], 1 where the partner is the luminance, else 0; nowhere by
            default.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width, channels = images.shape[1:]
    luminance = tf.constant((1.0,) if channels == 1 else LUMINANCE)
    flat = tf.reshape(images, [tf.shape(images)[0], height * width, channels])
    matrix = factor[:, tf.newaxis, tf.newaxis] * tf.eye(channels)
    if to_grey is not None:
        share = (1.0 - factor) * to_grey
        column = luminance[:, tf.newaxis] * tf.ones([1, channels])
        matrix += share[:, tf.newaxis, tf.newaxis] * column
    mixed = tf.matmul(flat, matrix)
    if to_mean is not None:
        mean = tf.reduce_sum(tf.reduce_mean(flat, axis=1) * luminance, axis=1)
        offset = (1.0 - factor) * to_mean * mean
        mixed += offset[:, tf.newaxis, tf.newaxis]
    return tf.reshape(tf.clip_by_value(mixed, 0.0, 1.0), tf.shape(images))


def hue(images: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Turns the hue of the HSV representation.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        shift: float32 [B] in cycles, usually in [-0.5, 0.5]; 0 is the identity up to
            rounding.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    if images.shape[3] == 1:
        return images
    turned = adjust_hsv(to_planes(images), tf.ones_like(shift), shift)
    return from_planes(turned, images)


def solarise(images: tf.Tensor, chosen: tf.Tensor, threshold: float = 0.5) -> tf.Tensor:
    """Inverts the bright values of the chosen images: x < threshold ? x : 1 - x.

    Source: BYOL (arXiv 2006.07733), appendix B.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        chosen: bool [B].
        threshold: smallest value that is inverted, in [0, 1].

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    is_bright = tf.cast(images >= threshold, tf.float32)
    inverted = is_bright * per_image(tf.cast(chosen, tf.float32))
    return images + inverted * (1.0 - 2.0 * images)


def gamma(images: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """Raises every value to a power: x ** exponent.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        exponent: float32 [B], positive; above 1 darkens, below 1 brightens.

    Returns:
        float32 [B, H, W, C] in [0, 1]; black stays black to 1e-6 for exponents of 0.5
        and more.
    """
    # exp(log) is vectorised where tf.pow is not: four times faster on CPUs.
    return tf.exp(per_image(exponent) * tf.math.log(tf.maximum(images, 1e-12)))
