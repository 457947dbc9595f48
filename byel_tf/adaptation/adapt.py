"""Adapts a classifier to unlabelled images, as far as the guard lets it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.methods import BY_NAME
from byel_tf.adaptation.running import Running
from byel_tf.adaptation.settings import MethodSettings, Source
from byel_tf.adaptation.shares import estimate_shares

#: How far from the source towards the adapted model it is tried to go, 0 being left.
STRENGTHS = (1.0, 0.5, 0.25)


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """What was done to a network.

    Attributes:
      method: Name of the method.
      images: How many it was shown.
      strength: How far it went from the source to what the method gives, in [0, 1]; 0:
        the network is the source.
      reason: Why not all the way; None where it did.
      shares: Estimated class shares, (K,).
      confidence: The source's mean greatest probability.
      changed: Share of the images that got another label.
    """

    method: str
    images: int
    strength: float
    reason: str | None
    shares: tuple[float, ...]
    confidence: float
    changed: float

    def to_json(self, classes: Sequence[str]) -> dict[str, Any]:
        """As `byel.json` and `results.json` hold it."""
        shares = {
            name: round(s, 4) for name, s in zip(classes, self.shares, strict=True)
        }
        return {**dataclasses.asdict(self), "shares": shares}


def adapt(
    running: Running,
    images: np.ndarray,
    source: Source,
    method: str,
    settings: MethodSettings,
    guard: Guard | None,
    logits: np.ndarray | None = None,
) -> Adaptation:
    """Changes a network's weights for images.

    What the guard refuses is tried again half as far from the source, and once more;
    weights in between are weights of the network as well, so that the result is an
    ordinary one.

    Args:
      running: The classifier with the source's weights; they are changed.
      images: (N, S, S, 3), uint8; not fewer than the guard's least number.
      source: What is known of it besides.
      method: One of `settings.METHODS`.
      settings: Those of the methods.
      guard: What keeps from harm; None for nothing.
      logits: The source's of the images, (N, K), where they are known.

    Raises:
      RunError: If the method does not fit the network.
    """
    if logits is None:
        _, logits = running.outputs(images)
    before = special.softmax(logits.astype(np.float64) / source.temperature, axis=1)
    shares = estimate_shares(before, np.array(source.shares))
    result = Adaptation(
        method,
        len(images),
        0.0,
        guard and guard.against_images(method, before, shares),
        tuple(shares.tolist()),
        float(before.max(axis=1).mean()),
        0.0,
    )
    if result.reason:
        return result
    original = running.network.get_weights()
    BY_NAME[method](running, images, source, settings)
    adapted = running.network.get_weights()
    reason = None
    for strength in STRENGTHS:
        running.network.set_weights(_between(original, adapted, strength))
        after = running.probabilities(images, source.temperature)
        refusal = guard and guard.against_change(before, after)
        if refusal is None:
            changed = np.mean(before.argmax(axis=1) != after.argmax(axis=1))
            return dataclasses.replace(
                result, strength=strength, reason=reason, changed=float(changed)
            )
        reason = reason or refusal
    running.network.set_weights(original)
    return dataclasses.replace(result, reason=reason)


def _between(
    original: Sequence[np.ndarray], adapted: Sequence[np.ndarray], strength: float
) -> list[np.ndarray]:
    if strength == 1.0:
        return list(adapted)
    return [
        (1.0 - strength) * first + strength * second
        for first, second in zip(original, adapted, strict=True)
    ]
