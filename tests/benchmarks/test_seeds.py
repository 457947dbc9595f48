"""Comparisons of several trainings; all but one with a stand-in for the trainer."""

import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from benchmarks.seeds import main
from byel_tf.data.record import Record
from byel_tf.data.writer import write_dataset
from byel_tf.program import run_program
from tests import small_network

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(pathlib.Path(__file__).with_name("fake_trainer.py")))
REAL = (
    sys.executable,
    "-c",
    f"{small_network.CODE}\nimport sys, train_main\nsys.exit(train_main.run())",
)
PROGRAM = f"""
import sys
from benchmarks.seeds import main
from byel_tf.program import run_program
sys.exit(run_program(lambda argv: main(argv, {FAKE!r}), ["seeds.py", *sys.argv[1:]]))
"""

TWO = (
    "--variant=weak=base.cfg --dropout=0.4",
    "--variant=strong=base.cfg --dropout=0.7",
    "--seeds=1,2",
)


@pytest.fixture
def control(tmp_path, monkeypatch):
    """The stand-in's folder; the test's own folder is the current one."""
    folder = tmp_path / "control"
    folder.mkdir()
    monkeypatch.setenv("FAKE_TRAINER", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.cfg").write_text(
        "--train_data=t\n--eval_data=real=r\n--model_dir=elsewhere\n--width=0.5\n"
    )
    return folder


@pytest.fixture
def compare(control, capfd):
    """Compares with the stand-in; returns exit code, standard output and error."""

    def run(*arguments):
        code = run_program(
            lambda argv: main(argv, FAKE), ["seeds.py", "--output=out", *arguments]
        )
        return code, *capfd.readouterr()

    return run


def calls(control):
    file = control / "calls"
    return file.read_text().splitlines() if file.exists() else []


def stored(name):
    return json.loads(pathlib.Path(f"out/{name}.json").read_text())


def test_two_variants(compare, control):
    code, said, error = compare(*TWO)
    assert (code, error) == (0, "")
    assert calls(control) == [
        f"{variant}-seed{seed} began"
        for seed in (1, 2)
        for variant in ("weak", "strong")
    ]
    run = stored("strong-seed2")
    assert (run["variant"], run["seed"], run["continued"]) == ("strong", 2, False)
    assert run["wall_seconds"] > 0
    assert "--dropout=0.7" in run["flags"]
    assert "--width=0.5" in run["flags"]
    assert "--model_dir=out/runs/strong-seed2" in run["flags"]
    assert len(run["predictions"]["real"]["labels"]) == 120  # two have no label
    assert run["run"]["datasets"]["train_data"] == {"sha256": "t"}
    assert pathlib.Path("out/runs/weak-seed1.log").read_text() == "line of weak-seed1\n"

    summary = stored("summary")
    result = summary["datasets"]["real"]
    assert result["images"] == 120
    means = {}
    for name in ("weak", "strong"):
        scores = []
        for seed in (1, 2):
            predictions = stored(f"{name}-seed{seed}")["predictions"]["real"]
            scores.append(f1_score(*predictions.values(), average="macro"))
            reported = stored(f"{name}-seed{seed}")["results"]["datasets"]["real"]
            assert scores[-1] == pytest.approx(reported["macro_f1"])
        row = result["variants"][name]
        means[name] = np.mean(scores)
        assert row["macro_f1"] == pytest.approx(means[name])
        assert (row["lowest"], row["highest"]) == pytest.approx(
            (min(scores), max(scores))
        )
        assert list(row["by_seed"].values()) == pytest.approx(scores)
        lower, upper = row["interval"]
        assert lower < means[name] < upper
    difference = result["differences"]["strong"]
    assert difference["to"] == "weak"
    assert difference["macro_f1"] == pytest.approx(means["strong"] - means["weak"])
    assert 0 < difference["interval"][0] < difference["macro_f1"]
    assert summary["variants"]["strong"]["unlike_first"] == {"dropout": [0.4, 0.7]}
    assert "All runs were trained on the same data." in summary["notes"]

    text = pathlib.Path("out/summary.md").read_text()
    assert text in said
    assert "In effect, unlike weak: --dropout=0.7 (0.4)." in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1
    assert f"{difference['macro_f1']:+.4f}" in table[3]


