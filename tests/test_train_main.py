"""The main job as a user runs it: flags in, a run's folder out."""

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, f1_score
from tensorboard.backend.event_processing import event_accumulator

from benchmarks.survive import fingerprints
from byel_tf.data.images import decode_and_resize
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.evaluation.calibration import fit_temperature, temper
from byel_tf.evaluation.evaluate import LOGITS, predict_split
from byel_tf.models.encoders import build_encoder
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.program import run_program
from byel_tf.serving.load import load_export
from byel_tf.training import run as training_run
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.run_directory import RunDirectory
from byel_tf.training.starting_weights import read_source
from byel_tf.training.state import named_variables
from tests import small_network
from train_main import INTERRUPTED, main

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
FLAGFILES = sorted(
    {*(CHECKOUT / "flags").glob("*.cfg")} - {CHECKOUT / "flags/detector.cfg"}
)


@pytest.fixture(scope="module")
def data(made_once, prepare_pictures):
    """Two small prepared data sets: `synthetic` with all splits, `shifted`."""

    def prepare(folder):
        prepare_pictures(folder / "synthetic", train=36, validation=12, test=12)
        prepare_pictures(folder / "shifted", test=60)

    return made_once("train_main_data", prepare)


# A model and a run that take seconds.
SMALL = [
    f"--encoder={small_network.NAME}",
    "--width=0.0625",
    "--stem=small",
    "--image_size=16",
    "--projection_size=8",
    "--hidden_size=16",
]


@pytest.fixture(scope="module", autouse=True)
def _small_network():
    with small_network.there():
        yield


@pytest.fixture
def arguments(data, tmp_path):
    """A command line for a small run; later flags override earlier ones."""
    return command_line(data, tmp_path / "run")


def command_line(data, model_dir):
    return [
        "train_main.py",
        f"--train_data={data}/synthetic",
        f"--model_dir={model_dir}",
        "--batch_size=8",
        "--pretrain_epochs=1",
        "--finetune_epochs=1",
        "--eval_every_epochs=0",
        "--xla=off",  # compiled views have tests of their own
        *SMALL,
    ]


@pytest.fixture
def training_only(monkeypatch):
    """Runs end before export and report; gives the stages they ended with."""
    ended = []

    def finish(self, stage, step, emotion_vectors, stages):
        ended.append((stage, step))

    monkeypatch.setattr(training_run._Run, "_finish", finish)
    return ended


