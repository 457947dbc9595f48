import numpy as np
import pytest

from benchmarks.step_profile import self_times
from benchmarks.timing import machine_line, shown, spread, table, take_turns


def test_contenders_take_turns_and_every_other_round_goes_backwards():
    calls = []

    def contender(name, seconds):
        def run(count):
            calls.append((name, count))
            return seconds * count, 2 * seconds * count

        return run

    times = take_turns(
        {"a": contender("a", 1.0), "b": contender("b", 3.0)},
        rounds=3,
        calls=5,
        warmup=1,
    )
    assert calls[:2] == [("a", 1), ("b", 1)]
    assert [name for name, _ in calls[2:]] == list("abbaab")
    assert {count for _, count in calls[2:]} == {5}
    np.testing.assert_allclose(times.seconds["b"], [3.0, 3.0, 3.0])
    np.testing.assert_allclose(times.processor["a"], [2.0, 2.0, 2.0])


def test_spread_is_median_and_quartiles():
    assert spread([1, 2, 3, 4, 100]) == {"median": 3.0, "low": 2.0, "high": 4.0}
    assert shown({"median": 1234.56, "low": 1.0, "high": 2.0}, 1) == "1,234.6 (1.0–2.0)"


def test_table_is_aligned_markdown():
    lines = table(["name", "ms"], [["a", "1"], ["longer", "2"]]).splitlines()
    assert lines[1] == "| ------ | -- |"
    assert len({len(line) for line in lines}) == 1


def test_machine_line_tells_load_and_gpus():
    machine = {"date": "2026-01-02", "cores": 2, "gpus": 0, "load": 1.25}
    machine |= {"processor": "P", "python": "3", "tensorflow": "2"}
    assert "2 cores, no GPU (P), load 1.2 at the start" in machine_line(machine)


def test_self_times_leave_out_what_lies_within():
    # An outer event of 10 with two inner ones of 3 and 2, of which the second has one.
    thread = [("A", 0, 10_000), ("B", 1_000, 3_000), ("B", 5_000, 2_000)]
    thread += [("C", 5_500, 1_000), ("A", 20_000, 1_000)]
    totals = self_times([thread, [("B", 0, 4_000)]])
    assert totals["A"] == (2, pytest.approx(6.0))
    assert totals["B"] == (3, pytest.approx(8.0))
    assert totals["C"] == (1, pytest.approx(1.0))
