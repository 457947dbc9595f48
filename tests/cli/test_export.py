"""Formats beside an export, and a folder of their own."""

import importlib
import json
import shutil

import numpy as np
import pytest

from byel_tf.cli import export as program
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.program import run_program


@pytest.fixture
def data(tmp_path, prepare_pictures):
    return prepare_pictures(tmp_path / "data" / "mine", train=12, test=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_encoder):
    """The version folder of a network of one convolution."""
    from byel_tf.models.networks import ExpressionNetwork
    from byel_tf.serving.export import ServingModule, export_saved_model

    network = ExpressionNetwork(tiny_encoder(), len(DEFAULT_CLASSES))
    kernel = network.head.kernel
    kernel.assign(np.random.default_rng(20220720).normal(size=kernel.shape))
    path = tmp_path_factory.mktemp("exported") / "1"
    module = ServingModule(network, DEFAULT_CLASSES, 16)
    metadata = {"classes": list(DEFAULT_CLASSES), "image_size": 16}
    export_saved_model(path, module, metadata)
    return path


@pytest.fixture
def exported(model, tmp_path):
    """A copy of it, in the folder of a run."""
    return shutil.copytree(model, tmp_path / "run" / "export" / "1")


def run(*arguments):
    return run_program(program.main, ["export.py", *map(str, arguments)])


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def needs_packages():
    for name in ("tf2onnx", "onnxruntime", "ai_edge_litert.interpreter"):
        pytest.importorskip(name)


def test_formats_go_into_the_export(exported, data, tmp_path, capsys):
    needs_packages()
    before = contents(exported)
    model = tmp_path / "run"  # its newest version is meant
    assert run(f"--model={model}", "--onnx", "--litert", f"--data={data}") == 0
    after = contents(exported)
    new = {"model.onnx", "model.tflite", "formats.json", "model_card.md"}
    assert set(after) == set(before) | new
    assert {name: after[name] for name in before} == before
    card = after["model_card.md"].decode()
    assert "`model.onnx`" in card
    assert "on 12 images" in card
    printed = capsys.readouterr().out
    assert "compared on 12 images" in printed
    assert "all labels equal on 12 images" in printed

    import onnxruntime

    from byel_tf.serving.image_inputs import decode_images
    from byel_tf.serving.loaded_model import load_model

    session = onnxruntime.InferenceSession(after["model.onnx"])
    images = np.random.default_rng(1).integers(0, 256, (3, 30, 20, 3), np.uint8)
    pixels, errors = decode_images(images, 16)
    assert errors == ["", "", ""]
    (found,) = session.run(["probabilities"], {"images": pixels})
    expected = load_model(exported).predict(images).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_folder_of_their_own(exported, data, tmp_path):
    needs_packages()
    before = contents(exported)
    output = tmp_path / "shipped"
    arguments = (f"--model={exported}", f"--data=set={data}", f"--output={output}")
    assert run(*arguments, "--litert", "--static_batch") == 0
    assert contents(exported) == before
    new = {"model.tflite", "formats.json", "model_card.md"}
    assert set(contents(output)) == set(before) | new
    content = json.loads((output / "formats.json").read_text(encoding="utf-8"))
    entry = content["files"]["model.tflite"]
    assert list(entry["compared_on"]) == ["set"]
    assert entry["input_shape"] == [1, 16, 16, 3]


def test_weights_in_half_precision(exported, data, tmp_path, capsys, monkeypatch):
    from byel_tf import pretrained
    from byel_tf.serving.load import load_export

    output = tmp_path / "package" / "people"
    arguments = (f"--model={exported}", "--weights=float16")
    assert run(*arguments, f"--data={data}") == 2
    assert run(*arguments, f"--output={output}") == 2
    assert not output.exists()
    before = contents(exported)
    assert run(*arguments, f"--data={data}", f"--output={output}") == 0
    assert contents(exported) == before
    assert "weights in half precision" in capsys.readouterr().out
    model = load_export(output)
    assert model.metadata["weights"] == "float16"
    assert model.metadata["weights_parity"]["images"] == 12
    card = (output / "model_card.md").read_text(encoding="utf-8")
    assert "weights in half precision" in card

    # As a part of the package it is found by name, and not written to.
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    assert run("--model=people") == 2
    assert "part of the package" in capsys.readouterr().err
    (output / "model_card.md").write_text(f"of its run\n\n{card}", encoding="utf-8")
    assert run("--model=people", "--output=copy") == 0
    copy = (tmp_path / "copy" / "model_card.md").read_text(encoding="utf-8")
    assert copy == f"of its run\n\n{card}"
    again = ("--weights=float16", f"--data={data}", "--output=again")
    assert run("--model=people", *again) == 2


