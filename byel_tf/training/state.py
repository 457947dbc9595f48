"""All that a stage of a run is, between two of its steps."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.distribution.replicas import values_of_replicas, worker_of
from byel_tf.models.normalization import mean_of_replicas
from byel_tf.models.step import StageModel

_BEST, _CARRIED = "best/", "carried/"


@dataclasses.dataclass(frozen=True)
class BestEpoch:
    """The epoch with the best validation macro F1 so far.

    Attributes:
      step: The steps done at its end.
      macro_f1: Its validation macro F1.
      weights: Its networks' variables, by name.
    """

    step: int
    macro_f1: float
    weights: Mapping[str, np.ndarray]


class TrainingState:
    """Everything that a stage's next steps depend on; saved and restored whole.

    The data are not in it: a step's batch is a function of the step. Variables of which
    every replica has a value of its own, batch norm's statistics and the sums behind
    metrics, are saved value by value.

    Attributes:
      step: Steps done.
      epochs: Epochs ended, with their validation.
      best: The best epoch, where one is selected and has ended.
      collapsed_since: Step since which the projections are collapsed, or None.
      is_stopped: Whether a callback has ended the stage before its last step.
      carried: What later stages and the export need of an earlier stage, by name.
    """

    def __init__(
        self, model: StageModel, carried: Mapping[str, np.ndarray] | None = None
    ):
        """Names the parts.

        Args:
          model: The compiled model.
          carried: As the attribute.
        """
        self.step = 0
        self.epochs = 0
        self.best: BestEpoch | None = None
        self.collapsed_since: int | None = None
        self.is_stopped = False
        self.carried = dict(carried or {})
        self._strategy = model.distribute_strategy
        self._networks = dict(_named("networks", model.networks))
        self._others = {
            **dict(_named("optimizer", {"": model.optimizer})),
            **dict(_named("metrics", {m.name: m for m in model.metrics})),
            "bad_steps_in_a_row": model.bad_steps_in_a_row,
        }

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Networks with target and average, optimizer, and running sums of metrics."""
        return {**self._networks, **self._others}

    def has_unended_epoch(self, steps_per_epoch: int) -> bool:
        """Whether an epoch's last step is done, and what follows it is not."""
        return self.step == (self.epochs + 1) * steps_per_epoch

    def offer(self, macro_f1: float) -> None:
        """Keeps the present weights if their epoch is the best so far."""
        if self.best is None or macro_f1 > self.best.macro_f1:
            self.best = BestEpoch(self.step, macro_f1, self._read(self._networks))

    def use_best(self) -> int:
        """Puts the best epoch's weights into the networks, if an epoch was offered.

        Returns:
          The step that the networks' weights are of.
        """
        if self.best is None:
            return self.step
        self._assign(self._networks, self.best.weights)
        return self.best.step

    def to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The state as arrays by name, and as numbers for JSON; all workers ask."""
        arrays = self._read(self.variables)
        arrays |= {_CARRIED + name: value for name, value in self.carried.items()}
        best = None
        if self.best is not None:
            arrays |= {_BEST + name: v for name, v in self.best.weights.items()}
            best = {"step": self.best.step, "macro_f1": self.best.macro_f1}
        return arrays, {
            "step": self.step,
            "epochs": self.epochs,
            "best": best,
            "collapsed_since": self.collapsed_since,
            "is_stopped": self.is_stopped,
        }

    def restore(
        self, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]
    ) -> None:
        """Takes a state that `to_arrays` gave.

        Of another number of replicas, each gets the mean of their statistics.

        Raises:
          ValueError: If it is that of another model.
        """
        self._assign(self.variables, arrays)
        self.carried = without_prefix(arrays, _CARRIED)
        self.step, self.epochs = numbers["step"], numbers["epochs"]
        self.collapsed_since = numbers["collapsed_since"]
        self.is_stopped = numbers.get("is_stopped", False)
        best = numbers["best"]
        self.best = best and BestEpoch(
            best["step"], best["macro_f1"], without_prefix(arrays, _BEST)
        )

    def _read(self, variables: Mapping[str, tf.Variable]) -> dict[str, np.ndarray]:
        own = [v for v in variables.values() if is_each_replicas_own(v)]
        rows = iter(values_of_replicas(self._strategy, own))
        return {
            name: next(rows) if is_each_replicas_own(variable) else variable.numpy()
            for name, variable in variables.items()
        }

    def _assign(
        self, variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]
    ) -> None:
        values = {name: arrays.get(name) for name in variables}
        for name, variable in variables.items():
            value, shape = values[name], tuple(variable.shape)
            if value is not None and is_each_replicas_own(variable):
                value = value[0] if value.ndim else value
            if value is None or value.shape != shape:
                found = "nothing" if value is None else f"the shape {value.shape}"
                raise ValueError(f"{name} has {found}, the model has {shape}")
        for name, variable in variables.items():
            if is_each_replicas_own(variable):
                self._assign_copies(variable, values[name])
            else:
                variable.assign(values[name])

    def _assign_copies(self, variable: tf.Variable, rows: np.ndarray) -> None:
        copies = self._strategy.experimental_local_results(variable)
        replicas = self._strategy.num_replicas_in_sync
        if len(rows) != replicas:
            if variable.aggregation == tf.VariableAggregation.SUM:
                whole = rows.sum(axis=0, dtype=rows.dtype)
                rows = [whole] + [np.zeros_like(whole)] * (replicas - 1)
            else:
                rows = [mean_of_replicas(rows)] * replicas
        first = worker_of(self._strategy)[0] * len(copies)
        for copy, row in zip(copies, rows[first : first + len(copies)], strict=True):
            copy.assign(row)


def without_prefix(
    arrays: Mapping[str, np.ndarray], prefix: str
) -> dict[str, np.ndarray]:
    """The arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }


def named_variables(root: tf.Module) -> Iterator[tuple[str, tf.Variable]]:
    """All variables below a part, each once, by the attributes that lead to it.

    The names are those of TensorFlow's checkpoints and exports, such as
    `encoder/backbone/stem/kernel`: they don't depend on what else was built.
    """
    view = tf.train.TrackableView(root)
    queue, seen = [("", root)], set()
    for path, node in queue:
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, tf.Variable):
            yield path, node
        else:
            queue += [
                (f"{path}/{name}".lstrip("/"), child)
                for name, child in view.children(node).items()
            ]


def _named(prefix: str, parts: Mapping[str, Any]) -> Iterator[tuple[str, tf.Variable]]:
    for part_name, part in parts.items():
        found = list(named_variables(part))
        known = {id(variable) for _, variable in found}
        if isinstance(part, keras.optimizers.legacy.Optimizer):
            # Their slots are no attributes.
            found += [
                (f"slot_{index}", variable)
                for index, variable in enumerate(part.variables())
                if id(variable) not in known
            ]
        for path, variable in found:
            yield "/".join(filter(None, (prefix, part_name, path))), variable


def is_each_replicas_own(variable: tf.Variable) -> bool:
    """Whether every replica has a value of its own, of which the state has all."""
    return variable.synchronization == tf.VariableSynchronization.ON_READ
