"""The program's own main, on what stands for a model: bright pictures are class 1."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import f1_score

from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.settings import MethodSettings
from byel_tf.cli.evaluate import EvaluateOptions, _adaptation_flags, main
from byel_tf.program import run_program


@pytest.fixture(scope="module")
def models(export_brightness, tmp_path_factory):
    """Three exports, the last one of other classes."""
    folder = tmp_path_factory.mktemp("models")
    classes = {"strange": ("bright", "dark")}
    return {
        name: str(export_brightness(folder / name, threshold=threshold, **facts))
        for name, threshold, facts in (
            ("middle", 127, {"temperature": 2.0, "selection": "synthetic"}),
            ("high", 200, {}),
            ("strange", 127, {"classes": classes["strange"]}),
        )
    }


def pictures(rng, count):
    """Grey values around 90 and 160, dark and bright in turn, five of a person."""
    return [
        (int(np.clip(rng.normal(90 + 70 * (i % 2), 30), 0, 255)), i % 2, f"{i // 5}")
        for i in range(count)
    ]


@pytest.fixture
def data(prepare_brightness, rng):
    """A synthetic set of all splits, and a real one with a picture without label."""
    splits = {"train": 60, "validation": 50, "test": 40}
    synthetic = {name: pictures(rng, count) for name, count in splits.items()}
    prepare_brightness("synthetic", **synthetic)
    real = [(value, label) for value, label, _ in pictures(rng, 70)]
    prepare_brightness("real", test=[*real, (30, -1)], validation=real[:9])
    return real


def run(*arguments):
    return run_program(main, ["evaluate.py", *arguments])


def test_everything(models, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = run(
        f"--model=mine={models['middle']}",
        "--data=photos=real",
        "--data=synthetic",
        f"--compare=high={models['high']}",
        "--probe_data=synthetic",
        "--output=out/deep",
        "--resamples=300",
        "--batch_size=16",
        "--examples=5",
    )
    printed = capsys.readouterr()
    assert code == 0, printed.err
    folder = tmp_path / "out" / "deep"
    files = {str(p.relative_to(folder)) for p in folder.rglob("*.*")}
    assert {name for name in files if not name.startswith("figures/")} == {
        "predictions/photos.csv",
        "predictions/synthetic.csv",
        "report.html",
        "report.md",
        "results.json",
    }
    assert {"figures/map/all.png", "figures/synthetic/confusion_matrix.png"} <= files
    for kind in ("error", "uncertain"):
        assert f"figures/photos/{kind}-05.jpg" in files
        assert f"figures/photos/{kind}-06.jpg" not in files
    results = json.loads((folder / "results.json").read_text())
    assert results["classes"] == ["dark", "bright"]
    assert results["selection"] == "synthetic"
    model = {"name": "mine", "path": models["middle"]}
    assert results["model"].items() > model.items()
    assert results["compared"] == {"high": models["high"]}
    assert list(results["datasets"]) == ["photos", "synthetic"]

    photos = results["datasets"]["photos"]
    values, labels = np.array(data).T
    predicted, others = (values > 127).astype(int), (values > 200).astype(int)
    macro, other = (f1_score(labels, p, average="macro") for p in (predicted, others))
    assert photos["count"] == 70
    assert photos["macro_f1"] == macro
    lower, upper = photos["intervals"]["macro_f1"]
    assert lower < macro < upper
    assert photos["intervals"]["unit"] == "image"
    assert photos["intervals"]["resamples"] == 300
    comparison = photos["comparisons"]["high"]
    assert comparison["difference"] == pytest.approx(macro - other)
    hits, other_hits = predicted == labels, others == labels
    assert comparison["mcnemar"]["first_only"] == np.sum(hits & ~other_hits)
    assert comparison["mcnemar"]["second_only"] == np.sum(other_hits & ~hits)
    assert photos["calibration"]["exported"]["temperature"] == 2
    fitted = photos["calibration"]["fitted"]
    assert fitted["temperature"] == results["probe_data"]["temperature"] != 1
    assert photos["linear_probe"]["macro_f1"] > 0.6
    assert photos["nearest_neighbours"]["accuracy"] > 0.6
    assert photos["domain_gap"]["count"] == 71
    assert photos["domain_gap"]["reference_count"] == 40

    synthetic = results["datasets"]["synthetic"]
    assert "domain_gap" not in synthetic  # the very images that it is measured from
    assert synthetic["intervals"]["unit"] == "subject"
    assert synthetic["intervals"]["units"] == 8

    with open(folder / "predictions" / "photos.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 71
    assert rows[-1]["label"] == ""
    header, row, *_ = printed.out.splitlines()
    assert header.split()[:4] == ["data", "set", "images", "macro"]
    assert row.split()[:3] == ["photos", "70", f"{macro:.4f}"]
    assert f"photos: macro F1 {macro - other:+.4f} beside high (" in printed.out
    assert "synthetic: macro F1 of the linear probe" in printed.out
    assert printed.out.endswith("report: out/deep/report.html\n")
    report = (folder / "report.md").read_text()
    for part in ("| high |", "| linear probe |", "Fréchet distance", "| fitted |"):
        assert part in report


def test_the_least(models, data, tmp_path, capsys):
    arguments = (
        f"--model={models['high']}",
        f"--data={tmp_path / 'real'}",
        "--split=validation",
    )
    assert run(*arguments, f"--output={tmp_path / 'out'}") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    entry = results["datasets"]["real"]
    assert (entry["count"], results["split"]) == (9, "validation")
    assert results["selection"] is None  # of an export that does not say
    assert not {"comparisons", "linear_probe", "domain_gap"} & set(entry)
    assert set(entry["calibration"]) == {"exported", "uncalibrated"}
    capsys.readouterr()
    assert run(*arguments, f"--output={tmp_path / 'out'}") == 1
    assert "out exists and is not an empty folder" in capsys.readouterr().err
    export = tmp_path / "run" / "export" / "2"
    shutil.copytree(models["high"], export)
    again = (f"--model={tmp_path / 'run'}", *arguments[1:])
    assert run(*again, f"--output={tmp_path / 'run-again'}") == 0
    results = json.loads((tmp_path / "run-again" / "results.json").read_text())
    model = {"name": str(tmp_path / "run"), "path": str(export)}
    assert results["model"].items() > model.items()
    assert run(*arguments, f"--output={tmp_path / 'again'}") == 0
    for name in ("results.json", "report.html", "predictions/real.csv"):
        first, again = (tmp_path / folder / name for folder in ("out", "again"))
        assert first.read_bytes() == again.read_bytes()


@pytest.fixture
def failing(models, data, tmp_path, monkeypatch, capsys):
    """Runs with arguments that must fail, in one line, and leave nothing."""
    monkeypatch.chdir(tmp_path)

    def fail(*arguments, code):
        before = sorted(tmp_path.rglob("*"))
        filled = [argument.format(**models) for argument in arguments]
        assert run(*filled) == code
        printed = capsys.readouterr()
        assert printed.err.startswith("evaluate.py: ")
        assert printed.err.count("\n") == 1
        assert printed.out == ""
        assert sorted(tmp_path.rglob("*")) == before
        return printed.err

    return fail


GIVEN = ("--model={middle}", "--output=out")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--data=real", "--output=out"), "--model is missing"),
        (("--model={middle}", "--data=real"), "--output is missing"),
        (GIVEN, "--data is missing: give a prepared"),
        ((*GIVEN, "--data="), "--data= is empty"),
        ((*GIVEN, "--data=real", "--data=elsewhere/real"), "two data sets are named"),
        ((*GIVEN, "--data=real", "--split=all"), "--split=all: expected one of train"),
        ((*GIVEN, "--data=real", "--compare={middle}"), "two models are named"),
        ((*GIVEN, "--data=real", "--compare=a=x", "--compare=a=y"), "are named 'a'"),
        ((*GIVEN, "--data=real", "--resamples=1"), "--resamples=1: expected an"),
        ((*GIVEN, "--data=real", "--probe_images=1"), "--probe_images=1: expected"),
        ((*GIVEN, "--data=real", "--seed=2147483648"), "--seed=2147483648: expected"),
        ((*GIVEN, "--data=real", f"--batch_size={10**20}"), "expected an integer from"),
        ((*GIVEN, "--data=real", "--adapt=tent"), "--adapt=tent: expected one of"),
        ((*GIVEN, "--data=real", "--adapt_with=--depth=1"), "meaning without --adapt"),
        (
            (*GIVEN, "--data=real", "--adapt=prior", "--adapt_with=--deep=1"),
            "--adapt_with: unknown flag --deep",
        ),
        (
            (*GIVEN, "--data=real", "--adapt=prior", "--adapt_with=--seed=2"),
            "--adapt_with: --seed is given to evaluate itself",
        ),
        (
            (*GIVEN, "--data=real", "--adapt=prior", "--adapt_with=--depth=2"),
            "--depth=2: expected",
        ),
        (
            (*GIVEN, "--data=real", "--adapt=prior", "--adapt_with='--depth=1"),
            "No closing quotation",
        ),
        ((*GIVEN, "--dat=real"), "unknown flag --dat"),
        ((*GIVEN, "--data=real", "real"), "unexpected argument 'real'"),
    ],
)
def test_wrong_usage(failing, arguments, expected):
    assert expected in failing(*arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--data=none",), "none is not a prepared data set"),
        (("--data=real", "--probe_data=none"), "none is not a prepared data set"),
        (("--data=real", "--compare=none"), "none is not an exported model"),
        (
            ("--data=real", "--compare=odd={strange}"),
            "odd has the classes bright, dark",
        ),
        (("--data=real", "--adapt=prior"), "export whose network can be built"),
        (("--data=real", "--split=train"), "data set real (real) has no train split"),
        (("--data=real", "--output=real"), "real exists and is not an empty folder"),
    ],
)
def test_failure(failing, arguments, expected):
    assert expected in failing(*GIVEN, *arguments, code=1)


def test_data_of_other_classes(failing, prepare_brightness):
    prepare_brightness("other", classes=("bright", "grey"), test=[(0, 0)])
    for arguments in (("--data=other",), ("--data=real", "--probe_data=other")):
        message = failing(*GIVEN, *arguments, code=1)
        assert "data set other (other) has the classes bright, grey" in message


def test_undecodable_picture(failing, prepare_brightness):
    prepare_brightness("broken", test=[(0, 0), (None, 1)])
    assert "1.png cannot be decoded" in failing(*GIVEN, "--data=broken", code=1)


def test_flags_of_adaptation():
    words = "--exponent=1 --noguard --batch_size=50"
    options = EvaluateOptions("m", "out", adapt=("prior",), adapt_with=words)
    methods, guard = _adaptation_flags(options)
    assert (methods.settings().exponent, methods.batch_size) == (1, 50)
    assert guard.used() is None
    methods, guard = _adaptation_flags(EvaluateOptions("m", "out"))
    assert methods.settings() == MethodSettings()
    assert guard.used() == Guard()


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate.py", "--help"])
    assert ended.value.code == 0
    assert "--probe_data=TEXT" in capsys.readouterr().out


def test_the_screen_stays_clean(models, data, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    # As for a user: the program itself has to silence TensorFlow.
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    model = f"--model={models['strange']}"
    arguments = (model, "--data=real", "--probe_data=real", "--output=out")
    done = subprocess.run(
        [sys.executable, "-m", "byel_tf.cli.evaluate", *arguments],
        cwd=tmp_path,
        capture_output=True,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"evaluate.py: data set real (real) has the classes")
    assert done.stderr.count(b"\n") == 1
