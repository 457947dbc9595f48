"""Batch norm statistics of other images, mixed with those trained on.

Sources: Nado et al., Evaluating Prediction-Time Batch Normalization for Robustness
under Covariate Shift, arXiv 2006.10963; Schneider et al., Improving robustness against
common corruptions by covariate shift adaptation, NeurIPS 2020, equation 4, which takes
the source's statistics for those of so many images more.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.errors import RunError
from byel_tf.models.networks import ExpressionNetwork

# Groups of layers that are measured one after the other.
_GROUPS = 3


def norm_layers(network: ExpressionNetwork) -> list[keras.layers.Layer]:
    """The encoder's batch norm layers, from the image on.

    Raises:
      RunError: If it has none.
    """
    order = {id(weight): place for place, weight in enumerate(network.encoder.weights)}
    layers = [
        layer
        for layer in network.encoder.submodules
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not layers:
        raise RunError(
            "the model's encoder has no batch norm to adapt: give --method=prototypes "
            "or --method=prior"
        )
    return sorted(layers, key=lambda layer: order[id(layer.moving_mean)])


def mix_statistics(
    network: ExpressionNetwork,
    images: np.ndarray,
    source_images: int,
    depth: float,
    batch_size: int,
) -> None:
    """Mixes the images' statistics into the first layers', early ones first.

    A group of layers is measured while all before it have what they will have, so that
    it sees its inputs as they will be. Within a group a layer sees what the ones before
    it make of a batch with the batch's own statistics: batches are of any images, so
    that their order, class by class as in folders, has no say.

    Args:
      network: The classifier, whose moving statistics are changed.
      images: (N, S, S, 3), uint8.
      source_images: N₀: the source's statistics count as those of so many images, and
        the images' share is N / (N + N₀).
      depth: Share of the layers that are adapted, above 0 and at most 1; the first.
      batch_size: Most images at a time.

    Raises:
      RunError: If the network has no batch norm.
    """
    hashes = [hashlib.sha256(image.tobytes()).digest() for image in images]
    order = sorted(range(len(images)), key=hashes.__getitem__)
    batches = np.array_split(images[order], math.ceil(len(images) / batch_size))
    layers = norm_layers(network)
    chosen = layers[: math.ceil(depth * len(layers))]
    share = len(images) / (len(images) + source_images)
    for group in np.array_split(np.arange(len(chosen)), min(_GROUPS, len(chosen))):
        part = [chosen[place] for place in group]
        source = [_statistics(layer) for layer in part]
        found = _measure(network, part, batches)
        for layer, (mean, variance), (own, own_variance) in zip(
            part, source, found, strict=True
        ):
            layer.moving_mean.assign(share * own + (1 - share) * mean)
            layer.moving_variance.assign(share * own_variance + (1 - share) * variance)


def _statistics(layer: keras.layers.Layer) -> tuple[np.ndarray, np.ndarray]:
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def _measure(
    network: ExpressionNetwork,
    layers: Sequence[keras.layers.Layer],
    batches: Sequence[np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean and variance of each layer's inputs over all images.

    The layers normalise by each batch's own as they are measured, and all others by
    their moving ones.
    """
    others = [layer for layer in norm_layers(network) if layer not in layers]
    dropouts = [
        layer
        for layer in network.encoder.submodules
        if isinstance(layer, keras.layers.Dropout)
    ]
    momenta = [layer.momentum for layer in layers]
    rates = [layer.rate for layer in dropouts]
    sums = [[0.0, 0.0] for _ in layers]
    count = sum(map(len, batches))
    try:
        for layer in others:
            layer.trainable = False  # Keras' own way to say: by the moving ones
        for layer in layers:
            layer.momentum = 0.0  # the moving ones become the batch's
        for layer in dropouts:
            layer.rate = 0.0
        for batch in batches:
            run_encoder(network, batch, training=True)
            for total, layer in zip(sums, layers, strict=True):
                mean, variance = _statistics(layer)
                weight = len(batch) / count
                total[0] += weight * mean
                total[1] += weight * (variance + mean**2)
    finally:
        for layer in others:
            layer.trainable = True
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for layer, rate in zip(dropouts, rates, strict=True):
            layer.rate = rate
    return [(mean, np.maximum(square - mean**2, 0.0)) for mean, square in sums]


def run_encoder(
    network: ExpressionNetwork, images: np.ndarray, training: bool
) -> tf.Tensor:
    """Representations of images, (N, S, S, 3), uint8, not averaged over the mirror."""
    pixels = tf.cast(images, tf.float32) / 255.0
    return network.encoder(pixels, training=training)
