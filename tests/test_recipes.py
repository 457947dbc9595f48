"""What recipes/ says fits the code, and its shell lines do what they say."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

from byel_tf.cli.launch import LaunchOptions
from byel_tf.config import TRAINING_OPTIONS
from byel_tf.flagging import parse

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
RECIPES = CHECKOUT / "recipes"

# Flags of other programs.
OTHERS = {
    "Dockerfile": {
        *("build-arg", "init", "rm", "user", "help"),
        *("no-deps", "uid", "create-home", "directory", "owner", "group"),
    },
    "slurm.sbatch": {
        *("nodes", "job-name", "ntasks-per-node", "cpus-per-task", "gpus-per-node"),
        *("time", "signal", "requeue", "open-mode", "output"),
        *("kill-on-bad-exit", "wait"),
    },
    "kubernetes.yaml": {"prefix"},
    "ray_train.py": {
        "workers",
        "cpus_per_worker",
        "gpus_per_worker",
        "restarts",
        "name",
    },
}

needs_shell = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def read(name):
    return (RECIPES / name).read_text()


@pytest.mark.parametrize(
    "name", sorted(f.name for f in RECIPES.iterdir() if f.is_file())
)
def test_every_flag_exists(name):
    own = {
        field.name
        for options in (*TRAINING_OPTIONS, LaunchOptions)
        for field in dataclasses.fields(options)
    }
    others = OTHERS.get(name, set())
    if name == "README.md":
        others = set().union(*OTHERS.values(), {"strict", "workers"})
    found = set(re.findall(r"(?<![\w-])--([a-z][\w-]*)", read(name)))
    assert found - others <= own | {"flagfile"}
    assert name == "README.md" or others <= found


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-tfjob.yaml"])
def test_the_flags_of_a_manifest_can_be_meant(name):
    flags = re.findall(r"^ +- (--.*)$", read(name), re.MULTILINE)
    assert len(flags) >= 3
    parse(["byel train", *flags], *TRAINING_OPTIONS)


@needs_shell
@pytest.mark.parametrize("workers", [1, 2, 12])
def test_kubernetes_tells_each_worker_its_place(workers, tmp_path):
    manifest = read("kubernetes.yaml")
    script, rest = re.search(
        r"^ +- \|\n(.*?)^( +- train\n(?: +- --.*\n)+)",
        manifest,
        re.DOTALL | re.MULTILINE,
    ).groups()
    program = tmp_path / "byel"
    program.write_text('#!/bin/sh\necho "$TF_CONFIG"\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    arguments = [line.strip()[2:] for line in rest.splitlines()]
    done = subprocess.run(
        ["/bin/sh", "-c", textwrap.dedent(script), *arguments],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "WORKERS": str(workers),
            "JOB_COMPLETION_INDEX": str(workers - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    config, *found = done.stdout.splitlines()
    assert json.loads(config) == {
        "cluster": {"worker": [f"byel-{i}.byel:2222" for i in range(workers)]},
        "task": {"type": "worker", "index": workers - 1},
    }
    assert found == arguments


def test_kubernetes_names_and_numbers_agree():
    manifest = read("kubernetes.yaml")
    numbers = re.findall(r"(?:completions|parallelism): (\d+)", manifest)
    numbers += re.findall(r'name: WORKERS\n +value: "(\d+)"', manifest)
    assert numbers == ["2", "2", "2"]
    ports = re.findall(r"(?:port|containerPort): (\d+)", manifest)
    assert set(ports) == {"2222"} == set(re.findall(r"\.byel:(\d+)", manifest))
    names = re.findall(r"containers:\n +- name: (\w+)", manifest)
    assert {*names} == {*re.findall(r"containerName: (\w+)", manifest)}
    # Of the Service, of its selector, of the Job, and of the pods' domain.
    assert re.findall(
        r"^(?:  name|    job-name|      subdomain): (\w+)$", manifest, 8
    ) == (["byel"] * 4)


@pytest.fixture
def slurm(tmp_path):
    """A function that runs the script where `srun` and `scontrol` are stand-ins."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    programs = {
        # Runs what it is given, as one of two tasks, after a signal to the script.
        "srun": f"""#!{sys.executable}
import os, signal, subprocess, sys
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
os.kill(os.getppid(), signal.SIGTERM)
command = [a for a in sys.argv[1:]]
while command[0].startswith("--"):
    print("srun", command.pop(0), flush=True)
sys.exit(subprocess.run(command, env={{**os.environ, "SLURM_PROCID": "1"}}).returncode)
""",
        "scontrol": '#!/bin/sh\necho scontrol "$@"\n',
        ".venv/bin/python": "#!/bin/sh\n"
        """echo "$SLURM_PROCID:$(printf ' <%s>' "$@")"\nexit "$CODE"\n""",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(code, **variables):
        done = subprocess.run(
            ["bash", str(RECIPES / "slurm.sbatch"), "--seed=2", "--model_dir=a b"],
            cwd=tmp_path,
            env={
                **{"PATH": f"{tmp_path}:{os.environ['PATH']}", "CODE": str(code)},
                **{"SLURM_JOB_ID": "77", **variables},
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == code
        out = done.stdout.splitlines()
        assert out[:2] == ["srun --kill-on-bad-exit=0", "srun --wait=0"], done.stderr
        assert out[2] == "1: <-m> <byel_tf> <train> <--seed=2> <--model_dir=a b>"
        return [line for line in out[3:] if line.startswith("scontrol")], done.stderr

    return run


@needs_shell
@pytest.mark.parametrize(
    ("code", "requeued"),
    [(0, False), (1, False), (2, False), (75, True), (137, True), (143, True)],
)
def test_slurm_requeues_what_the_same_command_continues(slurm, code, requeued):
    assert slurm(code) == (["scontrol requeue 77"] if requeued else [], "")


@needs_shell
@pytest.mark.parametrize(
    ("restarts", "most", "requeued"),
    [("19", None, True), ("20", None, False), ("2", "3", True), ("3", "3", False)],
)
def test_slurm_requeues_no_more_often_than_it_may(slurm, restarts, most, requeued):
    variables = {"SLURM_RESTART_COUNT": restarts}
    if most:
        variables["BYEL_MAX_RESTARTS"] = most
    found, error = slurm(75, **variables)
    assert bool(found) == requeued
    assert ("not requeued" in error) != requeued


def test_the_image_is_made_of_files_that_there_are():
    text = read("Dockerfile")
    ignored = read("Dockerfile.dockerignore").splitlines()
    copied = [
        name
        for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE)
        for name in line.split()
    ]
    assert copied
    for name in copied:
        assert f"!{name}" in ignored
        assert list(CHECKOUT.glob(name)), name
    for name in re.findall(r"requirements[\w-]*\.txt", text):
        assert (CHECKOUT / name).exists()
    (program,) = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])
    assert f"\n{program} = " in (CHECKOUT / "pyproject.toml").read_text()
