import json
import multiprocessing
import os
import sys
import threading

import numpy as np
import pytest

from benchmarks import fuzz
from benchmarks.mutants import mutant, originals
from byel_tf.data.image_files import ImageLimits, RejectedImage, encode
from byel_tf.errors import RunError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory is read from /proc"
)


def is_taken(content):
    try:
        return bool(encode(content, ImageLimits()))
    except RejectedImage:
        return False


def test_originals_are_sound():
    assert all(is_taken(content) for content in originals().values())


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
def test_mutants_are_damaged_and_the_same_again():
    found = [mutant(3, number) for number in range(300)]
    assert found == [mutant(3, number) for number in range(300)]
    assert found != [mutant(4, number) for number in range(300)]
    kinds = {what.partition(":")[0] for what, _ in found}
    assert kinds == set(originals())
    damages = {word for what, _ in found for word in what.split(": ")[1].split(", ")}
    assert {"jpeg_scans", "jpeg_exif", "png_more", "png_header", "splice"} <= damages
    assert 0.1 < np.mean([is_taken(content) for _, content in found]) < 0.7


class Here(fuzz._Child):
    """Answers in this process, which has TensorFlow already."""

    def _begin(self):
        self._pipe, other = multiprocessing.Pipe()
        self._process = threading.Thread(
            target=self._target, args=(other, *self._arguments)
        )
        self._process.start()
        assert self._pipe.recv() == "ready"


def test_a_few_files_through_the_model(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(fuzz, "_Child", Here)
    monkeypatch.setattr(fuzz, "_apart", lambda function, path: function(path))
    output = tmp_path / "fuzz.json"
    fuzz.main(["fuzz", f"--output={output}", "--count=48", "--through=model"])
    result = json.loads(output.read_text())
    counts = result["counts"]
    assert result["files"] == counts["files"] == 48
    taken = {name: n for name, n in counts.items() if name.startswith("taken by")}
    assert sum(taken.values()) == 48
    assert taken["taken by both"] > 4
    assert taken["taken by neither"] > 4
    assert result["findings"] == []
    assert result["most"]["pixels apart, of 255"][0] <= 8
    assert "0 findings, 0 read differently" in capfd.readouterr().out


def end_of(pipe, end):
    """Answers with what it is asked; the end ends the process."""
    pipe.send("ready")
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        if end in asked:
            os.abort()
        pipe.send(asked)


def test_a_process_that_ends_is_begun_again():
    child = fuzz._Child(end_of, b"end")
    asked = ([b"a"], [b"end", b"b"], [b"end"], [b"b"])
    assert [child.ask(files) for files in asked] == [[b"a"], None, None, [b"b"]]
    child.close()


def answer(**changes):
    files = [(0.1, "both", 1, 0.001), (0.1, "the model alone", 0, 0.0)]
    return {"seconds": 0.1, "mb": 1.0, "neighbours": 0.0, "files": files, **changes}


class Child:
    """Answers as told; alone a file costs nothing, or ends the process."""

    def __init__(self, whole, alone):
        self._whole, self._alone = whole, list(alone)

    def ask(self, contents):
        return self._whole if len(contents) > 1 else self._alone.pop(0)

    def close(self):
        assert not self._alone


@pytest.mark.parametrize(
    ("whole", "alone", "findings"),
    [
        (answer(), [], []),
        (answer(neighbours=0.1), [], ["a batch from 0: a sound file differs by 0.1"]),
        (
            answer(files=[(1.5, "both", 0, 0.0), (0.1, "neither", 0, 0.0)]),
            [],
            ["import: first: 1.50 seconds"],
        ),
        (
            None,
            [None, answer(files=[(0.1, "neither", 0, 0.0)])],
            ["model: first: the process ends"],
        ),
        (
            answer(mb=400.0),
            [
                answer(files=[(0.1, "neither", 0, 0.0)]),
                answer(mb=301.0, files=[(0.1, "neither", 0, 0.0)]),
            ],
            ["model: second: 301.00 mb"],
        ),
        (
            answer(seconds=2.0),
            [answer(seconds=1.25, files=[(0.1, "both", 9, 0.0)]), answer(files=[])],
            ["model: first: 1.25 seconds"],
        ),
    ],
)
def test_findings(whole, alone, findings, monkeypatch):
    if alone and alone[-1] and not alone[-1]["files"]:
        alone[-1]["files"] = [(0.1, "neither", 0, 0.0)]
    monkeypatch.setattr(fuzz, "_Child", lambda *_: Child(whole, alone))
    report = fuzz.Report()
    names = {0: "first", 1: "second"}
    fuzz._through_model({0: b"a", 1: b"b"}, names, None, report)
    assert all(
        end in found for end, found in zip(findings, report.findings, strict=True)
    )
    if whole == answer():
        assert report.one_sided == {"the model alone": ["second"]}
        assert report.counts["taken by both"] == 1
    assert len(report.apart) == (whole is not None and whole["seconds"] > 1)


def test_an_unknown_way(tmp_path):
    with pytest.raises(RunError, match="--through=training: there is no such way"):
        fuzz.main(["fuzz", f"--output={tmp_path / 'a'}", "--through=training"])
