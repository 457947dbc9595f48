"""The networks of `byel_tf.detection.networks` in Keras, for learning."""

from __future__ import annotations

import numpy as np

from byel_tf.compat import keras
from byel_tf.detection.frame import PATCH
from byel_tf.detection.networks import DENSE, LOOKING, PROPOSING

_EPSILON = 1e-3


def proposing_model() -> keras.Model:
    """Takes normalised levels [N, H, W, 1]; gives a logit and a frame for each place.

    The frame is in `PROPOSED_UNIT` from the place's middle: [N, H / 8, W / 8, 5].
    """
    inputs = keras.Input((None, None, 1))
    x = _convolved(inputs, PROPOSING)
    return keras.Model(inputs, keras.layers.Dense(5, name="propose")(x))


def looking_model() -> keras.Model:
    """Takes normalised patches [N, PATCH, PATCH, 1]; gives a logit and points [N, 11].

    Points are in `LOOKED_UNIT` from `USUAL_POINTS`.
    """
    inputs = keras.Input((PATCH, PATCH, 1))
    x = keras.layers.Flatten()(_convolved(inputs, LOOKING))
    x = keras.layers.Dense(DENSE, activation="relu", name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(11, name="look")(x))


def _convolved(x, layers):
    for i, (outputs, stride) in enumerate(layers):
        x = keras.layers.Conv2D(
            outputs, 3, stride, "same", use_bias=False, name=f"convolution_{i}"
        )(x)
        x = keras.layers.BatchNormalization(
            epsilon=_EPSILON, momentum=0.98, name=f"norm_{i}"
        )(x)
        x = keras.layers.ReLU()(x)
    return x


def folded(name: str, model: keras.Model, layers) -> dict[str, np.ndarray]:
    """A model's weights, without batch normalisation, by the names of `shapes`."""
    weights = {}
    for i in range(len(layers)):
        (kernel,) = model.get_layer(f"convolution_{i}").get_weights()
        gamma, beta, mean, variance = model.get_layer(f"norm_{i}").get_weights()
        gain = gamma / np.sqrt(variance + _EPSILON)
        weights[f"{name}/{i}/kernel"] = kernel * gain
        weights[f"{name}/{i}/bias"] = beta - mean * gain
    for dense in ("propose",) if name == "propose" else ("hidden", "look"):
        kernel, bias = model.get_layer(dense).get_weights()
        weights[f"{dense}/kernel"], weights[f"{dense}/bias"] = kernel, bias
    return weights
