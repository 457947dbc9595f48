"""Information maximisation: sure of each image, and diverse over all of them.

Sources: Liang, Hu and Feng, Do We Really Need to Access the Source Data? Source
Hypothesis Transfer for Unsupervised Domain Adaptation (SHOT), ICML 2020, equations 2
and 3; Wang et al., Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR 2021,
which learns the scales and offsets of batch norm only. As in SHOT the head stays.
"""

import numpy as np
import tensorflow as tf

from byel_tf.adaptation.statistics import norm_layers
from byel_tf.compat import keras
from byel_tf.models.networks import ExpressionNetwork


def information_loss(logits: tf.Tensor) -> tf.Tensor:
    """Mean entropy of the images less the entropy of their mean.

    Args:
      logits: (B, K).

    Returns:
      (), from −log K to 0.
    """
    logs = tf.nn.log_softmax(logits)
    probabilities = tf.exp(logs)
    own = -tf.reduce_mean(tf.reduce_sum(probabilities * logs, axis=1))
    mean = tf.reduce_mean(probabilities, axis=0)
    of_mean = -tf.reduce_sum(tf.math.xlogy(mean, mean))
    return own - of_mean


def maximize_information(
    network: ExpressionNetwork,
    images: np.ndarray,
    temperature: float,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> None:
    """Learns the scales and offsets of the encoder's batch norm, by Adam.

    The statistics stay what they are: the network is trained as it will be used.

    Args:
      network: The classifier, whose scales and offsets are changed.
      images: (N, S, S, 3), uint8.
      temperature: What divides the logits before the softmax.
      epochs: Passes over the images.
      learning_rate: Adam's.
      batch_size: Images of a step; all are of one size but for the last, which is left
        out where it is less than half of one.
      seed: Decides the order.

    Raises:
      RunError: If the network has no batch norm.
    """
    layers = norm_layers(network)
    variables = [
        weight
        for layer in layers
        for weight in (layer.gamma, layer.beta)
        if weight is not None
    ]
    optimizer = keras.optimizers.Adam(learning_rate)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(batch: tf.Tensor) -> None:
        pixels = tf.cast(batch, tf.float32) / 255.0
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            logits = network.head(network.encoder(pixels, training=False))
            loss = information_loss(logits / temperature)
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(len(images))
        for start in range(0, len(images), batch_size):
            chosen = order[start : start + batch_size]
            if len(chosen) > batch_size / 2 or start == 0:
                step(images[chosen])
