"""How adaptation is measured: always beside no adaptation, in every way images come.

Offline, half of a data set adapts and the other half is scored, and the reverse.
Online, images come in batches and in an order, and every batch is scored with a model
that was adapted to nothing but it and what came before.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from byel_tf.adaptation.adapt import adapt
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.orders import ORDERS, order_images
from byel_tf.adaptation.running import Running
from byel_tf.adaptation.settings import MethodSettings, Source

BATCHES = (1, 16, 64, 200)

#: Online, the model is made anew when so many images have come since it was last, of so
#: many of the latest.
REFRESH, WINDOW = 200, 1000


@dataclasses.dataclass(frozen=True)
class Case:
    """One way in which images come, and its scores.

    Attributes:
      mode: "offline" or "online".
      order: One of `ORDERS`; offline the halves, "A to B" and "B to A".
      batch: Images at a time; offline those that it was adapted to.
      macro_f1: With adaptation.
      unadapted: Without.
      strength: Mean of the adaptations' strengths; 0 where there was none.
      reason: Why the last that was held back was; None if none was.
    """

    mode: str
    order: str
    batch: int
    macro_f1: float
    unadapted: float
    strength: float
    reason: str | None

    @property
    def difference(self) -> float:
        """Of the macro F1, to no adaptation."""
        return self.macro_f1 - self.unadapted

    def to_json(self) -> dict[str, Any]:
        """The entry in `results.json`."""
        return {**dataclasses.asdict(self), "difference": self.difference}


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A model on a data set, and how it is adapted.

    Attributes:
      running: The network, with the source's weights before and after each case.
      source: What the methods know of it besides.
      images: (N, S, S, 3), uint8.
      labels: Class indices, (N,), int; they score, and make the orders.
      settings: Those of the methods.
      guard: What keeps from harm; None for nothing.
      logits: The source's, (N, K).
    """

    running: Running
    source: Source
    images: np.ndarray
    labels: np.ndarray
    settings: MethodSettings
    guard: Guard | None
    logits: np.ndarray

    def cases(
        self, method: str, done: Callable[[int], object] = lambda count: None
    ) -> list[Case]:
        """All cases of a method.

        Args:
          method: Its name.
          done: Called with numbers of cases that are done.
        """
        halves = np.array_split(self._generator().permutation(len(self.labels)), 2)
        cases = []
        for name, (first, second) in (
            ("A to B", halves),
            ("B to A", halves[::-1]),
        ):
            cases.append(self._offline(method, name, first, second))
            done(1)
        for order in ORDERS:
            positions = order_images(self.labels, order, self._generator())
            for batch in BATCHES:
                cases.append(self._online(method, order, positions, batch))
                done(1)
        return cases

    def _offline(
        self, method: str, name: str, shown: np.ndarray, scored: np.ndarray
    ) -> Case:
        with _Restored(self.running):
            strength, reason = self._adapt(method, shown)
            predicted = self._predict(scored, strength)
        return self._case(
            "offline", name, len(shown), scored, predicted, [strength], reason
        )

    def _online(
        self, method: str, order: str, positions: np.ndarray, batch: int
    ) -> Case:
        """Scores every batch with the model as it is when the batch has come."""
        predicted, strengths, reason = [], [0.0], None
        begin = 0  # of what the present model predicts
        with _Restored(self.running) as restored:
            for start, end in self._refreshes(len(positions), batch):
                predicted.append(self._predict(positions[begin:start], strengths[-1]))
                restored.restore()
                latest = positions[max(0, end - WINDOW) : end]
                labels = self.logits[latest].argmax(axis=1)
                held_back = self.guard and self.guard.against_order(labels)
                strength = 0.0
                if not held_back:
                    strength, held_back = self._adapt(method, latest)
                strengths.append(strength)
                reason = held_back or reason
                begin = start
            predicted.append(self._predict(positions[begin:], strengths[-1]))
        if len(strengths) == 1:
            reason = f"fewer than {REFRESH} images came"
        return self._case(
            "online",
            order,
            batch,
            positions,
            np.concatenate(predicted),
            strengths[1:],
            reason,
        )

    def _refreshes(self, count: int, batch: int) -> list[tuple[int, int]]:
        """Begin and end of the batches with which the model is made anew."""
        refreshes, last = [], 0
        for start in range(0, count, batch):
            end = min(start + batch, count)
            if end - last >= REFRESH:
                refreshes.append((start, end))
                last = end
        return refreshes

    def _adapt(self, method: str, shown: np.ndarray) -> tuple[float, str | None]:
        """Adapts the network; returns strength, and the reason if held back."""
        classes = len(self.source.shares)
        if self.guard and len(shown) < self.guard.least_images(classes):
            return 0.0, f"{len(shown)} images are too few"
        done = adapt(
            self.running,
            self.images[shown],
            self.source,
            method,
            self.settings,
            self.guard,
            self.logits[shown],
        )
        return done.strength, done.reason

    def _predict(self, positions: np.ndarray, strength: float) -> np.ndarray:
        if strength == 0.0 or not len(positions):
            return self.logits[positions].argmax(axis=1)
        _, logits = self.running.outputs(self.images[positions])
        return logits.argmax(axis=1)

    def _case(
        self,
        mode: str,
        order: str,
        batch: int,
        scored: np.ndarray,
        predicted: np.ndarray,
        strengths: Sequence[float],
        reason: str | None,
    ) -> Case:
        labels = self.labels[scored]
        return Case(
            mode,
            order,
            batch,
            macro_f1(labels, predicted),
            macro_f1(labels, self.logits[scored].argmax(axis=1)),
            float(np.mean(strengths)) if strengths else 0.0,
            reason,
        )

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng(self.settings.seed)


def macro_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    """scikit-learn's, of class indices, (N,) each."""
    return float(f1_score(labels, predicted, average="macro", zero_division=0))


class _Restored:
    """Gives a network its weights back."""

    def __init__(self, running: Running):
        self._network = running.network

    def __enter__(self) -> "_Restored":
        self._weights = self._network.get_weights()
        return self

    def __exit__(self, *error: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Now."""
        self._network.set_weights(self._weights)
