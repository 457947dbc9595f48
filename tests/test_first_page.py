"""The way that docs/README.md leads a newcomer, command by command as written."""

import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.load import BUILT_IN, load_head
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face
from tests import small_network

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = CHECKOUT / "train_main.py"
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def commands():
    text = (CHECKOUT / "docs/README.md").read_text()
    return re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def draw(folder, domain, of_each, names, seed):
    """Faces in the middle of larger pictures, each class in a folder."""
    described = load_domain(domain)
    render = Renderer(load_head(BUILT_IN)).render
    for number in range(of_each * len(CLASSES)):
        label = number % len(CLASSES)
        face = sample_face(described, CLASSES[label], seed, number)
        picture = np.full((96, 120, 3), 128, np.uint8)
        picture[16:80, 28:92] = render(face, 64)
        path = folder / names[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)


@pytest.fixture
def place(tmp_path):
    """A checkout with installed packages, and a user's two folders."""
    (tmp_path / "byel_tf").symlink_to(CHECKOUT / "byel_tf")
    shutil.copytree(CHECKOUT / "flags", tmp_path / "flags")
    flagfile = tmp_path / "flags/own.cfg"
    small = flagfile.read_text().replace("=resnet18", f"={small_network.NAME}")
    for given, fewer in (
        ("finetune_epochs=18", "finetune_epochs=2"),
        ("finetune_warmup_epochs=3", "finetune_warmup_epochs=1"),
        ("batch_size=64", "batch_size=16"),
    ):
        assert given in small
        small = small.replace(given, fewer)
    flagfile.write_text(small + "--xla=off\n")  # compiled views have their own tests
    program = f"import runpy\nrunpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
    (tmp_path / "train_main.py").write_text(small_network.CODE + program)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    draw(tmp_path / "my_faces", "synthetic", 10, CLASSES, 1)
    draw(
        tmp_path / "my_photographs/2019", "shifted", 2, [n.title() for n in CLASSES], 2
    )
    return tmp_path


def test_the_way_of_the_first_page(place):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    said = []
    for command in commands():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
        if "--dry_run" in command:
            assert not (place / "data").exists()
    results = json.loads((place / "runs/mine/results.json").read_text())
    assert set(results["datasets"]) == {"mine", "photographs"}
    assert (place / "runs/mine/report.html").exists()
    assert len(list((place / "sheets").glob("*.png"))) == len(CLASSES)
    with open(place / "predictions.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 2 * len(CLASSES)
    assert {row["label"] for row in rows} <= set(CLASSES)
