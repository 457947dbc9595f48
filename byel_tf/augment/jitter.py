"""torchvision's colour jitter: its four operations in a random order."""

import itertools

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.colour import blend, hue

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
ORDERS = tuple(itertools.permutations((BRIGHTNESS, CONTRAST, SATURATION, HUE)))


def colour_jitter(images: tf.Tensor, amounts: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Applies the four operations to each image in that image's own order.

    Clipping makes the order matter. The hue conversion costs as much as several
    blends, so instead of all four operations at all four positions this computes three
    positions for blends, the hue once, and three more positions for blends; every
    image uses three of the six and the others are exact identities.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        amounts: float32 [B, 4]: factors of brightness, contrast and saturation (1 is
            the identity) and the hue's shift in cycles (0 is the identity).
        order: int32 [B], indices into `ORDERS`.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    if images.shape[3] == 1:
        # Without colour only brightness and contrast remain.
        neutral = tf.ones_like(amounts[:, SATURATION])
        amounts = tf.stack(
            [amounts[:, BRIGHTNESS], amounts[:, CONTRAST], neutral, neutral - 1.0],
            axis=1,
        )
    sequence = tf.gather(tf.constant(ORDERS), order)
    hue_position = tf.argmax(sequence == HUE, axis=1, output_type=tf.int32)
    for position in (0, 1, 2):
        active = position < hue_position
        images = _blend_at(images, amounts, sequence[:, position], active)
    images = hue(images, amounts[:, HUE])
    for position in (1, 2, 3):
        active = position > hue_position
        images = _blend_at(images, amounts, sequence[:, position], active)
    return images


def draw_amounts(
    uniforms: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
    chosen: tf.Tensor,
    strengths: tuple[float, float, float, float],
) -> tf.Tensor:
    """Draws the amounts of a jitter as torchvision's ColorJitter does.

    Factors are uniform in [max(0, 1 - s), 1 + s], the hue's shift in [-s, s].

    Args:
        uniforms: four float32 [B] in [0, 1): brightness, contrast, saturation, hue.
        chosen: bool [B], images to jitter; the others get the identity.
        strengths: s of brightness, contrast, saturation and hue, at least 0.

    Returns:
        float32 [B, 4], the `amounts` of `colour_jitter`.
    """
    factors = [
        tf.where(chosen, draws.between(uniform, max(0.0, 1.0 - s), 1.0 + s), 1.0)
        for uniform, s in zip(uniforms[:HUE], strengths[:HUE], strict=True)
    ]
    limit = strengths[HUE]
    shift = tf.where(chosen, draws.between(uniforms[HUE], -limit, limit), 0.0)
    return tf.stack([*factors, shift], axis=1)


def _blend_at(
    images: tf.Tensor, amounts: tf.Tensor, operation: tf.Tensor, active: tf.Tensor
) -> tf.Tensor:
    """One position of the sequence; the identity where inactive."""
    factor = tf.gather(amounts, operation, axis=1, batch_dims=1)
    return blend(
        images,
        tf.where(active, factor, 1.0),
        to_mean=tf.cast(operation == CONTRAST, tf.float32),
        to_grey=tf.cast(operation == SATURATION, tf.float32),
    )