@pytest.fixture(scope="module")
def finished(data, made_once):
    """A finished run, with its command line; tests change copies only."""

    def command(run):
        watched = [f"--eval_data={data}/shifted", "--eval_every_epochs=1"]
        return [*command_line(data, run), *watched]

    def train(folder):
        main(command(folder / "run"))

    run = made_once("train_main_finished", train) / "run"
    return run, command(run)


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run and the command line that continues it."""
    folder, arguments = finished
    shutil.copytree(folder, tmp_path / "run")
    return tmp_path / "run", [*arguments, f"--model_dir={tmp_path}/run"]


def last_scalars(folder):
    """The last value of each curve, by tag."""
    events = event_accumulator.EventAccumulator(str(folder)).Reload()
    return {
        tag: tf.make_ndarray(events.Tensors(tag)[-1].tensor_proto).item()
        for tag in events.PluginTagToContent("scalars")
    }


def read_test_split(folder):
    """Encoded images and labels of a test split."""
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }
    files = sorted(str(p) for p in folder.glob("test-*.tfrecord"))
    rows = [
        tf.io.parse_single_example(record, features)
        for record in tf.data.TFRecordDataset(files)
    ]
    images = tf.stack([row["image/encoded"] for row in rows])
    return images, np.array([int(row["image/class/label"]) for row in rows])


def test_a_run_leaves_everything_it_promises(finished, data):
    run, _ = finished
    results = json.loads((run / "results.json").read_text())
    assert results["classes"] == list(DEFAULT_CLASSES)
    assert results["selection"] == "synthetic"
    assert set(results["datasets"]) == {"synthetic", "shifted"}
    for name in results["datasets"]:
        chart = f"figures/{name}/confusion_matrix.png"
        assert (run / chart).read_bytes()[:4] == b"\x89PNG"
        assert chart in (run / "report.md").read_text()
        assert 0 <= results["datasets"][name]["linear_probe"]["macro_f1"] <= 1
    assert "domain_gap" not in results["datasets"]["synthetic"]
    assert results["datasets"]["shifted"]["domain_gap"]["reference_count"] == 12
    for picture in ("emotion_vectors", "pretrain-losses", "finetune-macro_f1"):
        assert (run / "figures" / "training" / f"{picture}.png").exists()
    page = (run / "report.html").read_text()
    assert page.count("<img ") == len(list((run / "figures").rglob("*.*")))
    for stage in ("pretrain", "finetune"):
        assert list((run / "checkpoints" / stage).glob("step-*/manifest.json"))
        shown = last_scalars(run / "tensorboard" / stage)
        for name in results["datasets"]:
            assert f"{stage}/macro_f1_test/{name}" in shown
    # The last epoch of stage 2 is the one that was exported.
    final = last_scalars(run / "tensorboard" / "final")
    for name, reported in results["datasets"].items():
        assert final[f"results/macro_f1/{name}"] == pytest.approx(reported["macro_f1"])
        watched = shown[f"finetune/macro_f1_test/{name}"]
        assert watched == pytest.approx(reported["macro_f1"])
    facts = json.loads((run / "run.json").read_text())
    manifest = json.loads((data / "synthetic" / "dataset.json").read_text())
    assert facts["datasets"]["train_data"]["source"] == manifest["source"]
    assert "no GPU" in facts["devices"]

    # The reported numbers are those of the SavedModel, computed here once more.
    model = tf.saved_model.load(str(run / "export" / "1"))
    for name, reported in results["datasets"].items():
        images, labels = read_test_split(data / name)
        outputs = model.signatures["serving_default"](image_bytes=images)
        predictions = outputs["probabilities"].numpy().argmax(axis=1)
        assert reported["count"] == len(labels)
        assert reported["macro_f1"] == pytest.approx(
            f1_score(labels, predictions, average="macro", zero_division=0)
        )
        assert reported["accuracy"] == pytest.approx(
            accuracy_score(labels, predictions)
        )


def test_the_temperature_is_fitted_on_held_out_synthetic_images(finished, data):
    run, _ = finished
    model = load_export(run / "export" / "1")
    held_out = predict_split(
        model, open_dataset(f"{data}/synthetic"), "validation", keep=(LOGITS,)
    )
    fitted = fit_temperature(held_out.labels, held_out.logits)
    assert fitted != 1
    assert model.metadata["fitted_temperature"] == pytest.approx(fitted, rel=1e-4)
    expected = max(1.0, fitted)  # never sharper
    assert model.metadata["temperature"] == pytest.approx(expected, rel=1e-4)
    assert model.metadata["selection"] == "synthetic"
    np.testing.assert_allclose(
        held_out.probabilities, temper(held_out.logits, expected), atol=1e-5
    )
    results = json.loads((run / "results.json").read_text())
    assert results["probe_data"]["temperature"] == model.metadata["fitted_temperature"]
    for entry in results["datasets"].values():
        exported = entry["calibration"]["exported"]
        assert exported["temperature"] == model.metadata["temperature"]
        assert exported["log_loss"] == entry["log_loss"]
        assert entry["calibration"]["uncalibrated"]["temperature"] == 1
        assert entry["intervals"]["unit"] == "image"


def test_another_run_can_begin_with_its_encoder(finished):
    run, _ = finished
    source = read_source(str(run / "export" / "1"))
    saved = Checkpoints(run / "checkpoints" / "finetune").newest()
    assert source.what == f"export 1, fine-tuning step {saved.numbers['best']['step']}"
    assert len(source.weights) > 20
    for name, value in source.weights.items():
        best = saved.arrays[f"best/networks/network/{name}"]
        np.testing.assert_array_equal(value, best.reshape(value.shape), err_msg=name)


def test_a_finished_run_is_not_exported_twice(copied, no_charts):
    run, arguments = copied
    before = json.loads((run / "results.json").read_text())
    history = (run / "history.jsonl").read_text()
    facts = run / "export" / "1" / "byel.json"
    facts.write_text(
        json.dumps({**json.loads(facts.read_text()), "fitted_temperature": 3.0})
    )
    main(arguments)
    after = json.loads((run / "results.json").read_text())
    # Nor is the temperature fitted again: it is the export's.
    assert after["probe_data"].pop("temperature") == 3
    del before["probe_data"]["temperature"]
    for results in (before, after):
        for entry in results["datasets"].values():
            del entry["calibration"]["fitted"]
    assert after == before
    assert [path.name for path in (run / "export").iterdir()] == ["1"]
    assert (run / "history.jsonl").read_text() == history
    assert len(list((run / "tensorboard" / "final").glob("events.*"))) == 1
    # An export of older weights, of a run stopped before it exported, is not reported.
    content = json.loads(facts.read_text())
    facts.write_text(json.dumps({**content, "step": content["step"] - 1}))
    assert list((run / "figures").rglob("*.jpg"))
    main([*arguments, "--report_examples=0"])
    assert sorted(path.name for path in (run / "export").iterdir()) == ["1", "2"]
    # Thumbnails go when they are no longer asked for.
    assert not list((run / "figures").rglob("*.jpg"))
    assert list((run / "figures").rglob("*.png"))


def test_fewer_steps_than_done_are_refused(copied, capsys):
    run, arguments = copied
    before = (run / "flags.cfg").read_text()
    assert run_program(main, [*arguments, "--max_steps=1"]) == 1
    assert "has done 4 steps of pretrain, more than the 1" in capsys.readouterr().err
    assert (run / "flags.cfg").read_text() == before


def test_checkpoints_of_an_unknown_run_are_refused(copied, capsys):
    run, arguments = copied
    (run / "run.json").unlink()
    assert run_program(main, arguments) == 1
    assert "no flags.cfg and run.json" in capsys.readouterr().err


def test_another_run_in_the_same_folder_is_refused(copied, capsys):
    _, arguments = copied
    assert run_program(main, [*arguments, "--seed=2"]) == 1
    error = capsys.readouterr().err
    assert re.search(r"^--seed +1 +2$", error, re.MULTILINE)
    assert "holds a run with other flags (--seed; " in error


def test_stage_1_does_not_go_on_behind_stage_2(copied, capsys):
    _, arguments = copied
    assert run_program(main, [*arguments, "--pretrain_epochs=2"]) == 1
    assert "a fine-tuning that began after 4 steps" in capsys.readouterr().err


@pytest.fixture
def beginning_of_mobilenet(monkeypatch):
    """MobileNet ends after its second block: tracing all takes most of the time."""
    from byel_tf.compat import keras

    whole = keras.applications.MobileNet

    @functools.wraps(whole)
    def beginning(**options):
        network = whole(**options)
        features = network.get_layer("conv_pw_2_relu").output
        features = keras.layers.GlobalAveragePooling2D()(features)
        return keras.Model(network.input, features)

    monkeypatch.setattr(keras.applications, "MobileNet", beginning)


def test_networks_of_keras_and_selection_on_other_data(
    arguments, data, tmp_path, beginning_of_mobilenet, no_charts
):
    copy = tmp_path / "photographs"
    shutil.copytree(data / "synthetic", copy)
    network = ["--encoder=MobileNet", "--image_size=32", "--width=1", "--stem=imagenet"]
    main(
        [
            *arguments,
            *network,
            "--objective=supervised",
            "--strategy=mirrored",
            f"--selection_data={copy}",
            "--max_steps=2",
        ]
    )
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["selection"] == "real"
    assert results["datasets"]["synthetic"]["count"] == 12
    assert last_scalars(tmp_path / "run" / "tensorboard" / "final")


SWITCHES = [
    "--channels=1",
    "--normalization=per_image",
    "--label_smoothing=0.1",
    "--action_unit_weight=0.5",
    "--class_balance=weights",
    "--pretrain_schedule=one_cycle",
    "--pretrain_warmup_epochs=0.5",
    "--finetune_schedule=one_cycle",
    "--finetune_warmup_epochs=0.5",
    "--finetune_learning_rate=1e-2",
    "--weight_ema=0.9",
    "--flip_average",
    "--standardize_targets",
    "--max_steps=3",
]


def test_every_switch_of_the_recipe_at_once(arguments, data, tmp_path, no_charts):
    watching = ["--eval_every_epochs=1", "--histograms"]
    main([*arguments, *SWITCHES, *watching, "--strategy=mirrored"])
    run = tmp_path / "run"
    metadata = json.loads((run / "export" / "1" / "byel.json").read_text())
    assert (metadata["channels"], metadata["flip_average"]) == (1, True)

    # What is shipped: the mean over both mirror images, by the averaged weights.
    network = ExpressionNetwork(
        build_encoder(
            small_network.NAME,
            image_size=16,
            width=0.0625,
            stem="small",
            channels=1,
            normalization="per_image",
        ),
        len(DEFAULT_CLASSES),
    )
    saved = Checkpoints(run / "checkpoints" / "finetune").newest()
    images, _ = read_test_split(data / "synthetic")
    pixels = tf.stack([decode_and_resize(image, 16) for image in images]) / 255
    logits = {}
    for name in ("averaged", "network"):
        for path, variable in named_variables(network):
            value = saved.arrays[f"networks/{name}/{path}"]
            # Of batch norm's statistics there is one a replica.
            is_statistic = value.ndim > len(variable.shape)
            variable.assign(value.mean(axis=0) if is_statistic else value)
        both = [network(p)[1] for p in (pixels, pixels[:, :, ::-1])]
        logits[name] = (both[0] + both[1]) / 2
    assert np.abs(logits["averaged"] - logits["network"]).max() > 1e-2
    model = tf.saved_model.load(str(run / "export" / "1"))
    outputs = model.signatures["serving_default"](image_bytes=images)
    np.testing.assert_allclose(outputs["logits"], logits["averaged"], atol=1e-4)


@pytest.mark.parametrize(
    "flags",
    [
        ["--noemotion_subtraction", "--precision=mixed_float16", "--augmentation=byol"],
        ["--objective=supervised"],
        ["--objective=joint", "--pairs=label", "--label_share=0.5"],
        ["--objective=fixmatch", "--label_share=0.5", "--consistency_threshold=0.8"],
    ],
    ids=lambda flags: flags[0],
)
def test_every_switch_with_the_controls(arguments, training_only, flags):
    main([*arguments, *SWITCHES, *flags])
    assert len(training_only) == 1


#: Flagfiles whose first step of each stage is taken; others have the same parts.
STEPPED = {"byol", "facekit"}


@pytest.mark.parametrize("flagfile", FLAGFILES, ids=lambda path: path.stem)
def test_every_flagfile_builds_its_stages(
    flagfile, data, tmp_path, training_only, monkeypatch
):
    # The reference's networks are built as they are, at 128 px.
    small = [] if flagfile.stem == "reference" else SMALL
    # Compiled views have tests of their own, and are in one of these.
    xla = [] if flagfile.stem == "byol" else ["--xla=off"]
    if flagfile.stem not in STEPPED:
        monkeypatch.setattr(training_run.StageLoop, "run", lambda loop: None)
    empty = np.zeros((2, 2, 3), np.uint8)  # a sheet takes longer than the faces
    monkeypatch.setattr("byel_tf.synthesis.dataset.prototype_sheet", lambda *_: empty)
    main(
        [
            "train_main.py",
            f"--flagfile={flagfile}",
            *small,
            *xla,
            f"--train_data={data}/synthetic",
            f"--model_dir={tmp_path}/run",
            "--synthesize_eval=12",
            "--head=built-in",  # others are fetched
            "--nosoft_labels",  # so few faces have no mixture among them
            "--label_share=1",  # and no few to label
            "--eval_every_epochs=0",  # to save time
            "--batch_size=8",
            "--max_steps=1",
        ]
    )
    ((stage, step),) = training_only
    assert stage.name == "finetune"
    assert step == (flagfile.stem in STEPPED)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Relative paths of flagfiles end in the test's own folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("extra", "code", "reason"),
    [
        (["--no_such_flag=1"], 2, "unknown flag --no_such_flag"),
        (
            ["--objective=other"],
            2,
            "expected one of byel, byol, joint, fixmatch, supervised",
        ),
        (["--batch_size=many"], 2, "--batch_size=many"),
        (["--batch_size=0"], 2, "--batch_size=0"),
        (["stray"], 2, "unexpected argument 'stray'"),
        (["--flagfile=missing.cfg"], 2, "missing.cfg"),
        (["--encoder=resnet19"], 2, "--encoder=resnet19 is unknown"),
        (["--encoder_weights=imagenet"], 2, "--encoder_weights=imagenet"),
        (["--train_data=missing"], 1, "missing is not a prepared data set"),
        (["--strategy=mirrored", "--batch_size=7"], 2, "--batch_size=7 is the sum"),
        (["--batch_size=1000"], 1, "fewer than --batch_size=1000"),
        (["--model_dir=/dev/null/run"], 1, "--model_dir=/dev/null/run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line(arguments, capsys, extra, code, reason):
    assert run_program(main, [*arguments, *extra]) == code
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.strip().splitlines()) == 1


def test_two_data_sets_of_one_name_are_refused(arguments, data, capsys):
    clash = f"--eval_data=synthetic={data}/shifted"
    assert run_program(main, [*arguments, clash]) == 2
    assert "two data sets are named 'synthetic'" in capsys.readouterr().err


def test_a_data_set_of_other_classes_is_refused(
    arguments, prepare_pictures, tmp_path, capsys
):
    prepare_pictures(tmp_path / "other", ("happiness", "contempt"), test=6)
    assert run_program(main, [*arguments, f"--eval_data={tmp_path}/other"]) == 1
    assert (
        "has the classes happiness, contempt, the model has" in capsys.readouterr().err
    )


def test_action_units_that_are_not_there(arguments, prepare_pictures, tmp_path, capsys):
    prepare_pictures(tmp_path / "plain", units=(), train=8, validation=2)
    wrong = [f"--train_data={tmp_path}/plain", "--action_unit_weight=1"]
    assert run_program(main, [*arguments, *wrong]) == 2
    error = capsys.readouterr().err
    assert "data set plain" in error and "has no action units" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_autocluster_compiles_clusters_on_cpus(arguments, tmp_path):
    command = [sys.executable, str(CHECKOUT / "train_main.py"), *arguments[1:]]
    command += ["--objective=supervised", "--xla=autocluster", "--max_steps=1"]
    command += ["--encoder=resnet18"]
    dump = tmp_path / "xla"
    process = subprocess.Popen(
        command,
        env={**os.environ, "XLA_FLAGS": f"--xla_dump_to={dump}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(dump.glob("*cluster*")):
        time.sleep(0.01)
    # Export and report would be compiled, too, for minutes.
    process.kill()
    _, error = process.communicate()
    assert list(dump.glob("*cluster*")), f"nothing was compiled: {error}"


def test_wrong_flags_are_answered_without_tensorflow():
    code = (
        "import sys, train_main; from byel_tf.program import run_program; "
        "code = run_program(train_main.main, ['train_main.py', '--nope']); "
        "sys.exit(code if 'tensorflow' not in sys.modules else 99)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("train_main.py: ")


def test_told_to_end_and_killed_it_is_the_same_run(finished, data, tmp_path):
    """A real process, ended in both stages at a step within an epoch."""
    whole, arguments = finished
    run = tmp_path / "run"
    arguments = [*arguments, f"--model_dir={run}", "--checkpoint_steps=1"]
    # As many devices as here: on another number TensorFlow shares out its threads
    # otherwise, and rounds otherwise.
    code = (
        "import sys, tensorflow as tf\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "two = [tf.config.LogicalDeviceConfiguration()] * 2\n"
        "tf.config.set_logical_device_configuration(cpu, two)\n"
        "import train_main\n"
        f"{small_network.CODE}"
        "print('exit code', train_main.run(), flush=True)\n"
        "train_main.run()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments[1:]],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for stage, step, number in (
        ("pretrain", 1, signal.SIGTERM),
        ("finetune", 2, signal.SIGKILL),
    ):
        checkpoints = run / "checkpoints" / stage
        while process.poll() is None and not list(checkpoints.glob(f"*{step}-epoch*")):
            time.sleep(0.01)
        process.send_signal(number)
    printed, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    ended, _, continued = printed.partition(f"exit code {INTERRUPTED}\n")
    assert INTERRUPTED == 75
    assert "SIGTERM: finishing the step and saving" in ended
    assert "pretrain: saved at step " in ended
    assert "pretrain: continuing from step " in continued
    main(arguments)
    assert fingerprints(run) == fingerprints(whole)


def test_the_lock_of_a_run_names_who_has_it(arguments, capsys):
    directory = RunDirectory(arguments[2].partition("=")[2])
    with directory.locked():
        assert run_program(main, arguments) == 1
    assert f"is in use by process {os.getpid()} on " in capsys.readouterr().err
