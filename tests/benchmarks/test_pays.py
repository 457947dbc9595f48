"""The grid of bootstrapping against supervised training, with a stand-in's runs."""

import json
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from benchmarks.comparison.grid import ARMS, Cell, Place, grid, is_meant
from benchmarks.pays import main
from byel_tf.errors import UsageError
from byel_tf.program import run_program

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(pathlib.Path(__file__).with_name("fake_trainer.py")))
SMALL = (
    "--flagfile_of_runs=base.cfg",
    "--common=--eval_data=real=r",
    "--arms=joint-none",
    "--label_shares=1",
    "--budgets=8",
    "--seeds=1,2",
    "--resamples=100",
)


@pytest.fixture
def pays(tmp_path, monkeypatch, capfd):
    """Runs the grid with the stand-in; returns exit code and standard error."""
    (tmp_path / "control").mkdir()
    monkeypatch.setenv("FAKE_TRAINER", str(tmp_path / "control"))
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.cfg").write_text("--width=0.5\n--dropout=0.5\n")

    def run(*arguments, small=SMALL):
        argv = ["pays.py", "--output=out", *small, *arguments]
        code = run_program(lambda argv: main(argv, FAKE), argv)
        return code, capfd.readouterr().err

    return run


def test_a_grid_is_trained_compared_and_continued(pays, tmp_path):
    failing = tmp_path / "control" / "joint-none-share1-budget8-seed2"
    failing.write_text("fail")
    code, error = pays()
    assert code == 1 and "1 of 4 runs failed" in error
    failing.unlink()
    assert pays() == (0, "")
    calls = (tmp_path / "control" / "calls").read_text().splitlines()
    # One seed of every arm before the next.
    arms = ["supervised-none", "joint-none"]
    names = [f"{arm}-share1-budget8-seed{seed}" for seed in (1, 2) for arm in arms]
    assert [call.split()[0] for call in calls] == [*names, failing.name]
    content = json.loads(pathlib.Path("out/pays.json").read_text())
    points = content["datasets"]["real"]
    assert [p["arm"] for p in points] == ["supervised-none", "joint-none"]
    scores = {}
    for point in points:
        name = f"{point['arm']}-share1-budget8"
        runs = [
            json.loads(pathlib.Path(f"out/{name}-seed{seed}.json").read_text())
            for seed in (1, 2)
        ]
        by_seed = [
            f1_score(*run["predictions"]["real"].values(), average="macro")
            for run in runs
        ]
        scores[point["arm"]] = np.mean(by_seed)
        assert list(point["by_seed"].values()) == pytest.approx(by_seed)
        assert point["macro_f1"] == pytest.approx(np.mean(by_seed))
    control, joint = points
    found = joint["supervised-none"]
    assert found["difference"] == pytest.approx(
        scores["joint-none"] - scores["supervised-none"]
    )
    assert found["relative"] == pytest.approx(
        found["difference"] / scores["supervised-none"]
    )
    assert "supervised-none" not in control
    # The passes are the runs' own: 8 epochs, and 6 that cost a third more each.
    assert (control["encoder_passes"], joint["encoder_passes"]) == (800, 600)
    text = pathlib.Path("out/when_byel_pays.md").read_text()
    assert f"{found['difference']:+.4f}" in text and "--budgets=8" in text
    assert content["machine"] in text and "\n- `joint`: " in text
    assert "`byol`" not in text and "`neutral`" not in text
    images = sorted(pathlib.Path("out/images").iterdir())
    assert [image.name for image in images] == [
        "pays-0-share1.png",
        "pays-0-shares.png",
    ]
    for image in images:
        assert f"(images/{image.name})" in text
        assert Image.open(image).size[0] > 400


def _numbers(page: pathlib.Path) -> list[str]:
    """Its lines but for the one with date and load."""
    return [x for x in page.read_text().split("\n") if not x.startswith("Last made: ")]


def test_results_beside_the_page_make_it_again_without_training(pays, tmp_path):
    assert pays("--report=pages/page.md") == (0, "")
    page = pathlib.Path("pages/page.md")
    assert "[page/](page/)" in page.read_text()
    first = _numbers(page)
    calls = (tmp_path / "control" / "calls").read_text()
    shutil.rmtree("out")
    shutil.copytree("pages/page", "out")
    page.unlink()
    assert pays("--report=pages/page.md") == (0, "")
    assert _numbers(page) == first
    assert (tmp_path / "control" / "calls").read_text() == calls


def test_an_arm_pays_against_supervised_training_on_its_pictures(pays, tmp_path):
    for arm in ("supervised", "joint"):
        for seed in (1, 2):  # as good as each other, and better than the control
            name = f"{arm}-expression-share1-budget8-seed{seed}"
            (tmp_path / "control" / name).write_text("good")
    assert pays("--arms=joint-none,joint-expression") == (0, "")
    points = json.loads(pathlib.Path("out/pays.json").read_text())["datasets"]["real"]
    joint = next(p for p in points if p["arm"] == "joint-expression")
    assert joint["supervised-none"]["interval"][0] > 0
    low, high = joint["supervised-expression"]["interval"]
    assert low <= 0 <= high
    text = pathlib.Path("out/when_byel_pays.md").read_text()
    with_it = text.partition("best with bootstrapping: ")[2].partition(";")[0]
    assert with_it.startswith("`joint-expression`, does not pay: ")
    without = text.partition("; best without: ")[2]
    assert without.startswith("`supervised-expression`, pays: ")


