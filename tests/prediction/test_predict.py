import io
import threading
import types

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from byel_tf.data.image_files import ImageLimits
from byel_tf.errors import RunError
from byel_tf.prediction.predict import predict
from byel_tf.prediction.reading import Reading
from byel_tf.prediction.tables import (
    COLUMNS,
    CsvWriter,
    JsonLinesWriter,
    LsdWriter,
    ParquetWriter,
)

CLASSES = ("odd", "even")


@pytest.fixture
def model():
    """Classifies numbers written as text; a text that is none is not valid."""
    batches = []

    def signature(image_bytes):
        texts = [text.decode() for text in image_bytes.numpy()]
        batches.append(texts)
        valid = np.array([text.isdecimal() for text in texts], bool)
        numbers = np.array([int(t) if t.isdecimal() else 0 for t in texts], int)
        even = (numbers % 2 == 0).astype(np.float32)
        return {
            "probabilities": tf.constant(np.stack([1 - even, even], 1)),
            "label": tf.constant([CLASSES[int(e)] for e in even], tf.string),
            "valid": tf.constant(valid, tf.bool),
            "representation": tf.constant(numbers[:, None], tf.float32),
        }

    return types.SimpleNamespace(signature=signature, classes=CLASSES, batches=batches)


def readings(images):
    return [Reading(name, content) for name, content in images]


def run(model, images, batch_size, **options):
    images = readings(images)
    tables = list(predict(model, images, batch_size, ImageLimits(), **options))
    return pd.concat(tables, ignore_index=True)


def test_model_that_gives_nan(model):
    def signature(image_bytes):
        outputs = model.signature(image_bytes)
        return {**outputs, "probabilities": outputs["probabilities"] * np.nan}

    broken = types.SimpleNamespace(signature=signature, classes=CLASSES)
    with pytest.raises(RunError, match="probabilities are not finite"):
        run(broken, [("a.png", b"4")], 1)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_rows_stay_with_their_images(model, batch_size):
    contents = [b"4", b"7", "broken", b"9", b"none", b"2", "gone", "gone", b"3"]
    images = [(f"{k}.png", content) for k, content in enumerate(contents)]
    table = run(model, images, batch_size, representation=True)
    assert table["path"].tolist() == [f"{k}.png" for k in range(9)]
    assert table["label"].tolist() == [
        "even", "odd", None, "odd", None, "even", None, None, "odd"
    ]  # fmt: skip
    assert table["representation"].tolist() == [
        [4], [7], None, [9], None, [2], None, None, [3]
    ]  # fmt: skip
    errors = table["error"].tolist()
    assert [errors[k] for k in (2, 6, 7)] == ["broken", "gone", "gone"]
    assert errors[4].startswith("cannot be decoded: ")
    assert table["even"].isna().tolist() == [error is not None for error in errors]
    assert all(len(batch) <= batch_size for batch in model.batches)


def test_no_image_at_all(model):
    assert list(predict(model, [], 4, ImageLimits())) == []


def test_large_images_make_small_batches(model, monkeypatch):
    monkeypatch.setattr("byel_tf.prediction.predict._BATCH_BYTES", 6)
    run(model, [(str(k), b"100") for k in range(5)], 100)
    assert [len(batch) for batch in model.batches] == [2, 2, 1]


def test_reading_runs_ahead_but_not_away(model):
    taken, release = [], threading.Event()
    answer = model.signature

    def slow(image_bytes):
        release.wait(20)
        return answer(image_bytes)

    model.signature = slow

    def images():
        for number in range(50):
            taken.append(number)
            if number == 11:
                release.set()  # reached only if reading does not wait for the model
            yield Reading(str(number), b"1")

    tables = predict(model, images(), 4, ImageLimits())
    first = next(tables)
    assert release.is_set() and len(first) == 4
    assert len(taken) <= 16
    assert sum(len(table) for table in tables) == 46


def test_what_fails_in_the_model_fails(model):
    def broken(image_bytes):
        raise RunError("no memory")

    model.signature = broken
    with pytest.raises(RunError, match="no memory"):
        run(model, [("a", b"1")] * 9, 2)


def test_names_that_are_no_utf_8_and_quotes(model):
    stream = io.BytesIO()
    names = ['a,"b"\r.png', "c\udcff.png", "d\ne.png", "NA"]
    writer = CsvWriter(stream, CLASSES)
    for table in predict(model, [Reading(n, b"1") for n in names], 2, ImageLimits()):
        writer.write(table)
    stream.seek(0)
    table = pd.read_csv(stream, keep_default_na=False)
    assert table["path"].tolist() == ['a,"b"\r.png', r"c\udcff.png", "d\ne.png", "NA"]


