import dataclasses
import json
import re
import urllib.parse

import numpy as np
import pytest

from byel_tf.evaluation.probe_set import ProbeSet
from byel_tf.evaluation.report import figures
from byel_tf.evaluation.report.build import build_report
from byel_tf.evaluation.report.files import evaluation_files, results_content
from byel_tf.evaluation.report.origin import Origin
from byel_tf.files import write_atomically
from byel_tf.history import History

CLASSES = ("dark", "bright")
PICTURES = [(40, 0), (200, 1), (90, 0), (150, 1), (160, 0), (120, 1), (130, 1)] * 4


@pytest.fixture
def origin(tmp_path):
    file = tmp_path / "history.jsonl"
    for stage in ("pretrain", "finetune"):
        for step in (1, 2):
            History(file).append(stage, step, {"losses/total": 1.0 / step})
            History(file).append(stage, step, {"macro_f1/validation": 0.5}, epoch=step)
    return Origin(
        export=tmp_path / "export" / "1",
        sha256="ab" * 32,
        run={
            "byel_tf": "0.1.0",
            "python": "3.13.0",
            "git_commit": "c0ffee",
            "packages": {"tensorflow": "2.21.0", "tensorflow-addons": None},
            "datasets": {"train_data": {"name": "synthetic", "sha256": "cd" * 32}},
        },
        flags=("--seed=1", "--objective=byel"),
        history=file,
        emotion_vector_cosines=np.eye(2),
    )


@pytest.fixture
def evaluations(prepare_brightness, make_evaluation):
    names = ("photos", "my | <set> (1)")
    return {
        name: make_evaluation(prepare_brightness(f"set{i}", test=PICTURES[i:]))
        for i, name in enumerate(names)
    }


def test_everything_is_in_it(evaluations, origin):
    report = build_report(
        "Results of *run*", evaluations, CLASSES, origin, {"epoch": "last"}
    )
    files = report.files()
    text, page = files["report.md"], files["report.html"]
    assert "No font" not in text
    headings = re.findall("^#+ (.*)$", text, re.MULTILINE)
    assert headings == [
        r"Results of \*run\*",
        "photos",
        "Most confident errors",
        "Most uncertain images",
        r"my \| \<set\> (1)",
        "Most confident errors",
        "Most uncertain images",
        "Representations",
        "Training",
        "What made it",
    ]
    # 160 is labelled dark, four times; 120 bright, four times, with doubt.
    assert text.count('"dark → bright 0.96&#10;') == 8
    assert text.count('"bright → dark 0.69&#10;') == 16
    shown = [urllib.parse.unquote(p) for p in re.findall(r"\]\((figures/[^) ]+)", text)]
    assert sorted(shown) == sorted(report.pictures)
    assert page.count("<img ") == len(shown)
    for name in evaluations:
        for kind in ("confusion_matrix", "class_f1", "reliability"):
            assert f"figures/{name}/{kind}.png" in report.pictures
    trained = [p for p in report.pictures if p.startswith("figures/training/")]
    assert len(trained) == 5
    assert "Macro F1 of `train`" in text
    assert "No curves" not in text
    assert {p for p in report.pictures if "map" in p} == {
        "figures/map/all.png",
        "figures/map/1.png",
        "figures/map/2.png",
    }
    assert "- epoch: last" in text
    assert "tensorflow 2.21.0, Python 3.13.0" in text
    assert "addons" not in text
    assert "- commit: c0ffee" in text
    for sha256 in (
        "ab" * 32,
        "cd" * 32,
        *(e.dataset.manifest_sha256 for e in evaluations.values()),
    ):
        assert f"`{sha256}`" in text
    assert "\n--seed=1\n--objective=byel\n" in text
    assert "&lt;set&gt;" in page and "<set>" not in page


@pytest.mark.usefixtures("no_charts")
@pytest.mark.parametrize(
    "name", ["1. a.jpg", "1) a", "- a.jpg", "+ a", "===", "   ", "", "\\"]
)
def test_no_file_name_ends_the_picture(
    prepare_brightness, make_evaluation, origin, name
):
    evaluation = make_evaluation(prepare_brightness("set", test=[(0, 0), (255, 1)]))
    names = ("first.jpg", name)
    predictions = dataclasses.replace(evaluation.predictions, filenames=names)
    evaluation = dataclasses.replace(evaluation, predictions=predictions)
    report = build_report("t", {"set": evaluation}, CLASSES, origin, {})
    page = report.files()["report.html"]
    assert page.count("<img ") == len(report.pictures)
    assert f"1.00\n{name}</figcaption>" in page