def test_without_a_format_only_the_card_is_written(exported):
    before = set(contents(exported))
    assert run(f"--model={exported}") == 0
    assert set(contents(exported)) == before | {"model_card.md"}


@pytest.mark.parametrize("output", [False, True])
def test_what_differs_leaves_nothing(exported, data, tmp_path, monkeypatch, output):
    needs_packages()
    from byel_tf.serving import onnx

    class OtherModel(onnx.OnnxModel):
        def __call__(self, images):
            outputs = super().__call__(images)
            return {name: value + np.float32(1e-3) for name, value in outputs.items()}

    monkeypatch.setattr(onnx, "OnnxModel", OtherModel)
    before = contents(tmp_path)
    arguments = [f"--model={exported}", f"--data={data}", "--litert", "--onnx"]
    if output:
        arguments.append(f"--output={tmp_path}/shipped")
    assert run(*arguments) == 1
    assert contents(tmp_path) == before
    assert not (tmp_path / "shipped").exists()


def test_what_differs_is_told_in_one_line(exported, data, monkeypatch, capsys):
    needs_packages()
    from byel_tf.serving import parity

    monkeypatch.setattr(parity, "FLOAT_LIMIT", -1.0)
    assert run(f"--model={exported}", f"--data={data}", "--litert") == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "model.tflite is not written" in message
    assert "(mine: test/" in message


def test_int8_takes_the_first_train_split(exported, tmp_path, prepare_pictures):
    from byel_tf.data.prepared_dataset import open_dataset

    photographs = prepare_pictures(tmp_path / "photographs", test=6)
    drawn = prepare_pictures(tmp_path / "drawn", train=6)
    datasets = [open_dataset(str(path)) for path in (photographs, drawn)]
    assert program._with_train_split(datasets).name == "drawn"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--model is missing"),
        (("--model=x", "--onnx"), "--data is missing"),
        (("--model=x", "--onnx", "--static_batch"), "without --litert or --int8"),
        (("--model=x", "--tflite"), "unknown flag --tflite"),
        (("--model=x", "--data=", "--onnx"), "--data= is empty"),
    ],
)
def test_wrong_usage(arguments, expected, capsys):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (
            ("--model={folder}/run", "--onnx", "--data={data}", "--data={data}"),
            2,
            "two",
        ),
        (("--model={folder}", "--onnx", "--data={data}"), 1, "not an exported model"),
        (("--model={folder}/run", "--int8", "--data={test}"), 2, "with a train split"),
        (("--model={folder}/run", "--onnx", "--data={train}"), 1, "has no test split"),
        (("--model={folder}/run", "--onnx", "--data={other}"), 1, "the model has"),
        (("--model={folder}/run", "--output={data}"), 1, "not an empty folder"),
        (("--model={folder}/run", "--output={folder}/run/export/1/a/b"), 2, "lies in"),
    ],
)
def test_what_cannot_be_used(
    exported, data, tmp_path, prepare_pictures, capsys, arguments, code, expected
):
    needs_packages()
    prepare_pictures(tmp_path / "test", test=6)
    prepare_pictures(tmp_path / "train", train=6)
    prepare_pictures(tmp_path / "other", classes=("a", "b"), test=6, train=6)
    names = {name: tmp_path / name for name in ("test", "train", "other")}
    before = contents(tmp_path)
    given = [text.format(folder=tmp_path, data=data, **names) for text in arguments]
    assert run(*given) == code
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert expected in message
    assert contents(tmp_path) == before


def test_a_missing_package_is_told_before_anything_is_done(
    exported, data, monkeypatch, capsys
):
    def import_module(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", import_module)
    for flag, package in (("--onnx", "onnx"), ("--litert", "ai-edge-litert")):
        assert run(f"--model={exported}", f"--data={data}", flag) == 2
        message = capsys.readouterr().err
        assert f"the package {package} is needed" in message
        assert "pip install -r requirements-export.txt" in message
