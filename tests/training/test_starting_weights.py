"""`--init_from`: which weights of what are taken, and what is said of the others."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from byel_tf import pretrained
from byel_tf.compat import keras
from byel_tf.errors import RunError
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.encoders import build_encoder
from byel_tf.serving import half_precision
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export
from byel_tf.serving.networks import read_network
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.starting_weights import read_source, take
from byel_tf.training.state import TrainingState, is_each_replicas_own, named_variables
from tests import small_network

FACTS = {
    "classes": ["a", "b", "c"],
    "encoder": small_network.NAME,
    "image_size": 16,
    "width": 0.0625,
    "stem": "small",
    "channels": 1,
    "normalization": "per_image",
}


@pytest.fixture(scope="module", autouse=True)
def _small_network():
    with small_network.there():
        yield


@pytest.fixture
def save(tmp_path):
    """A function that saves a model, as a run does, and gives the folder of the run."""

    def save(model, name="pretrain", best=None):
        state = TrainingState(model)
        state.step = 9
        if best is not None:
            scatter(model, best)
            state.step = 6
            state.offer(0.5)
            state.step = 9
        scatter(model, 1)
        arrays, numbers = state.to_arrays()
        Checkpoints(tmp_path / "run" / "checkpoints" / name).save(arrays, numbers)
        return tmp_path / "run"

    return save


def scatter(model, seed):
    """Gives every variable, and every replica's own, values that tell the seed."""
    rng = np.random.default_rng(seed)
    for network in model.networks.values():
        for _, variable in named_variables(network):
            copies = model.distribute_strategy.experimental_local_results(variable)
            for one in copies if is_each_replicas_own(variable) else [variable]:
                one.assign(rng.uniform(0.5, 1.5, one.shape))


def values(model):
    """Means over replicas of all variables of the networks, by network and name."""
    strategy = model.distribute_strategy
    return {
        f"{name}/{path}": np.mean(
            [c.numpy() for c in strategy.experimental_local_results(variable)], axis=0
        )
        for name, network in model.networks.items()
        for path, variable in named_variables(network)
    }


def encoder_of(found, network):
    prefix = f"{network}/encoder/"
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def assert_equal(found, expected):
    assert found.keys() == expected.keys() and len(found) >= 5
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_pre_training_takes_all_networks_of_another(
    make_byel, save, two_replicas, replicas
):
    if replicas == 2:
        with two_replicas.scope():
            first = make_byel()
    else:
        first = make_byel()
    folder, model = save(first), make_byel()
    source = read_source(str(folder))
    assert source.what == "pre-training, step 9"
    text = take(source, model)
    assert_equal(values(model), values(first))
    header, *rows = text.splitlines()
    assert header == f"init_from: {folder} (pre-training, step 9)"
    assert len(rows) == 9 and all(row.endswith(" 0 not") for row in rows)
    assert "online/encoder 5 taken, 0 not" in [" ".join(row.split()) for row in rows]


@pytest.mark.parametrize("weight_ema", [0, 0.9])
def test_a_fine_tuning_takes_the_online_encoder(
    make_byel, make_classifier, save, weight_ema
):
    first = make_byel()
    model = make_classifier(weight_ema=weight_ema)
    head = model.network.head.kernel.numpy()
    text = take(read_source(str(save(first))), model)
    for network in ["network", *(["averaged"] if weight_ema else [])]:
        assert_equal(
            encoder_of(values(model), network), encoder_of(values(first), "online")
        )
        assert f"{network}/head" in text
    np.testing.assert_array_equal(model.network.head.kernel, head)
    (row,) = (row for row in text.splitlines() if "network/head" in row)
    assert row.split()[1:5] == ["0", "taken,", "2", "not;"] and "not in it" in row


@pytest.mark.parametrize("is_averaged", [False, True])
@pytest.mark.parametrize("has_best", [False, True])
def test_of_a_fine_tuning_what_was_validated_is_taken(
    make_byel, make_classifier, save, is_averaged, has_best
):
    first = make_classifier(weight_ema=0.9 if is_averaged else 0.0)
    folder = save(first, "finetune", best=2 if has_best else None)
    source = read_source(str(folder))
    assert source.what == f"fine-tuning, step {6 if has_best else 9}"
    if has_best:
        scatter(first, 2)
    expected = encoder_of(values(first), "averaged" if is_averaged else "network")
    model = make_byel()
    take(source, model)
    for network in ("online", "target"):
        assert_equal(encoder_of(values(model), network), expected)


def test_of_a_run_its_pre_training_counts(make_byel, make_classifier, save):
    save(make_classifier(), "finetune")
    folder = save(make_byel())
    assert read_source(str(folder)).what == "pre-training, step 9"
    finetune = folder / "checkpoints" / "finetune"
    assert read_source(str(finetune)).what == "fine-tuning, step 9"
    shutil.rmtree(folder / "checkpoints" / "pretrain")
    assert read_source(str(folder)).what == "fine-tuning, step 9"


def test_nothing_of_the_source_is_changed(make_byel, save, capsys):
    folder = save(make_byel())
    checkpoints = folder / "checkpoints" / "pretrain"
    copy = shutil.copytree(
        next(checkpoints.iterdir()), checkpoints / "step-0000000010-epoch-000000"
    )
    before = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
    assert read_source(str(folder)).what == "pre-training, step 9"
    after = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
    assert after == before and str(copy) in capsys.readouterr().err


