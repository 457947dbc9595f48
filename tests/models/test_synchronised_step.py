"""A step of two replicas with synchronised batch norm is that of one with all rows."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.models.normalization import sync_batch_norm
from tests.models.stepping import Stepper, joined, make_batch


def shares(seed):
    first, second = (make_batch(10 * seed + i, total=8) for i in range(2))
    # Unlike statistics: each replica alone would normalise otherwise.
    return {**first, "views": first["views"] * 0.3}, second


@pytest.fixture(scope="module")
def synchronised(make_byel, two_replicas):
    with two_replicas.scope():
        return Stepper(make_byel(make_norm=sync_batch_norm, is_standardized=True))


def test_it_learns_what_one_replica_does(synchronised, make_byel):
    # Deviations over a few rows are small, and what is over them rounds more.
    one = Stepper(make_byel(is_standardized=True))
    synchronised.reset()
    for seed in range(3):
        halves = shares(seed)
        logs, expected = synchronised(*halves), one(joined(*halves))
        for name, value in expected.items():
            assert logs[name] == pytest.approx(value, rel=5e-5, abs=1e-6), name
    for ours, theirs in zip(synchronised.weights(), one.weights(), strict=True):
        for copy in ours:  # each replica's, of batch norm's statistics too
            np.testing.assert_allclose(copy, theirs[0], rtol=2e-4, atol=1e-5)


def test_what_travels_is_one_gradient_and_two_sums_of_each_norm(synchronised):
    graph = synchronised.graph(*shares(0)).as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    found = [node for node in nodes if "CollectiveReduce" in node.op]
    # Encoder, projector, predictor and classifier of two views, online, there and back;
    # encoder, projector and directions of two views, target, there only.
    norms = 2 * (2 * 4 + 3)
    assert len(found) == 2 * (1 + norms)  # of two replicas
    others = ("Send", "Recv", "AllGather", "AllToAll", "Broadcast")
    assert not [n.op for n in nodes if "Collective" in n.op and n not in found]
    assert not [n.op for n in nodes if n.op.startswith(tuple(f"_{o}" for o in others))]


def test_wishes_travel_with_the_gradient(synchronised, two_replicas):
    synchronised.reset()
    halves = shares(1)
    wishes = tf.constant([1.0, 0.0, 0.5])

    @tf.function
    def step(batch):
        return two_replicas.run(synchronised.model.train_step, args=(batch, wishes))[
            "wishes"
        ]

    batch = two_replicas.experimental_distribute_values_from_function(
        lambda context: halves[context.replica_id_in_sync_group]
    )
    for heard in two_replicas.experimental_local_results(step(batch)):
        np.testing.assert_array_equal(heard, [2.0, 0.0, 1.0])
    graph = step.get_concrete_function(batch).graph
    found = [o for o in graph.get_operations() if o.type == "CollectiveReduceV2"]
    assert len(found) == 46  # as many as without
