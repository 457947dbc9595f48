import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import detector
from byel_tf.program import run_program


def run(*arguments):
    return run_program(detector.main, ["detector", *map(str, arguments)])


def test_a_table_and_its_numbers(tmp_path, monkeypatch, capsys):
    """Few of everything; what counts is that all rows are there and within reason."""
    monkeypatch.setattr(detector, "_LARGEST_DRAWN", 100)
    monkeypatch.setattr(detector, "_SIZES", ((24, 48),))
    monkeypatch.setattr(detector, "_ROLLS", ((0, 15), (15, 45)))
    photographs = tmp_path / "photographs" / "sad"
    photographs.mkdir(parents=True)
    noise = np.random.default_rng(1).integers(256, size=(48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photographs / "noise.png")
    few = (
        "--drawn=3",
        "--placed=1",
        "--faceless=4",
        "--timed=1",
        "--detectors=own,haar",
    )
    output = tmp_path / "detector.json"
    pictures = f"--photographs={tmp_path / 'photographs'}"
    assert run(f"--output={output}", pictures, *few) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    rows = json.loads(output.read_text())["rows"]
    assert set(rows["photographs: found"]) == {"own", "haar"}
    assert rows["photographs: found"]["own"]["count"] == 0
    assert rows["drawn, synthetic: found"]["own"]["of"] == 3
    assert rows["drawn, synthetic: points away"]["own"]["value"] < 0.12
    assert rows["no face, made: false faces in"]["own"]["of"] == 4
    assert rows["48 x 48 pixels: milliseconds"]["own"]["value"] > 0
    for label in rows:
        assert label in shown
    # Wilson's interval: 8 of 10.
    share = detector._share(8, 10)
    assert share["low"] == pytest.approx(0.490, abs=1e-3)
    assert share["high"] == pytest.approx(0.943, abs=1e-3)


def test_wrong_usage(tmp_path, capsys):
    output = f"--output={tmp_path / 'x.json'}"
    assert run(output, "--detectors=own,hog") == 2
    assert "--detectors=own,hog: expected some of mtcnn, own, haar" in (
        capsys.readouterr().err
    )
    assert run(output, "--detectors=haar", f"--photographs={tmp_path}") == 1
    assert "no pictures (.png, .jpg, .jpeg) in" in capsys.readouterr().err
