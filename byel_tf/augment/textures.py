"""Changes of texture before a view: what a policy's own steps leave as it was drawn."""

import collections
import math

import tensorflow as tf

from byel_tf.augment import draws
from byel_tf.augment.random_convolution import SIZES, random_convolution
from byel_tf.augment.spectrum import NUM_OCTAVES, jitter_spectrum

MAX_LOG_GAIN = math.log(2.0)

_GAINS = tuple(f"gain_{octave}" for octave in range(NUM_OCTAVES))

#: The uniforms of one view, float32 [B] in [0, 1) each.
Draws = collections.namedtuple(
    "Draws", ["convolve", "share", "size", "seed", "jitter", *_GAINS]
)


def change_texture(
    images: tf.Tensor, u: Draws, convolution: float, jitter: float
) -> tf.Tensor:
    """Convolves some images with a random filter, then jitters the spectrum of some.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        u: The draws of this view.
        convolution: Probability of a random convolution; 0: none is computed.
        jitter: Probability of a jitter of the spectrum; 0: none is computed.

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    if convolution:
        is_chosen = draws.bernoulli(u.convolve, convolution)
        share = tf.where(is_chosen, u.share, 1.0)
        size = draws.integer(u.size, len(SIZES))
        images = random_convolution(images, share, size, u.seed)
    if jitter:
        is_chosen = draws.bernoulli(u.jitter, jitter)
        gains = [draws.bell(getattr(u, name), MAX_LOG_GAIN) for name in _GAINS]
        gains = tf.where(is_chosen[:, tf.newaxis], tf.stack(gains, axis=1), 0.0)
        images = jitter_spectrum(images, gains)
    return images