def classifier(width, **options):
    facts = {k: FACTS[k] for k in ("image_size", "stem", "channels", "normalization")}
    encoder = build_encoder(small_network.NAME, width=width, **{**facts, **options})
    model = ExpressionClassifier(encoder, 3, lambda batch: ())
    model.compile(keras.optimizers.SGD(0.1))
    return model


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """An export in a run's folder, and what its encoder's variables are."""
    folder = tmp_path_factory.mktemp("exported")
    model = classifier(0.0625)
    scatter(model, 4)
    module = ServingModule(model.network, FACTS["classes"], 16)
    for version in (1, 2):
        scatter(model, version)
        path = folder / "export" / str(version)
        facts = {**FACTS, "step": version}
        if version == 2:
            export_saved_model(path, module, facts)
        else:  # saving the graph, too, takes seconds
            variables = str(path / "variables" / "variables")
            tf.train.Checkpoint(root=module).write(variables)
            write_facts(path, **facts)
    return folder, encoder_of(values(model), "network")


@pytest.mark.parametrize("part", ["", "export/2"])
def test_of_an_export_the_encoder_is_taken(export, part):
    folder, expected = export
    source = read_source(str(folder / part))
    assert source.what == "export 2, fine-tuning step 2"
    model = classifier(0.0625)
    assert_equal(source.weights, {f"encoder/{k}": v for k, v in expected.items()})
    text = take(source, model)
    assert_equal(encoder_of(values(model), "network"), expected)
    (row,) = (row for row in text.splitlines() if "network/head" in row)
    assert row.split()[1:4] == ["0", "taken,", "2"]


def test_of_a_model_of_the_package_whose_weights_are_half(
    export, tmp_path, monkeypatch
):
    folder, expected = export
    path = folder / "export" / "2"
    network, _ = read_network(path, FACTS)
    images = {"black.png": tf.io.encode_png(np.zeros((16, 16, 3), np.uint8)).numpy()}
    monkeypatch.setattr(half_precision, "HALF_LIMIT", 1.0)  # of such odd weights
    half_precision.write_in_half_precision(
        tmp_path / "people", load_export(path), images, network.get_weights()
    )
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    source = read_source("people")
    assert source.weights.keys() == {f"encoder/{k}" for k in expected}
    for name, value in expected.items():
        found = source.weights[f"encoder/{name}"]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, value, rtol=1e-3, err_msg=name)


def test_another_width_says_what_was_not_taken(export):
    model, source = classifier(0.0625), read_source(str(export[0]))
    before = values(model)
    wide = {k: np.ones((*v.shape, 2), np.float32) for k, v in source.weights.items()}
    other = dataclasses.replace(source, weights=wide)
    with pytest.raises(RunError, match="no weight that fits the encoder: give the "):
        take(other, model)
    assert_equal(values(model), before)
    fitting = [name for name in wide if name.endswith("/kernel")][:2]
    wide |= {name: source.weights[name] for name in fitting}
    (row,) = (x for x in take(other, model).splitlines() if "network/encoder" in x)
    assert row.split()[1:4] == ["2", "taken,", str(len(wide) - 2)]
    assert re.search(r"not; first encoder/backbone/\S+: \(.*, 2\) in it", row)
    changed = [k for k, v in values(model).items() if not np.array_equal(v, before[k])]
    assert sorted(changed) == sorted(f"network/{name}" for name in fitting)


@pytest.mark.parametrize("text", ["missing", "empty", "file"])
def test_without_weights(tmp_path, text):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    expected = rf"--init_from={tmp_path}/{text} holds no weights: give a run's folder"
    with pytest.raises(RunError, match=expected):
        read_source(str(tmp_path / text))


def remove_variables(folder):
    shutil.rmtree(folder / "variables")


def truncate_variables(folder):
    file = folder / "variables" / "variables.index"
    file.write_bytes(file.read_bytes()[:50])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def write_facts(folder, **changes):
    (folder / "byel.json").write_text(json.dumps({**FACTS, **changes}))


@pytest.mark.parametrize(
    "damage",
    [
        remove_variables,
        truncate_variables,
        lambda folder: (folder / "byel.json").write_text("[]"),
        lambda folder: (folder / "byel.json").write_text("{}"),
        lambda folder: write_facts(folder, width="wide"),
        lambda folder: write_facts(folder, encoder="resnet19"),
        lambda folder: write_facts(folder, encoder="resnet50"),
        lambda folder: write_facts(folder, classes=["a"]),
        lambda folder: (folder / "byel.json").write_text("{"),
        lambda folder: (folder / "byel.json").write_bytes(b"\xff"),
        lambda folder: flip(folder / "variables" / "variables.data-00000-of-00001"),
    ],
)
def test_an_export_that_cannot_be_read_is_one_line(export, tmp_path, damage):
    shutil.copytree(export[0] / "export" / "1", tmp_path / "1")
    damage(tmp_path / "1")
    with pytest.raises(RunError, match="is no export whose weights can be") as caught:
        read_source(str(tmp_path / "1"))
    assert "\n" not in str(caught.value)


def test_the_hash_is_that_of_the_weights(export):
    folder, _ = export
    first, second = (read_source(str(folder / "export" / v)) for v in ("1", "2"))
    assert first.sha256 != second.sha256 and len(first.sha256) == 64
    assert first.to_json() == {
        "path": str(folder / "export" / "1"),
        "what": "export 1, fine-tuning step 1",
        "sha256": first.sha256,
    }