def test_few_labels_have_a_recipe_and_budgets_of_their_own(pays, tmp_path):
    (tmp_path / "few.cfg").write_text("--dropout=0.7\n")
    few = ("--few_labels_flagfile=few.cfg", "--few_labels_budgets=12")
    assert pays("--label_shares=1,0.1", *few) == (0, "")
    for place, dropout in (("share1-budget8", "0.5"), ("share0.1-budget12", "0.7")):
        text = pathlib.Path(f"out/joint-none-{place}-seed1.json")
        assert f"--dropout={dropout}" in json.loads(text.read_text())["flags"]
    # Over shares there is a chart where they have a budget in common.
    images = pathlib.Path("out/images")
    assert not (images / "pays-0-shares.png").exists()
    assert pays("--label_shares=1,0.1", *few[:1]) == (0, "")
    assert (images / "pays-0-shares.png").exists()


def test_nothing_pays_while_what_it_is_compared_to_is_missing(pays, tmp_path):
    for seed in (1, 2):
        name = f"joint-expression-share1-budget8-seed{seed}"
        (tmp_path / "control" / name).write_text("good")
        name = f"supervised-expression-share1-budget8-seed{seed}"
        (tmp_path / "control" / name).write_text("fail")
    assert pays("--arms=joint-expression")[0] == 1
    text = pathlib.Path("out/when_byel_pays.md").read_text()
    assert ", may pay, `supervised-expression` being unfinished: +" in text


def test_without_common_test_images_nothing_is_trained(pays, tmp_path):
    small = [flag for flag in SMALL if not flag.startswith("--common")]
    code, error = pays("--arms=joint-expression", small=small)
    assert (code, "--common=--eval_data=FOLDER is missing" in error) == (2, True)
    assert not (tmp_path / "control" / "calls").exists()


def test_no_cell_takes_more_than_its_budget():
    places = [
        Place(share, budget, part, tuple(arm for arm in ARMS if is_meant(arm, share)))
        for share, budget, part in (
            (1, 24, 0.5),
            (1, 8, 0.5),
            (0.1, 8, 0.5),
            (0.1, 24, 0.8),
        )
    ]
    cells = grid(places)
    assert len(cells) == len({cell.name for cell in cells}) == 2 * (2 * 20 + 3)
    assert [cell.budget for cell in cells] == sorted(cell.budget for cell in cells)
    for cell in cells:
        epochs = cell.epochs()
        each = 4 if cell.pairs == "neutral" else 8
        passes = each * epochs.get("pretrain_epochs", 0)
        kind = cell.objective.partition("_")[0]
        one = {"joint": 4, "fixmatch": 6}.get(kind, 3)
        passes += one * epochs["finetune_epochs"]
        assert 3 * cell.budget - one < passes <= 3 * cell.budget
    units = [cell for cell in cells if cell.objective.endswith("_units")]
    assert {(cell.pairs, cell.share) for cell in units} == {("neutral", 1)}
    assert {cell.share for cell in cells if cell.objective == "fixmatch"} == {0.1}


def test_flags_of_a_cell():
    variant = Cell("byel_units", "neutral", 1.0, 8, 0.5).variant(["r.cfg"], "d", 600)
    assert variant.flagfiles == ("r.cfg",)
    assert variant.flags == (
        "--objective=byel",
        "--subtraction=action_units",
        "--train_data=synthetic=d/neutral",
        "--synthesize_train=600",
        "--synthesize_pairs=neutral",
        "--pairs=auto",
        "--label_share=1",
        "--pretrain_epochs=3",
        "--finetune_epochs=4",
    )
    label = Cell("joint", "label", 0.02, 8, 0.5).variant(["r.cfg"], "d", 600).flags
    assert "--train_data=synthetic=d/none" in label and "--pairs=label" in label


def test_more_of_a_budget_for_stage_1_leaves_less_for_stage_2():
    cell = Cell("byol", "expression", 0.02, 32, 0.75)
    assert cell.epochs() == {"pretrain_epochs": 9, "finetune_epochs": 8}
    half = Cell("byol", "expression", 0.02, 32, 0.5)
    assert half.epochs() == {"pretrain_epochs": 6, "finetune_epochs": 16}


def arms_of(*arms, budget=8):
    return [cell.arm for cell in grid([Place(1, budget, 0.5, arms)])]


def test_the_control_is_always_there():
    arms = ["supervised-none", "supervised-expression", "joint-expression"]
    assert arms_of("joint-expression", "supervised-expression") == arms
    assert arms_of("joint-expression") == arms  # those that it is compared to
    assert arms_of("byel-neutral") == ["supervised-none", "byel-neutral"]


def test_too_small_a_budget():
    with pytest.raises(UsageError, match="less than an epoch of each stage of byel-"):
        arms_of("byel-none", budget=4)


def test_few_labels_have_arms_of_their_own(pays, tmp_path):
    few = ("--label_shares=0.1", "--few_labels_arms=fixmatch-none", "--seeds=1")
    assert pays(*few) == (0, "")
    calls = (tmp_path / "control" / "calls").read_text()
    assert re.findall(r"^[a-z]+", calls, re.MULTILINE) == ["supervised", "fixmatch"]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--arms=simclr-none", "'simclr-none' is none of supervised-none, "),
        ("--arms=fixmatch-none", "fixmatch-none means nothing at a label share of 1"),
        ("--label_shares=1,2", "expected numbers up to 1.0"),
        ("--budgets=8,8", "a number stands twice"),
        ("--budgets=x", "expected numbers up to"),
        ("--few_labels_budgets=0", "--few_labels_budgets=0: expected numbers up to"),
        ("--report=docs/page", "ending in .md"),
    ],
)
def test_wrong_usage(pays, argument, expected):
    code, error = pays(argument)
    assert code == 2 and expected in error
