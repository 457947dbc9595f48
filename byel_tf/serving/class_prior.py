"""Class shares that predictions are made for, as a user states them."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from byel_tf.errors import RunError, UsageError
from byel_tf.serving.export import PRIOR_SIGNATURE
from byel_tf.serving.load import ExportedModel


def parse_prior(text: str, classes: tuple[str, ...]) -> np.ndarray:
    """Reads `--prior`.

    Args:
      text: A share above 0 of every class, as "anger=0.1,fear=0.9"; what their sum is
        does not matter.
      classes: Names of the K classes.

    Returns:
      (K,), float64, of the sum 1.

    Raises:
      UsageError: If a class is missing, unknown or named twice, or a share is no
        number above 0.
    """
    shares = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        if name not in classes or name in shares or not 0 < share < math.inf:
            raise UsageError(
                f"--prior={text}: '{part}' is no share of a class: expected one number "
                f"above 0 for each of {', '.join(classes)}, as {classes[0]}=0.2,…"
            )
        shares[name] = share
    missing = [name for name in classes if name not in shares]
    if missing:
        raise UsageError(f"--prior={text} has no share of {', '.join(missing)}")
    values = np.array([shares[name] for name in classes])
    return values / values.sum()


def with_prior(model: ExportedModel, prior: np.ndarray) -> ExportedModel:
    """The model as it predicts for class shares.

    Args:
      model: A loaded export.
      prior: Class shares, (K,), above 0 and of the sum 1.

    Raises:
      RunError: If it takes none.
    """
    signature = model.module and model.module.signatures.get(PRIOR_SIGNATURE)
    if not signature:
        raise RunError(
            "--prior: the model takes no class shares, it was exported by an earlier "
            "release: export it again"
        )
    shares = tf.constant(prior, tf.float32)

    def predict(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return signature(image_bytes=image_bytes, prior=shares)

    return dataclasses.replace(model, signature=predict)
