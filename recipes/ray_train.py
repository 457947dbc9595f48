"""Trains on a Ray cluster, or with several workers of this machine.

    python recipes/ray_train.py --workers=2 -- --flagfile=flags/own.cfg \
        --train_data=data/mine --model_dir=runs/mine

What comes after `--` are flags of `byel train`. Each worker is a process of Ray Train
that trains in itself; that one was lost, or told to end, starts all of them again. All
machines need this package, Ray (`pip install "ray[train]"`) and, under the same paths,
folder and data. On a cluster submit it with `ray job submit`, from a shared folder.
"""

import argparse
import dataclasses
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import ray
import ray.train
from ray.train.backend import Backend, BackendConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from byel_tf.cli import train
from byel_tf.program import run_program

# Of `byel train`: finished, failed, wrong usage. Again would be the same.
_FINAL_CODES = (0, 1, 2)


class _Cluster(Backend):
    """Tells each worker where all are, before it trains."""

    def on_start(self, worker_group: Any, backend_config: BackendConfig) -> None:
        """Sets TF_CONFIG; Ray calls it at the first start and after each restart."""
        addresses = worker_group.execute(_free_address)
        for index in range(len(addresses)):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": {"worker": addresses}, "task": task})
            worker_group.execute_single(index, _set_tf_config, config)


@dataclasses.dataclass
class ClusterConfig(BackendConfig):
    """Ray's own for TensorFlow, but for one thing: it does not import TensorFlow.

    `byel train` decides what TensorFlow is told before its import.
    """

    @property
    def backend_cls(self) -> type[Backend]:
        """What is done with it."""
        return _Cluster


def _free_address() -> str:
    """This machine's, with a port on which nothing listens."""
    with socket.socket() as found:
        found.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{found.getsockname()[1]}"


def _set_tf_config(config: str) -> None:
    os.environ["TF_CONFIG"] = config


def train_worker(settings: dict[str, Any]) -> int:
    """What each worker does.

    Args:
      settings: `flags` of `byel train`; `folder`, in which their paths begin.

    Returns:
      The exit code of `byel train`.

    Raises:
      RuntimeError: If the training was told to end, or a worker was lost: Ray then
        starts all again, and the same command continues.
    """
    os.chdir(settings["folder"])
    code = run_program(
        train.main, ["byel train", *settings["flags"]], train.INTERRUPTED
    )
    if code not in _FINAL_CODES:
        raise RuntimeError(f"the training ended with {code}: the same continues it")
    return code


def fit(
    worker: Callable[[dict[str, Any]], int],
    flags: list[str],
    options: argparse.Namespace,
) -> int:
    """Runs a function as all workers; returns what it returns on the first.

    Raises:
      ray.train.TrainingFailedError: If it fails more often than it may.
    """
    resources = {"CPU": options.cpus_per_worker}
    if options.gpus_per_worker:
        resources["GPU"] = options.gpus_per_worker
    trainer = DataParallelTrainer(
        worker,
        train_loop_config={"flags": flags, "folder": os.getcwd()},
        backend_config=ClusterConfig(),
        scaling_config=ray.train.ScalingConfig(
            num_workers=options.workers,
            use_gpu=options.gpus_per_worker > 0,
            resources_per_worker=resources,
        ),
        run_config=ray.train.RunConfig(
            failure_config=ray.train.FailureConfig(max_failures=options.restarts)
        ),
    )
    return trainer.fit().return_value


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and the flags behind `--`."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        usage="%(prog)s --workers=N [options] -- --flagfile=FILE --name=value ..."
    )
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--cpus_per_worker", type=float, default=1)
    parser.add_argument("--gpus_per_worker", type=float, default=0)
    parser.add_argument("--restarts", type=int, default=20)
    options = parser.parse_args(arguments[:split])
    if not arguments[split + 1 :]:
        parser.error("the flags of byel train come after --")
    return options, arguments[split + 1 :]


def main() -> None:
    """Trains, and exits with the code of `byel train`."""
    options, flags = parse(sys.argv[1:])
    ray.init()
    try:
        code = fit(train_worker, flags, options)
    except ray.train.TrainingFailedError as error:
        print(f"given up after {options.restarts} restarts: {error}", file=sys.stderr)
        code = train.INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
