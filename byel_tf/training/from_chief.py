"""What the chief alone reads from disk, on all workers."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator

from byel_tf.distribution.cluster import Cluster
from byel_tf.training.checkpoints import Checkpoint
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.starting_weights import Source, read_source


def newest_checkpoint(
    cluster: Cluster, directory: RunDirectory, stage: str
) -> Checkpoint | None:
    """The newest checkpoint of a stage; None if there is none.

    Args:
      cluster: The workers, all of which call it.
      directory: The run's folder, which the chief reads.
      stage: "pretrain" or "finetune".

    Raises:
      RunError: On the chief, if there are checkpoints and none can be used.
    """
    found = directory.checkpoints(stage).newest() if cluster.is_chief else None
    if cluster.is_alone:
        return found
    about = found and {
        "path": str(found.path),
        "numbers": found.numbers,
        "sha256": found.sha256,
    }
    about = json.loads(cluster.from_chief(json.dumps(about)))
    if about is None:
        return None
    arrays = cluster.arrays_from_chief(found and found.arrays)
    path = pathlib.Path(about["path"])
    return Checkpoint(path, about["numbers"], arrays, about["sha256"])


def source_of_weights(cluster: Cluster, path: str) -> Source:
    """What `--init_from` names, as of `read_source`; all workers call it."""
    found = read_source(path) if cluster.is_chief else None
    if cluster.is_alone:
        return found
    about = found and {"what": found.what, "sha256": found.sha256}
    about = json.loads(cluster.from_chief(json.dumps(about)))
    weights = cluster.arrays_from_chief(found and found.weights)
    return Source(path, about["what"], about["sha256"], weights)


@contextlib.contextmanager
def said_once(cluster: Cluster) -> Iterator[None]:
    """Within it, only the chief's standard output is to be read."""
    if cluster.is_chief:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