@pytest.mark.usefixtures("no_charts")
@pytest.mark.parametrize("name", ["map", "map.png", "map-1.png", "training"])
def test_no_data_set_takes_the_place_of_another_picture(
    evaluations, origin, tmp_path, name
):
    report = build_report(
        "t", {name: evaluations["photos"]}, CLASSES, origin, {}, shown_examples=0
    )
    for path, content in report.pictures.items():
        write_atomically(tmp_path / path, content)
    assert report.files()["report.html"].count("<img ") == len(report.pictures)


@pytest.mark.usefixtures("no_charts")
def test_the_least(prepare_brightness, make_evaluation, tmp_path):
    evaluation = make_evaluation(prepare_brightness("set", test=[(0, 0)]))
    origin = Origin(tmp_path, "ab", {}, (), None, None)
    report = build_report(
        "t", {"set": evaluation}, CLASSES, origin, {}, shown_examples=0
    )
    text = report.files()["report.md"]
    headings = re.findall("^#+ (.*)$", text, re.MULTILINE)
    assert headings == ["t", "set", "What made it"]
    assert all("set/" in name for name in report.pictures)


@pytest.mark.usefixtures("no_charts")
@pytest.mark.parametrize("content", [None, "", "{", '{"stage": "pretrain"'])
@pytest.mark.parametrize("cosines", [None, np.eye(2)])
def test_a_run_without_curves_says_so(
    prepare_brightness, make_evaluation, origin, content, cosines
):
    origin = dataclasses.replace(origin, emotion_vector_cosines=cosines)
    if content is None:
        origin = dataclasses.replace(origin, history=None)
    else:
        origin.history.write_text(content)
    evaluation = make_evaluation(prepare_brightness("set", test=[(0, 0)]))
    report = build_report(
        "t", {"set": evaluation}, CLASSES, origin, {}, shown_examples=0
    )
    text = report.files()["report.md"]
    assert "## Training\n\nNo curves: the run's folder has none recorded" in text
    assert "Macro F1 of `train`" not in text
    trained = [p for p in report.pictures if p.startswith("figures/training/")]
    assert len(trained) == (cosines is not None)


@pytest.mark.usefixtures("no_charts")
def test_the_synthetic_set_is_on_the_map_once(
    evaluations, origin, prepare_brightness, make_evaluation
):
    synthetic = make_evaluation(prepare_brightness("drawn", test=PICTURES[2:]))
    probe_set = ProbeSet(synthetic.dataset, None, None, "test", synthetic.predictions)

    def mapped(evaluations):
        report = build_report("t", evaluations, CLASSES, origin, {}, probe_set, 0)
        text = report.files()["report.md"]
        return re.search(r"representations \((.*) images\)", text).group(1)

    photos = {"photos": evaluations["photos"]}
    assert mapped(photos) == "drawn (test) 26, photos 28"
    assert mapped({"faces": synthetic, **photos}) == "faces 26, photos 28"
    other = dataclasses.replace(synthetic, split="train")
    assert mapped({"faces": other}) == "drawn (test) 26, faces 26"


@pytest.mark.usefixtures("no_charts")
def test_files(evaluations, origin):
    report = build_report("t", evaluations, CLASSES, origin, {})
    content = results_content(evaluations, CLASSES, {"split": "test"})
    files = dict(evaluation_files(report, evaluations, CLASSES, content))
    assert set(files) == {
        "report.md",
        "report.html",
        "results.json",
        *report.pictures,
        *(f"predictions/{name}.csv" for name in evaluations),
    }
    results = json.loads(files["results.json"])
    assert results["classes"] == list(CLASSES)
    assert results["split"] == "test"
    assert list(results["datasets"]) == list(evaluations)


@pytest.mark.usefixtures("no_charts")
def test_names_that_pictures_lack_are_said(evaluations, origin, monkeypatch):
    lacked = {"dark", "my | <set> (1)", "validation"}
    monkeypatch.setattr(figures, "can_draw", lambda text: text not in lacked)
    report = build_report("Results", evaluations, CLASSES, origin, {}, None, 0)
    text = report.files()["report.md"]
    words = "No font of this computer has these names, in pictures they are:"
    assert f"{words} label 0: dark.\n" in text
    assert rf"{words} data set 1: my \| \<set\> (1)." in text
    assert f"Stage 1, macro F1: {words} curve 0: validation. " in text
