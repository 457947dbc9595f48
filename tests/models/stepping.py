"""Models stepped on one or two replicas, from one state as often as a test likes."""

import numpy as np
import tensorflow as tf

#: Of the batches that `make_batch` gives.
CLASSES, UNITS, SIZE = 3, 4, 16


def make_batch(seed, size=4, total=None):
    """A batch, or a replica's share of one of `total` examples."""
    rng = np.random.default_rng(seed)
    return {
        "image": tf.constant(rng.integers(256, size=(size, SIZE, SIZE, 3)), tf.uint8),
        "views": tf.constant(rng.uniform(size=(size, 2, SIZE, SIZE, 3)), tf.float32),
        "label": tf.constant(rng.integers(CLASSES, size=size), tf.int32),
        "weight": tf.fill([size], 1.0 / (total or size)),
        "key": tf.constant(rng.integers(2**32, size=(size, 2)), tf.uint32),
        "action_units": tf.constant(rng.uniform(0, 2, size=(size, UNITS)), tf.float32),
    }


def joined(*shares):
    """Replicas' shares as one batch."""
    return {name: tf.concat([s[name] for s in shares], axis=0) for name in shares[0]}


def scatter(variables):
    """Takes variables away from their starting values, at which much cancels."""
    rng = np.random.default_rng(8)
    for variable in variables:
        noise = rng.uniform(0.1, 0.3, size=variable.shape)
        variable.assign_add(noise * rng.choice([-1, 1], size=variable.shape))


class Stepper:
    """Steps a model; its whole state can be read, compared and set back."""

    def __init__(self, model):
        self.model = model
        self.strategy = model.distribute_strategy

        @tf.function
        def step(batch):
            self.strategy.run(model.train_step, args=(batch,))

        self._step = step
        self._first = self.state()

    def __call__(self, *shares):
        """One step, with a batch for each replica; the metrics since the last reset."""
        self._step(self._distributed(shares))
        return self.logs()

    def logs(self):
        results = self.model.get_metrics_result()
        return {name: float(value) for name, value in results.items()}

    def graph(self, *shares):
        """The graph of the step."""
        return self._step.get_concrete_function(self._distributed(shares)).graph

    def state(self):
        """Each replica's value of each variable, of the optimizer's too."""
        return [
            [copy.numpy() for copy in self.copies(variable)]
            for variable in self._variables()
        ]

    def weights(self):
        """As `state`, without the counts and sums behind the metrics."""
        counts = {id(self.model.bad_steps_in_a_row)}
        counts |= {id(v) for metric in self.model.metrics for v in metric.variables}
        return [
            values
            for variable, values in zip(self._variables(), self.state(), strict=True)
            if id(variable) not in counts
        ]

    def reset(self):
        """Back to the state in which it was made."""
        for variable, values in zip(self._variables(), self._first, strict=True):
            for copy, value in zip(self.copies(variable), values, strict=True):
                copy.assign(value)

    def copies(self, variable):
        return self.strategy.experimental_local_results(variable)

    def _variables(self):
        own = self.model.optimizer.variables  # which tensorflow-addons' call
        return [*self.model.variables, *(own() if callable(own) else own)]

    def _distributed(self, shares):
        assert len(shares) == self.strategy.num_replicas_in_sync
        if len(shares) == 1:
            return shares[0]
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: shares[context.replica_id_in_sync_group]
        )


def assert_same(ours, theirs):
    """Two states are the same to the bit."""
    for first, second in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(first, second)


def assert_close(ours, theirs, **tolerances):
    """As `assert_same`, within tolerances; one replica stands for any number."""
    for first, second in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(*np.broadcast_arrays(first, second), **tolerances)
