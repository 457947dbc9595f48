"""Who trains together: the workers that `TF_CONFIG` or SLURM's variables name."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping

from byel_tf.errors import UsageError
from byel_tf.json_files import has_shape

_VARIABLE = "TF_CONFIG"
_CONFIG = {
    "cluster": {str: [str]},
    "task": {"type": str, "index": (int, str)},
}
#: Workers of a SLURM step that has no port: two steps on one machine need two.
_FIRST_PORT, _PORTS = 12_000, 16_000

_IN_BRACKETS = re.compile(r"([^,\[\]]*)(?:\[([^\]]+)\])?([^,\[\]]*)(?:,|$)")
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


@dataclasses.dataclass(frozen=True)
class Members:
    """The workers of a run, of which this process is one.

    Attributes:
      workers: Their addresses, host:port, the chief's first.
      index: Which of them this process is.
    """

    workers: tuple[str, ...]
    index: int


def read_members(environment: Mapping[str, str]) -> Members | None:
    """The workers that the environment names; None where it names no two.

    `TF_CONFIG` goes before SLURM's variables, of which those of a step count: a script
    that was not started by `srun` is alone.

    Args:
      environment: Variables by name, such as `os.environ`.

    Raises:
      UsageError: If they are not what they should be.
    """
    if environment.get(_VARIABLE, "").strip():
        members = _from_tf_config(environment[_VARIABLE])
    elif "SLURM_STEP_NODELIST" in environment:
        members = _from_slurm(environment)
    else:
        return None
    if not 0 <= members.index < len(members.workers):
        raise UsageError(
            f"this process is worker {members.index}, but there are "
            f"{len(members.workers)} workers: {', '.join(members.workers)}"
        )
    if len(set(members.workers)) < len(members.workers):
        raise UsageError(
            f"two workers have one address, in {', '.join(members.workers)}"
        )
    return members if len(members.workers) > 1 else None


def _from_tf_config(text: str) -> Members:
    example = (
        '{"cluster": {"worker": ["host-0:12345", "host-1:12345"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"TF_CONFIG is no JSON ({error}): it has to be as {example}"
        ) from error
    if not has_shape(content, _CONFIG):
        raise UsageError(f"TF_CONFIG has to be as {example}, it is {text.strip()}")
    cluster, task = content.get("cluster", {}), content.get("task", {})
    unknown = set(cluster) - {"chief", "worker"}
    if unknown:
        raise UsageError(
            f"TF_CONFIG names {', '.join(sorted(unknown))}: this training has workers "
            "only, of which the first, or the one called chief, writes"
        )
    # The chief of older launchers is the first worker.
    chief, workers = cluster.get("chief", []), cluster.get("worker", [])
    if not chief + workers:
        return Members(("",), 0)  # as TensorFlow reads an empty cluster: alone
    for address in chief + workers:
        if not re.fullmatch(r".+:\d+", address):
            raise UsageError(f"TF_CONFIG: {address!r} is no address as host:port")
    kind, index = task.get("type"), str(task.get("index", ""))
    if kind not in cluster or not index.isdecimal():
        raise UsageError(
            f"TF_CONFIG does not say which worker this is: its task has to be as in "
            f"{example}"
        )
    before = len(chief) if kind == "worker" else 0
    return Members((*chief, *workers), before + int(index))


def _from_slurm(environment: Mapping[str, str]) -> Members:
    """The members of a SLURM step, a task each.

    TensorFlow's own resolver sorts hosts by their names, by which n10 comes before n2
    though SLURM counts its tasks the other way, and fails without GPUs.
    """
    try:
        rank = int(environment["SLURM_PROCID"])
        hosts = list(_expand(environment["SLURM_STEP_NODELIST"]))
        counts = list(_counts(environment["SLURM_STEP_TASKS_PER_NODE"]))
        job = int(environment.get("SLURM_JOB_ID", "0"))
        step = int(environment.get("SLURM_STEP_ID", "0"))
        pairs = list(zip(hosts, counts, strict=True))
    except (KeyError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if type(error) is KeyError else error
        raise UsageError(
            f"SLURM's variables do not tell the workers ({reason}): start the training "
            "with srun, or set TF_CONFIG"
        ) from error
    first = _FIRST_PORT + (16 * job + 64 * step) % _PORTS
    workers = [f"{host}:{first + i}" for host, count in pairs for i in range(count)]
    return Members(tuple(workers), rank)


def _expand(nodes: str) -> Iterator[str]:
    """`n[1-2,07],m5` → n1, n2, n07, m5."""
    position = 0
    while position < len(nodes):
        match = _IN_BRACKETS.match(nodes, position)
        if match is None or match.end() == position:
            raise ValueError(f"{nodes} is no list of nodes")
        position = match.end()
        before, ranges, after = match.groups()
        if ranges is None:
            yield before
            continue
        for part in ranges.split(","):
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield f"{before}{number:0{len(first)}}{after}"


def _counts(tasks: str) -> Iterator[int]:
    """`2(x3),1` → 2, 2, 2, 1."""
    for part in tasks.split(","):
        match = _TASKS.fullmatch(part)
        if match is None:
            raise ValueError(f"{tasks} is no list of tasks a node")
        count, times = match.groups()
        yield from [int(count)] * int(times or 1)
