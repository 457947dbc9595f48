import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.records import read_records
from byel_tf.evaluation.evaluation import evaluate_dataset, exported_temperature
from byel_tf.evaluation.report.screen import screen_table
from byel_tf.evaluation.settings import Settings
from byel_tf.serving.load import ExportedModel

CLASSES = ("anger", "fear", "neutral", "joy")
UNITS = ("lip", "tail", "brow")


def fake_signature(image_bytes):
    """Numbers that differ from file to file, mostly neutral."""
    files = image_bytes.numpy()
    seeds = [sum(file) for file in files]
    rows = [np.random.default_rng(s).uniform(0.1, 1, 4 + len(UNITS)) for s in seeds]
    values = np.array(rows, np.float32)
    chances = values[:, :4] * [1, 1, 3, 1]
    return {
        "probabilities": tf.constant(chances / chances.sum(axis=1, keepdims=True)),
        "logits": tf.constant(np.log(chances)),
        "representation": tf.constant(values[:, :3]),
        "action_units": tf.constant(values[:, 4:]),
        "valid": tf.ones(len(files), bool),
    }


MODEL = ExportedModel(
    fake_signature, CLASSES, {"temperature": 1.0, "action_units": list(UNITS)}
)


@pytest.mark.parametrize("asked", [(), ("joy", "anger")])
def test_a_set_of_other_classes_and_its_action_units(prepare_pictures, tmp_path, asked):
    known = ("joy", "anger", "fear")
    path = prepare_pictures(tmp_path / "set", known, ("brow", "lid", "lip"), test=30)
    dataset = open_dataset(str(path))
    settings = Settings(resamples=100, classes=asked)
    found = evaluate_dataset({"m": MODEL}, dataset, None, settings)
    records = list(read_records(dataset, "test", range(30)))
    outputs = fake_signature(tf.constant([record.encoded for record in records]))
    names = asked or known
    order = [name for name in CLASSES if name in names]
    columns = [CLASSES.index(name) for name in order]
    chosen = np.array([known[record.label] in names for record in records])
    chances = outputs["probabilities"].numpy()[:, columns][chosen]
    labels = [known[r.label] for r in np.array(records, object)[chosen]]
    predicted = np.array(order)[chances.argmax(axis=1)]
    scores = found.assessment.scores
    assert found.classes == tuple(order)
    assert scores.count == chosen.sum() == 10 * len(names)
    assert scores.macro_f1 == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    content = json.loads(json.dumps(found.to_json()))
    assert content["scored_classes"] == order
    left_out = {"classes": ["fear"], "images": 10} if asked else None
    assert content["left_out"] == (left_out or {"classes": [], "images": 0})
    shares = found.predictions.probabilities
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert not shares[:, CLASSES.index("neutral")].any()
    assert list(found.action_units) == ["lip", "brow"]
    true = np.array([record.action_units for record in records])[:, 2]
    read = outputs["action_units"].numpy()[:, 0]
    assert found.action_units["lip"].correlation == pytest.approx(
        np.corrcoef(read, true)[0, 1], abs=1e-5
    )
    shown = screen_table({"set": found})
    assert f"set: scored on {len(order)} of the model's 4 classes" in shown
    assert "set: 2 action units, mean correlation" in shown


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"temperature": 1.5}, 1.5),
        ({"temperature": 2}, 2),
        ({}, None),
        ({"temperature": "1"}, None),
        ({"temperature": float("nan")}, None),
        ({"temperature": float("inf")}, None),
    ],
)
def test_exported_temperature(metadata, expected):
    assert exported_temperature(ExportedModel(None, (), metadata)) == expected
