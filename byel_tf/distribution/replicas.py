"""Replicas of one process among those of all, and what only all of them know.

All of it works with any strategy, and is exact: what crosses machines are sums of
which only one addend is not zero, of the numbers' bits.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# Bytes that cross machines at once.
_CHUNK = 2**26


def worker_of(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Which worker this process is, and of how many; (0, 1) of one alone."""
    resolver = strategy.cluster_resolver
    spec = resolver.cluster_spec() if resolver is not None else None
    if not spec:
        return 0, 1
    return resolver.task_id, spec.num_tasks("worker")


def processes_here(strategy: tf.distribute.Strategy) -> int:
    """How many of the workers this machine has, by their addresses."""
    index, workers = worker_of(strategy)
    if workers == 1:
        return 1
    addresses = strategy.cluster_resolver.cluster_spec().job_tasks("worker")
    hosts = [address.rpartition(":")[0] for address in addresses]
    return hosts.count(hosts[index])


def own_rows(strategy: tf.distribute.Strategy, batch_size: int) -> slice:
    """The rows of each global batch that this process' replicas take."""
    index, workers = worker_of(strategy)
    share = batch_size // workers
    return slice(index * share, (index + 1) * share)


def distribute(
    strategy: tf.distribute.Strategy,
    batches: tf.data.Dataset,
    is_endless: bool = False,
) -> tf.distribute.DistributedDataset:
    """Deals this process' rows out to its replicas, the first rows to the first.

    Args:
      strategy: The strategy.
      batches: Batches of this process' rows, all of one known shape, as many as every
        other worker has.
      is_endless: Whether they never end; else workers agree, before each step, that
        all of them have one left.

    Returns:
      Batches of which each replica has its share. Not
      `experimental_distribute_dataset`, which gives every worker the rows of the first.
    """
    replicas = strategy.num_replicas_in_sync // worker_of(strategy)[1]

    @tf.autograph.experimental.do_not_convert
    def deal(batch):
        def split(values):
            return tf.reshape(values, [replicas, -1, *values.shape[1:]])

        return tf.nest.map_structure(split, batch)

    if replicas > 1:
        batches = batches.map(deal, tf.data.AUTOTUNE, deterministic=True).unbatch()
    if is_endless:
        batches = batches.apply(
            tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        )
    return strategy.distribute_datasets_from_function(lambda _: batches)


def values_of_replicas(
    strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
) -> list[np.ndarray]:
    """Every replica's value of variables of which each has its own.

    All workers call it, with the same variables.

    Returns:
      One array a variable, (replicas, …).
    """
    copies = [
        np.stack([c.numpy() for c in strategy.experimental_local_results(variable)])
        for variable in variables
    ]
    index, workers = worker_of(strategy)
    if workers == 1 or not copies:
        return copies
    sizes = [array.nbytes for array in copies]
    own = b"".join(array.tobytes() for array in copies)
    parts = [bytes(len(own))] * workers
    parts[index] = own
    whole = sum_bytes(strategy, b"".join(parts))
    ends = np.cumsum(sizes)
    found = []
    for array, size, end in zip(copies, sizes, ends, strict=True):
        rows = [
            np.frombuffer(
                whole[worker * len(own) + end - size : worker * len(own) + end],
                array.dtype,
            ).reshape(array.shape)
            for worker in range(workers)
        ]
        found.append(np.concatenate(rows))
    return found


def sum_bytes(strategy: tf.distribute.Strategy, data: bytes) -> bytes:
    """Bytes that are zero on all workers but one, on all of them.

    Args:
      strategy: The strategy.
      data: As many of them on every worker.
    """
    if worker_of(strategy)[1] == 1:
        return data
    padded = data + bytes(-len(data) % 4)
    words = np.frombuffer(padded, np.int32)
    step = _CHUNK // 4
    parts = [
        sum_of_workers(strategy, words[first : first + step])
        for first in range(0, len(words), step)
    ]
    return b"".join(part.tobytes() for part in parts)[: len(data)]


def sum_of_workers(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The sum of an array over all workers, each of which calls it with its own.

    Args:
      strategy: The strategy.
      values: int32 or float32, of one shape on all of them.
    """
    if worker_of(strategy)[1] == 1:
        return values
    with tf.device("/cpu:0"):
        own = tf.constant(values)
    return strategy.reduce(tf.distribute.ReduceOp.SUM, own, axis=None).numpy()