def test_finished_runs_are_not_repeated(compare, control):
    compare(*TWO)
    before = stored("summary")
    code, said, _ = compare(*TWO)
    assert code == 0
    assert len(calls(control)) == 4
    assert said.count("done before: macro F1 real 0.") == 4
    assert stored("summary") == before
    code, *_ = compare(*TWO[:2], "--seeds=1,2,3")
    assert calls(control)[4:] == ["weak-seed3 began", "strong-seed3 began"]
    assert stored("summary")["variants"]["weak"]["seeds"] == [1, 2, 3]


def test_a_summary_needs_no_runs_folder(compare, control):
    compare(*TWO)
    before = pathlib.Path("out/summary.md").read_text()
    subprocess.run(["rm", "-r", "out/runs"], check=True)
    assert compare(*TWO)[0] == 0
    assert pathlib.Path("out/summary.md").read_text() == before


@pytest.mark.parametrize("seeds", ["1", "7"])
def test_a_changed_variant_is_refused(compare, control, seeds):
    compare(*TWO)
    pathlib.Path("base.cfg").write_text("--train_data=t\n--eval_data=real=r\n")
    code, said, error = compare(*TWO[:2], f"--seeds={seeds}")
    assert (code, said) == (1, "")
    assert error == (
        "seeds.py: variant weak was run with --width=0.5 (out/weak-seed1.json), now it "
        "is 1.0: give the variant another name, or choose another --output\n"
    )
    assert len(calls(control)) == 4


def test_the_precision_of_a_variant_may_be_what_auto_takes(compare, control):
    given = [f"{text} --precision=mixed_bfloat16" for text in TWO[:2]]
    assert compare(*given, "--seeds=1")[0] == 0
    auto = [text.replace("mixed_bfloat16", "auto") for text in given]
    assert compare(*auto, "--seeds=1")[0] == 0
    assert len(calls(control)) == 2
    scaled = [text.replace("mixed_bfloat16", "mixed_float16") for text in given]
    code, _, error = compare(*scaled, "--seeds=1")
    assert code == 1
    assert "--precision=mixed_bfloat16 (out/weak-seed1.json), now it is mix" in error


def test_a_changed_variant_is_noticed_in_a_run_that_only_began(compare, control):
    (control / "weak-seed1").write_text("fail")
    compare(*TWO)
    code, _, error = compare(TWO[0] + " --finetune_epochs=3", "--seeds=1,2")
    assert code == 1
    # Seed 2 is finished, but seed 1 comes first.
    assert "--finetune_epochs=100 (out/runs/weak-seed1/flags.cfg), now it is 3" in error


def test_a_flag_that_did_not_exist_is_at_its_default(compare, control):
    compare(*TWO)
    content = stored("weak-seed1")
    content["flags"] = [f for f in content["flags"] if "label_smoothing" not in f]
    pathlib.Path("out/weak-seed1.json").write_text(json.dumps(content))
    assert compare(*TWO)[0] == 0
    content["flags"].append("--abolished=1")
    pathlib.Path("out/weak-seed1.json").write_text(json.dumps(content))
    code, _, error = compare(*TWO)
    assert code == 1
    assert "out/weak-seed1.json is from other options (unknown flag" in error


def test_order_of_flags_and_seeds_in_them(compare, control):
    code, *_ = compare(
        "--variant=a=base.cfg '--train_data=my data/{seed}' --width=0.25",
        "--common=--width=0.75 --stem=small",
        "--common=--label_smoothing=0.{seed}",
        "--seeds=3,1",
    )
    assert code == 0
    assert calls(control) == ["a-seed3 began", "a-seed1 began"]
    flags = stored("a-seed3")["flags"]
    for flag in (
        "--width=0.25",
        "--stem=small",
        "--label_smoothing=0.3",
        "--train_data=my data/3",
        "--seed=3",
    ):
        assert flag in flags
    notes = stored("summary")["notes"]
    assert "The training data of a depend on the seed." in notes
    assert "All runs were trained on the same data." not in notes


def test_a_failed_run_does_not_stop_the_others(compare, control):
    (control / "weak-seed1").write_text("fail")
    (control / "weak-seed2").write_text("kill")
    (control / "strong-seed1").write_text("nothing")
    code, said, error = compare(*TWO)
    assert code == 1
    assert error == (
        "seeds.py: 3 of 4 runs failed (weak-seed1, strong-seed1, weak-seed2): repeat "
        "the command to try them again\n"
    )
    assert "exit code 3; the end of out/runs/weak-seed1.log:\n  | 8\n" in said
    assert "  | 19\n" in said
    assert "killed by SIGKILL; the end of" in said
    assert "out/runs/strong-seed1 is not that of a finished run" in said
    assert len(calls(control)) == 4
    summary = stored("summary")
    assert list(summary["variants"]) == ["strong"]
    assert (
        "Not finished, and missing above: strong-seed1, weak-seed1, weak-seed2."
        in summary["notes"]
    )

    for name in ("weak-seed1", "weak-seed2", "strong-seed1"):
        (control / name).unlink()
    assert compare(*TWO)[0] == 0
    assert calls(control)[4:] == [
        "weak-seed1 continued",
        "strong-seed1 continued",
        "weak-seed2 continued",
    ]
    assert stored("weak-seed1")["continued"]
    assert stored("summary")["variants"]["weak"]["wall_seconds"] == [None, None]


