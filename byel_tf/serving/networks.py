"""The Keras network of an export, for what has to change its weights."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from byel_tf.errors import UsageError
from byel_tf.models.encoders import build_encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.serving.action_units import ACTION_UNITS, ActionUnitReader

#: What reading a network raises of an export that has none.
UNREADABLE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    UsageError,
    tf.errors.OpError,
)

_ENCODER_FACTS = ("image_size", "width", "stem", "channels", "normalization")


def variables_file(export: str | os.PathLike) -> pathlib.Path:
    """The file that holds an export's weights."""
    return pathlib.Path(export, "variables", "variables.data-00000-of-00001")


def read_network(
    export: str | os.PathLike, facts: Mapping[str, Any]
) -> tuple[ExpressionNetwork, ActionUnitReader | None]:
    """Builds the classifier that an export was made of, with its weights.

    A SavedModel's variables have numbers for names: the network tells them.

    Args:
      export: A version folder such as `RUN/export/1`.
      facts: What it states of itself.

    Returns:
      The network, and what reads its action units if it has any.

    Raises:
      One of `UNREADABLE`: If the facts or the weights are of no such network.
    """
    encoder = build_encoder(
        facts["encoder"], **{name: facts[name] for name in _ENCODER_FACTS}
    )
    network = ExpressionNetwork(
        encoder, len(facts["classes"]), bool(facts.get("flip_average"))
    )
    variables = pathlib.Path(export, "variables", "variables")
    parts = {}
    if facts.get("weights"):
        kept = tf.saved_model.load(str(export)).classifier.network_weights
        network.set_weights([one.numpy().astype(np.float32) for one in kept])
    else:
        parts["classifier"] = network
    units = len(facts.get(ACTION_UNITS, ()))
    if units:
        kernel = np.zeros((encoder.representation_size, units), np.float32)
        parts[ACTION_UNITS] = ActionUnitReader(kernel, np.zeros(units, np.float32))
    if parts:
        read = tf.train.Checkpoint(**parts).read(str(variables))
        read.assert_existing_objects_matched()
    return network, parts.get(ACTION_UNITS)
