"""Who TF_CONFIG and SLURM's variables say there is."""

import json

import pytest

from byel_tf.distribution.members import Members, read_members
from byel_tf.errors import UsageError

WORKERS = ["alpha:1", "beta:2", "gamma:3"]


def tf_config(cluster, kind="worker", index=0):
    content = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(content)}


@pytest.mark.parametrize("index", [0, 1, 2, "2"])
def test_tf_config_names_the_workers(index):
    found = read_members(tf_config({"worker": WORKERS}, index=index))
    assert found == Members(tuple(WORKERS), int(index))


@pytest.mark.parametrize(
    ("kind", "index", "place"), [("chief", 0, 0), ("worker", 1, 2)]
)
def test_a_chief_of_its_own_comes_first(kind, index, place):
    cluster = {"worker": WORKERS[1:], "chief": WORKERS[:1]}
    assert read_members(tf_config(cluster, kind, index)) == Members(
        tuple(WORKERS), place
    )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        tf_config({}),
        tf_config({"worker": WORKERS[:1]}),
        {"SLURM_JOB_NODELIST": "n[1-4]", "SLURM_PROCID": "0"},  # no step: no srun
        {
            "SLURM_STEP_NODELIST": "n1",
            "SLURM_PROCID": "0",
            "SLURM_STEP_TASKS_PER_NODE": "1",
        },
    ],
)
def test_one_alone_is_no_cluster(environment):
    assert read_members(environment) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG is no JSON"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG has to be as"),
        ({"TF_CONFIG": '{"cluster": {"worker": "a:1"}}'}, "has to be as"),
        (tf_config({"worker": WORKERS}, index=3), "worker 3, but there are 3 workers"),
        (tf_config({"worker": WORKERS}, index=-1), "does not say which worker"),
        (tf_config({"worker": WORKERS}, "chief"), "does not say which worker"),
        ({"TF_CONFIG": json.dumps({"cluster": {"worker": WORKERS}})}, "which worker"),
        (tf_config({"worker": WORKERS, "ps": ["d:4"]}), "TF_CONFIG names ps"),
        (tf_config({"worker": ["a:1", "a:1"]}), "two workers have one address"),
        (tf_config({"worker": ["a", "b:1"]}), "'a' is no address as host:port"),
        ({"SLURM_STEP_NODELIST": "n[1-2]"}, "SLURM_PROCID is missing"),
        (
            {
                "SLURM_STEP_NODELIST": "n[1-2",
                "SLURM_PROCID": "0",
                "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            },
            "is no list of nodes",
        ),
        (
            {
                "SLURM_STEP_NODELIST": "n[1-3]",
                "SLURM_PROCID": "0",
                "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            },
            "SLURM's variables do not tell the workers",
        ),
    ],
)
def test_what_names_nobody_rightly_is_one_line(environment, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_members(environment)
    assert "\n" not in str(caught.value)


def slurm(nodes, tasks, rank, **more):
    return {
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        "SLURM_PROCID": str(rank),
        **more,
    }


def test_slurm_counts_its_tasks_in_the_order_of_its_list():
    found = read_members(slurm("n[2,9-11],gpu-07-x,m[08-09].lan", "2,1(x5),3", 3))
    hosts = [address.rpartition(":")[0] for address in found.workers]
    assert hosts == [
        *("n2", "n2", "n9", "n10", "n11", "gpu-07-x", "m08.lan"),
        *("m09.lan", "m09.lan", "m09.lan"),
    ]
    assert found.index == 3
    assert len(set(found.workers)) == 10


def test_every_task_of_a_step_finds_the_same_addresses_and_steps_others():
    first = [read_members(slurm("n[1-2]", "2(x2)", rank)) for rank in range(4)]
    assert len({members.workers for members in first}) == 1
    assert [members.index for members in first] == [0, 1, 2, 3]
    other = read_members(slurm("n[1-2]", "2(x2)", 0, SLURM_STEP_ID="1"))
    assert not set(other.workers) & set(first[0].workers)


def test_tf_config_goes_before_slurm():
    environment = {**slurm("n[1-2]", "1(x2)", 0), **tf_config({"worker": WORKERS})}
    assert read_members(environment).workers == tuple(WORKERS)