def test_texts_that_spreadsheets_would_run(model):
    names = ("=cmd()", "@b", "c")
    rows = pd.DataFrame([[0.5, 0.25, 0.25]] * 2, columns=list(names))
    rows.insert(0, "path", ["-1+1.png", "a=b.png"])
    rows.insert(1, "label", ["=cmd()", None])
    rows["error"] = [None, "\tbad"]
    stream = io.BytesIO()
    CsvWriter(stream, names).write(rows)
    assert stream.getvalue() == (
        b'"path","label","\'=cmd()","\'@b","c","error"\n'
        b'"\'-1+1.png","\'=cmd()",0.5,0.25,0.25,""\n'
        b'"a=b.png","",0.5,0.25,0.25,"\'\tbad"\n'
    )
    stream = io.BytesIO()
    JsonLinesWriter(stream, names).write(rows)
    assert b'{"path":"-1+1.png","label":"=cmd()","=cmd()":0.5' in stream.getvalue()


def test_parquet_grows_by_groups(model, monkeypatch):
    import pyarrow.parquet

    monkeypatch.setattr("byel_tf.prediction.tables._ROW_GROUP", 10)
    stream = io.BytesIO()
    writer = ParquetWriter(stream, CLASSES)
    images = [(str(k), b"1" if k % 3 else "bad") for k in range(25)]
    for table in predict(model, readings(images), 4, ImageLimits()):
        writer.write(table)
    writer.close()
    file = pyarrow.parquet.ParquetFile(stream)
    groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert groups == [12, 12, 1]
    assert file.read()["path"].to_pylist() == [str(k) for k in range(25)]


def test_classes_that_cannot_be_columns_or_a_submission():
    for name in COLUMNS:
        with pytest.raises(RunError, match=f"class '{name}'"):
            CsvWriter(io.BytesIO(), (name, "fear"))
    with pytest.raises(RunError, match="has no disgust, surprise"):
        LsdWriter(io.BytesIO(), ("angry", "fear", "joy", "sad", "neutral"))


def test_class_names_are_the_only_other_columns(model):
    table = run(model, [("a", b"1")], 1, representation=True)
    assert sorted(table) == sorted([*COLUMNS, *CLASSES])


@pytest.mark.parametrize("writer", [CsvWriter, JsonLinesWriter, ParquetWriter])
def test_what_is_known_of_faces_and_frames(model, writer):
    images = [
        Reading("a", b"1", None, 2, 1, (0.4, -3.6, 9.5, 12.0)),
        Reading("a", "mostly outside", None, 2, 2, (90.0, 1.0, 99.0, 9.0)),
        Reading("b", b"2", None, 0),
        Reading("c#frame=3", b"1", 1.201),
    ]
    stream = io.BytesIO()
    written = writer(stream, CLASSES)
    for table in predict(model, images, 3, ImageLimits()):
        written.write(table)
    written.close()
    stream.seek(0)
    if writer is CsvWriter:
        assert b',"",2,1,0,-4,10,12,' in stream.getvalue()
        found = pd.read_csv(stream)
    elif writer is ParquetWriter:
        found = pd.read_parquet(stream)
    else:
        assert b'"face":1,"left":0,"top":-4' in stream.getvalue()
        found = pd.read_json(stream, lines=True)
    rows = found[["time", "faces", "face", "left", "top", "right", "bottom"]]
    expected = [
        [-1, 2, 1, 0, -4, 10, 12],
        [-1, 2, 2, 90, 1, 99, 9],
        [-1, 0, -1, -1, -1, -1, -1],
        [1.201, -1, -1, -1, -1, -1, -1],
    ]
    assert rows.fillna(-1).to_numpy().tolist() == expected
    assert found["label"].isna().tolist() == [False, True, False, False]


def test_submission_leaves_other_classes_out():
    names = ("neutral", "surprise", "sad", "joy", "fear", "disgust", "anger")
    stream = io.BytesIO()
    writer = LsdWriter(stream, names)
    rows = np.eye(7)[[1, 6, 3]] * 0.4 + np.eye(7)[[0, 0, 0]] * 0.6
    table = pd.DataFrame(rows, columns=list(names))
    table.insert(0, "path", ["x/=a.jpg", "b.jpg", "c.jpg"])
    table["error"] = [None, None, "broken"]
    writer.write(table)
    assert stream.getvalue() == b"image,expression\n'=a.jpg,5\nb.jpg,0\nc.jpg,-1\n"
