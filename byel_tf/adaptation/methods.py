"""The methods by name: each changes a network for the images that it is shown."""

import numpy as np

from byel_tf.adaptation.information import maximize_information
from byel_tf.adaptation.prior import take_prior
from byel_tf.adaptation.prototypes import class_prototypes, matching_scale
from byel_tf.adaptation.running import Running
from byel_tf.adaptation.settings import MethodSettings, Source
from byel_tf.adaptation.shares import estimate_shares
from byel_tf.adaptation.statistics import mix_statistics


def _statistics(
    running: Running, images: np.ndarray, source: Source, settings: MethodSettings
) -> None:
    mix_statistics(
        running.network,
        images,
        settings.source_images,
        settings.depth,
        settings.batch_size,
    )


def _entropy(
    running: Running, images: np.ndarray, source: Source, settings: MethodSettings
) -> None:
    _statistics(running, images, source, settings)
    maximize_information(
        running.network,
        images,
        source.temperature,
        settings.epochs,
        settings.learning_rate,
        settings.batch_size,
        settings.seed,
    )


def _prototypes(
    running: Running, images: np.ndarray, source: Source, settings: MethodSettings
) -> None:
    head = running.network.head
    representations, _ = running.outputs(images)
    probabilities = running.probabilities(images, source.temperature)
    prototypes = class_prototypes(
        representations,
        probabilities,
        head.kernel.numpy(),
        head.bias.numpy(),
        source.temperature,
        settings.supports,
    )
    scale = matching_scale(
        representations @ prototypes, float(probabilities.max(axis=1).mean())
    )
    head.kernel.assign(prototypes * scale * source.temperature)
    head.bias.assign(np.zeros(len(source.shares)))


def _prior(
    running: Running, images: np.ndarray, source: Source, settings: MethodSettings
) -> None:
    probabilities = running.probabilities(images, source.temperature)
    shares = estimate_shares(probabilities, np.array(source.shares), settings.floor)
    take_prior(
        running.network,
        shares,
        np.array(source.shares),
        settings.exponent,
        source.temperature,
    )


#: Each takes the running classifier, images (N, S, S, 3), uint8, what is known of the
#: source and the settings, and changes the network's weights.
BY_NAME = {
    "statistics": _statistics,
    "entropy": _entropy,
    "prototypes": _prototypes,
    "prior": _prior,
}
