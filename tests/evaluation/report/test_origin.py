import json
import shutil

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.evaluation.report.origin import find_origin


@pytest.fixture
def run(export_brightness, tmp_path):
    (tmp_path / "run" / "export").mkdir(parents=True)
    cosines = [[1.0, 0.5], [0.5, 1.0]]
    export = tmp_path / "run" / "export" / "1"
    export_brightness(export, emotion_vector_cosines=cosines)
    (tmp_path / "run" / "run.json").write_text(json.dumps({"byel_tf": "1"}))
    (tmp_path / "run" / "flags.cfg").write_text("--seed=1\n")
    (tmp_path / "run" / "history.jsonl").touch()
    return tmp_path / "run"


def test_within_its_run(run):
    origin = find_origin(run / "export" / "1")
    assert origin.run == {"byel_tf": "1"}
    assert origin.flags == ("--seed=1",)
    assert origin.history == run / "history.jsonl"
    np.testing.assert_array_equal(origin.emotion_vector_cosines, [[1, 0.5], [0.5, 1]])


def test_a_run_without_history(run):
    (run / "history.jsonl").unlink()
    origin = find_origin(run / "export" / "1")
    assert origin.run == {"byel_tf": "1"}
    assert origin.history is None


def test_beside_what_is_no_run(run):
    (run / "run.json").unlink()
    assert find_origin(run / "export" / "1").history is None


def test_taken_out_of_its_run(run, tmp_path):
    export = tmp_path / "shipped"
    shutil.copytree(run / "export" / "1", export)
    origin = find_origin(export)
    assert (origin.run, origin.flags, origin.history) == ({}, (), None)
    assert origin.sha256 == find_origin(run / "export" / "1").sha256


@pytest.mark.parametrize("name", ["saved_model.pb", "byel.json", "variables"])
def test_the_hash_is_that_of_the_model(run, name):
    export = run / "export" / "1"
    before = find_origin(export).sha256
    (export / "model_card.md").write_text("written later")
    assert find_origin(export).sha256 == before
    file = export / name
    if file.is_dir():
        file = next(file.glob("*.index"))
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    assert find_origin(export).sha256 != before


def test_no_export(tmp_path):
    with pytest.raises(RunError, match="is not an exported model"):
        find_origin(tmp_path)


@pytest.mark.parametrize(
    "cosines",
    [[[1, 0.5], [0.5]], [[1.0]], [1, 0.5], "x", 5, {}, [], [["a", "b"]] * 2,
     [[float("nan")] * 2] * 2, [[[1], [1]]] * 2],
)  # fmt: skip
def test_cosines_that_are_none(run, cosines):
    export = run / "export" / "1"
    metadata = {"classes": ["dark", "bright"], "emotion_vector_cosines": cosines}
    (export / "byel.json").write_text(json.dumps(metadata))
    expected = "byel.json: emotion_vector_cosines is not 2 × 2 finite numbers"
    with pytest.raises(RunError, match=expected):
        find_origin(export)
