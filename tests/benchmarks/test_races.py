import json
import random
import sys

import pytest

from benchmarks import races
from benchmarks.races import Trials, dealt, main


@pytest.mark.skipif(sys.platform != "linux", reason="processes are killed in groups")
@pytest.mark.parametrize(
    ("program", "kills", "pairs"), [("prepare", 1, 1), ("synthesize", 0, 1)]
)
def test_a_few_of_each(tmp_path, capsys, program, kills, pairs):
    command = ["races", f"--kills={kills}", f"--pairs={pairs}"]
    output = tmp_path / "races.json"
    main([*command, f"--programs={program}", f"--output={output}"])
    result = json.loads(output.read_text())
    assert result["problems"] == []
    assert sum(row["count"] for row in result["rows"]) == kills + pairs
    assert {row["program"] for row in result["rows"]} == {program}
    assert result["volatile"] == {program: []}
    printed = capsys.readouterr().out
    assert f"two at once {pairs}/{pairs}: {program}: done and " in printed


def test_proportions():
    turns = dealt(list(races.PROGRAMS), 100)
    assert {name: turns.count(name) for name in races.PROGRAMS} == {
        "synthesize": 30,
        "prepare": 30,
        "predict": 20,
        "export": 10,
        "evaluate": 10,
    }
    assert set(turns[:5]) == set(races.PROGRAMS)


class Process:
    """What a process of `Trials` is, without one."""

    def __init__(self, act):
        self._code, self._said = act

    def kill(self):
        return True

    def end(self):
        return self._code, self._said

    def end_group(self):
        pass


@pytest.fixture
def trials(tmp_path, monkeypatch):
    """Trials of a program that does what is said, after two whole runs."""
    acts = []
    monkeypatch.setattr(races, "make_inputs", lambda folder, programs: {})

    class Told(Trials):
        def _start(self, program, place):
            code, said, files = acts.pop(0)
            for name, content in files.items():
                (place / name).write_text(content)
            return Process((code, said))

    def make(*then):
        acts[:] = [(0, "", {"out": "a", "time": t}) for t in "12"] + list(then)
        return Told(tmp_path, ["predict"], random.Random(1))

    return make


DONE = (0, "", {"out": "a", "time": "3"})
KILLED = (-9, "", {".out.partial-0123abcd": "half"})
REFUSED = (1, "p: process 7 on h since 2026 is preparing it, in .out\n", {})


@pytest.mark.parametrize(
    ("acts", "kind", "problem"),
    [
        ([(-9, "", {}), DONE], "killed with nothing begun", ""),
        ([(-9, "", {"out": "?"}), DONE], "killed on its way", ""),
        ([(-9, "", {"out": "?"}), REFUSED, DONE], "its workers waited for", ""),
        ([(-9, "", DONE[2]), (1, "p: out exists and is not an empty folder\n", {})],
         "killed when it was finished", ""),
        ([DONE, (2, "p: --output=out exists: choose another\n", {})],
         "killed when it was finished", ""),
        ([KILLED, DONE], "killed on its way", "differs: .out.partial-0123abcd"),
        ([(-9, "", {}), (0, "", {"out": "b", "time": "3"})], "", "differs: out"),
        ([(-9, "", {}), (1, "p: disk full\n", {})], "", "p: disk full"),
    ],
)  # fmt: skip
def test_what_a_kill_leaves(trials, acts, kind, problem):
    found = trials(*acts).kill("predict")
    assert kind in found.kind
    assert found.problem.strip() == problem


@pytest.mark.parametrize(
    ("acts", "kind", "problem"),
    [
        ([DONE, REFUSED], "done and refused, the holder named", ""),
        ([DONE, DONE], "done and done", ""),
        ([DONE, (1, "p: cannot write\n", {})], "failed", "p: cannot write"),
        ([DONE, (1, "Traceback …\np: " + REFUSED[1], {})], "failed", "Traceback"),
        ([REFUSED, REFUSED], "", "neither wrote the output"),
        ([DONE, (1, REFUSED[1], {".out.preparing": ""})], "", ".out.preparing"),
    ],
)
def test_what_two_leave(trials, acts, kind, problem):
    found = trials(*acts).pair("predict")
    assert kind in found.kind
    assert problem in found.problem and bool(problem) == bool(found.problem)