def test_all_runs_failed(compare, control):
    (control / "a-seed1").write_text("fail")
    code, _, error = compare("--variant=a=base.cfg", "--seeds=1")
    assert code == 1
    assert "1 of 1 runs failed" in error
    assert not pathlib.Path("out/summary.json").exists()
    # Of the next attempt, only its own lines are shown.
    (control / "a-seed1").write_text("kill")
    _, said, _ = compare("--variant=a=base.cfg", "--seeds=1")
    assert said.endswith("/runs/a-seed1.log:\n  | line of a-seed1\n")


@pytest.fixture(autouse=True)
def _signals_as_in_a_terminal():
    """The tests themselves may have been started with these signals ignored."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, usual[number]) for number in usual}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def begin(control):
    """Starts the program as a process whose first run waits, or stays."""

    @contextlib.contextmanager
    def running(order):
        (control / "weak-seed1").write_text(order)
        os.mkfifo(control / "begun")
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--output=out", *TWO],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with open(control / "begun") as fifo:
                yield process, int(fifo.readline()), fifo
                # The FIFO ends when the run has.
                assert fifo.read() == ""
        finally:
            process.kill()
            process.communicate()

    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_comparison_continues(begin, compare, control, number):
    with begin("wait") as (process, run, _):
        process.send_signal(number)
        said, error = process.communicate()
        assert process.returncode == 130
        assert error == "seeds.py: interrupted\n"
        assert "1/4 weak, seed 1: stopped after " in said
        with pytest.raises(ProcessLookupError):
            os.kill(run, 0)
    assert "Traceback" not in pathlib.Path("out/runs/weak-seed1.log").read_text()
    assert calls(control) == ["weak-seed1 began", "weak-seed1 interrupted"]

    (control / "weak-seed1").unlink()
    assert compare(*TWO)[0] == 0
    assert calls(control)[2:4] == ["weak-seed1 continued", "strong-seed1 began"]


def test_a_second_interruption_ends_a_run_that_stays(begin):
    with begin("stay") as (process, run, fifo):
        process.send_signal(signal.SIGINT)
        assert fifo.readline() == "staying\n"
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
        with pytest.raises(ProcessLookupError):
            os.kill(run, 0)


def test_a_run_that_was_left_behind_is_not_joined(begin, compare, control):
    with begin("wait") as (process, run, _):
        process.kill()
        process.wait()
        code, said, error = compare(*TWO)
        os.kill(run, signal.SIGKILL)
    assert (code, said) == (1, "")
    assert "another comparison, or a run it left behind, is at work in out" in error
    assert calls(control) == ["weak-seed1 began"]


def test_images_that_differ_are_left_out(compare, control):
    arguments = (
        "--variant=a=base.cfg",
        "--variant=b=base.cfg --eval_data=only=o",
        "--common=--eval_data=drawn=data/{seed}",
        "--seeds=1,2",
    )
    assert compare(*arguments)[0] == 0
    summary = stored("summary")
    assert list(summary["datasets"]) == ["real"]
    assert (
        "drawn is left out: its files are not the same in all runs."
        in (summary["notes"])
    )
    assert (
        "only is left out: not reported by a (seed 1), a (seed 2)."
        in (summary["notes"])
    )
    code, _, error = compare(*arguments, "--dataset=drawn")
    assert code == 1
    assert "data set drawn cannot be compared: its files are not the same" in error
    code, _, error = compare(*arguments, "--dataset=real", "--dataset=only")
    assert code == 2
    assert "--dataset=only: variant a reports on t, real, drawn" in error


def test_runs_of_different_code_are_told(compare, control, monkeypatch):
    compare("--variant=a=base.cfg", "--seeds=1")
    monkeypatch.setenv("FAKE_COMMIT", "c0ffee")
    compare("--variant=a=base.cfg", "--seeds=1,2")
    notes = stored("summary")["notes"]
    assert "Not all runs have the same git_commit: None (a); c0ffee (a)." in notes


def test_one_seed_is_told(compare, control):
    compare(*TWO[:2], "--seeds=1")
    assert "it does not cover how much seeds differ" in (
        pathlib.Path("out/summary.md").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--variant is missing"),
        (("--variant=base.cfg",), "--variant=base.cfg: expected NAME=FLAGS"),
        (("--variant=a/b=base.cfg",), "expected NAME=FLAGS"),
        (
            ("--variant=a=base.cfg", "--variant=a=base.cfg"),
            "two variants are named 'a'",
        ),
        (("--variant=a=base.cfg 'b",), "no closing quotation"),
        (("--variant=a=base.cfg --width=1 more",), "unexpected 'more'"),
        (("--variant=a=base.cfg -x",), "unexpected '-x'"),
        (("--variant=a=base.cfg --",), "unexpected '--'"),
        (("--variant=a=base.cfg --seed=3",), "--seed is given by the comparison"),
        (("--variant=a=base.cfg", "--common=--model_dir=x"), "--model_dir is given"),
        (("--variant=a=base.cfg", "--common=x"), "--common=x: unexpected 'x'"),
        (("--variant=a=none.cfg",), "variant a: --flagfile=none.cfg cannot be read"),
        (("--variant=a=base.cfg --widht=1",), "variant a: unknown flag --widht"),
        (("--variant=a=--width=1",), "variant a: --train_data is missing"),
        (("--variant=a=base.cfg", "--seeds=1,,2"), "--seeds=1,,2: expected integers"),
        (("--variant=a=base.cfg", "--seeds=-1"), "--seeds=-1: expected integers"),
        (("--variant=a=base.cfg", "--seeds=1,01"), "a seed stands twice"),
        (("--variant=a=base.cfg", "--dataset=x"), "variant a reports on t, real"),
        (("--variant=a=base.cfg", "--resamples=9"), "--resamples=9: expected"),
        (("--variant=a=base.cfg", "stray"), "unexpected argument 'stray'"),
    ],
)
def test_wrong_usage(compare, control, arguments, expected):
    code, said, error = compare(*arguments)
    assert (code, said) == (2, "")
    assert expected in error
    assert error.count("\n") == 1
    assert not pathlib.Path("out").exists()


def test_a_damaged_result_is_named(compare, control):
    compare("--variant=a=base.cfg", "--seeds=1")
    pathlib.Path("out/a-seed1.json").write_text("{")
    code, _, error = compare("--variant=a=base.cfg", "--seeds=1")
    assert code == 1
    assert "out/a-seed1.json is damaged" in error
    assert "remove it, and the run is completed anew" in error


@pytest.fixture
def dataset(tmp_path, rng):
    """A prepared data set of two classes of grey noise."""
    with write_dataset(tmp_path / "data", ("dark", "bright"), {"kind": "test"}) as made:
        for index in range(48):
            label = index % 2
            split = ("train", "train", "validation", "test")[index // 2 % 4]
            pixels = rng.integers(90 * label, 160 + 90 * label, (8, 8), np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            made.add(
                split, Record(buffer.getvalue(), "png", 8, 8, label, "", f"{index}.png")
            )
    return tmp_path / "data"


def test_a_real_training(dataset, tmp_path, monkeypatch, capfd):
    """The real trainer for two steps: more runs are no more than that of the others."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.chdir(tmp_path)
    network = f"--encoder={small_network.NAME} --width=0.0625 --image_size=16"
    command = [
        *("seeds.py", "--output=out", "--seeds=4", "--variant=plain=--dropout=0"),
        f"--common=--train_data=real={dataset} --objective=supervised --batch_size=8",
        f"--common={network} --max_steps=2 --xla=off",
    ]
    assert run_program(lambda argv: main(argv, REAL), command) == 0
    said = capfd.readouterr().out
    summary = stored("summary")
    result = summary["datasets"]["real"]
    assert result["images"] == 12
    run = stored("plain-seed4")
    reported = run["results"]["datasets"]["real"]["macro_f1"]
    assert result["variants"]["plain"]["by_seed"] == {"4": pytest.approx(reported)}
    assert "--seed=4" in run["flags"]
    assert "All runs were trained on the same data." in summary["notes"]
    assert "1/1 plain, seed 4: done in " in said
    assert said.endswith(pathlib.Path("out/summary.md").read_text() + "\n")
