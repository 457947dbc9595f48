"""The program's own main, on the export of a network that is as narrow as can be."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.cli.adapt import main
from byel_tf.program import run_program
from tests import small_network

CLASSES = ("anger", "fear", "happiness")
FACTS = {
    "classes": list(CLASSES),
    "image_size": 16,
    "encoder": small_network.NAME,
    "width": 0.25,
    "stem": "strided",
    "channels": 3,
    "normalization": "imagenet",
    "flip_average": True,
    "temperature": 2.0,
    "crop": "none",
    "crop_margin": 1.0,
}


@pytest.fixture(scope="module", autouse=True)
def _small_network():
    with small_network.there():
        yield


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Sixty pictures of noise in three colours, and a file that is none."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(1)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])
    for number in range(60):
        pixels = colours[number % 3] + generator.normal(0, 30, (20, 18, 3))
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        image.save(folder / f"{number:02}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def export(photographs, tmp_path_factory):
    from byel_tf.compat import keras
    from byel_tf.models.encoders import build_encoder
    from byel_tf.models.networks import ExpressionNetwork
    from byel_tf.serving.export import ServingModule, export_saved_model

    keras.utils.set_random_seed(2)
    given = {"image_size": 16, "width": 0.25, "stem": "strided"}
    encoder = build_encoder(small_network.NAME, **given)
    network = ExpressionNetwork(encoder, 3, flip_average=True)
    files = sorted(photographs.glob("*.png"))
    pixels = np.stack([np.array(Image.open(f).resize((16, 16))) for f in files]) / 255
    for _ in range(40):
        encoder(pixels.astype(np.float32), training=True)
    representations = encoder(pixels.astype(np.float32)).numpy()
    targets = 8 * np.eye(3)[np.arange(60) % 3]
    inputs = np.concatenate([representations, np.ones((60, 1))], axis=1)
    weights, *_ = np.linalg.lstsq(inputs, targets, rcond=None)
    network.head.set_weights([weights[:-1], weights[-1]])
    path = tmp_path_factory.mktemp("run") / "export" / "1"
    module = ServingModule(network, CLASSES, 16, temperature=2.0)
    export_saved_model(path, module, FACTS)
    return path


def run(export, photographs, output, *arguments):
    return run_program(
        main,
        [
            "adapt.py",
            f"--model={export}",
            f"--input={photographs}",
            f"--output={output}",
            "--workers=1",
            *arguments,
        ],
    )


def predict(path, photographs):
    loaded = tf.saved_model.load(str(path))
    files = [f.read_bytes() for f in sorted(photographs.glob("*.png"))]
    return loaded.signatures["serving_default"](image_bytes=tf.constant(files))


def test_a_new_export(export, photographs, tmp_path, capsys):
    output = tmp_path / "adapted"
    arguments = ("--method=statistics", "--source_images=30")
    arguments += ("--diversity=0", "--confidence=0", "--agreement=0")
    assert run(export, photographs, output, *arguments) == 0
    printed = capsys.readouterr()
    assert "60 images, 1 could not be read" in printed.err
    first, second, last = printed.out.splitlines()
    assert first.startswith("estimated class shares: anger 0.")
    assert second.startswith("statistics: ")
    assert last == f"written to {output}"
    facts = json.loads((output / "byel.json").read_text())
    assert FACTS.items() <= facts.items()
    adaptation = facts["adaptation"]
    assert adaptation["images"] == 60
    assert adaptation["strength"] == 1
    assert adaptation["settings"]["source_images"] == 30
    assert sum(adaptation["shares"].values()) == pytest.approx(1, abs=1e-3)
    digests = sorted(
        hashlib.sha256(f.read_bytes()).digest() for f in photographs.glob("*.png")
    )
    expected = hashlib.sha256(b"".join(digests)).hexdigest()
    assert adaptation["data_sha256"] == expected
    card = (output / "model_card.md").read_text()
    assert "## Adaptation" in card
    assert f"| SHA-256 of the images | `{expected}` |" in card
    before, after = (predict(path, photographs) for path in (export, output))
    moved = np.abs(before["probabilities"] - after["probabilities"])
    assert 1e-4 < moved.max() < 1
    assert after["logits"].shape == (60, 3)

    # Adaptations do not add up.
    code = run(output, photographs, tmp_path / "again", "--method=prior")
    assert code == 1
    assert "was adapted before: give the export" in capsys.readouterr().err


def test_a_prior_counts_once(export, photographs, tmp_path):
    fewer = tmp_path / "with fewer red ones"
    fewer.mkdir()
    for number in range(60):
        if number % 3 or number < 30:
            shutil.copy(photographs / f"{number:02}.png", fewer)
    output = tmp_path / "adapted"
    assert run(export, fewer, output, "--method=prior", "--noguard") == 0
    facts = json.loads((output / "byel.json").read_text())
    assert facts["adaptation"]["guard"] is None
    assert facts["class_shares"] != pytest.approx([1 / 3] * 3, abs=0.01)
    prior = tf.constant([0.6, 0.1, 0.3])
    files = tf.constant([f.read_bytes() for f in sorted(photographs.glob("*.png"))])
    before, after = (
        tf.saved_model.load(str(path)).signatures["with_prior"](
            image_bytes=files, prior=prior
        )
        for path in (export, output)
    )
    np.testing.assert_allclose(
        after["probabilities"], before["probabilities"], atol=1e-5
    )


def test_held_back_it_is_the_source(export, photographs, tmp_path, capsys):
    output = tmp_path / "adapted"
    arguments = ("--method=prototypes", "--diversity=0", "--confidence=1")
    assert run(export, photographs, output, *arguments) == 0
    printed = capsys.readouterr().out
    assert "not adapted, the model is as it was: the model is not sure" in printed
    assert json.loads((output / "byel.json").read_text())["adaptation"]["strength"] == 0
    before, after = (predict(path, photographs) for path in (export, output))
    np.testing.assert_array_equal(before["logits"], after["logits"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--method is missing"),
        (("--method=tent",), 2, "--method=tent: expected one of statistics"),
        (("--method=prior", "--input=-"), 2, "--input=- cannot be adapted to"),
        (("--method=prior", "--input=none"), 1, "--input=none does not exist"),
        (
            ("--method=prior", "--images_per_class=21"),
            1,
            "has 60 images that can be used, at least 63 are needed",
        ),
        (
            ("--method=prior", "--max_images=9"),
            1,
            "has 9 images that can be used, at least 45 are needed",
        ),
    ],
)
def test_refused(export, photographs, tmp_path, capsys, arguments, code, words):
    output = tmp_path / "adapted"
    assert run(export, photographs, output, *arguments) == code
    printed = capsys.readouterr().err.splitlines()
    assert words in printed[-1]
    is_cut = "--max_images=9" in arguments
    assert is_cut == any("61 images the first 9 are learned" in x for x in printed)
    assert not output.exists()


def test_what_is_no_export_of_a_network(
    export_brightness, photographs, tmp_path, capsys
):
    other = export_brightness(tmp_path / "other")
    assert run(other, photographs, tmp_path / "out", "--method=prior") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "is no export whose network can be built" in line


def test_an_error_is_one_line_without_remarks_of_libraries(photographs, tmp_path):
    flags = ["--model=none", f"--input={photographs}", f"--output={tmp_path}/out"]
    command = [sys.executable, "-m", "byel_tf", "adapt", "--method=prior", *flags]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "none" in done.stderr


def test_prediction_for_class_shares(export, photographs, tmp_path, capsys):
    from byel_tf.cli import predict as program

    def rows(name, *arguments):
        output = tmp_path / name
        argv = [f"--model={export}", f"--input={photographs}/*.png", *arguments]
        code = run_program(
            program.main,
            ["predict.py", *argv, f"--output={output}", "--workers=1"],
        )
        if code:
            return code
        with open(output, newline="") as file:
            found = list(csv.DictReader(file))
        return np.array([[float(row[name]) for name in CLASSES] for row in found])

    plain = rows("plain.csv")
    skewed = rows("skewed.csv", "--prior=fear=1,anger=6,happiness=3")
    expected = plain * np.array([0.6, 0.1, 0.3])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(skewed, expected, atol=1e-5)
    capsys.readouterr()
    for prior, words in (
        ("anger=1", "has no share of fear, happiness"),
        ("anger=1,fear=0,happiness=1", "'fear=0' is no share of a class"),
        ("anger=1,fear=1,joy=1", "'joy=1' is no share of a class"),
        ("", "'' is no share of a class"),
    ):
        assert rows("wrong.csv", f"--prior={prior}") == 2
        assert words in capsys.readouterr().err
