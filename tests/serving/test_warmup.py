import shutil

import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from byel_tf.errors import RunError
from byel_tf.serving.load import load_export
from byel_tf.serving.warmup import FILE_NAME, _varint, warmup_requests


@pytest.fixture(scope="module")
def prediction_log():
    """Of TensorFlow Serving's messages those that a prediction needs."""
    file = descriptor_pb2.FileDescriptorProto(
        name="prediction_log.proto", package="serving", syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto

    def add(name, *fields):
        message = file.message_type.add(name=name)
        for number, name, kind in fields:
            added = message.field.add(name=name, number=number, label=1)
            if isinstance(kind, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".serving.{kind}"
            else:
                added.type = kind
        return message

    text = field.TYPE_STRING
    add("ModelSpec", (1, "name", text), (3, "signature_name", text))
    request = add(
        "PredictRequest",
        (1, "model_spec", "ModelSpec"),
        (2, "inputs", "PredictRequest.InputsEntry"),
    )
    request.field[1].label = field.LABEL_REPEATED
    entry = request.nested_type.add(name="InputsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=text, label=1)
    entry.field.add(name="value", number=2, type=field.TYPE_BYTES, label=1)
    add("PredictLog", (1, "request", "PredictRequest"))
    add("PredictionLog", (6, "predict_log", "PredictLog"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("serving.PredictionLog")
    )


def requests(content, prediction_log, path):
    """Those in a file's content, read as TensorFlow reads TFRecords."""
    path.write_bytes(content)
    found = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = prediction_log.FromString(record)
        log.DiscardUnknownFields()
        assert log.SerializeToString(deterministic=True) == record
        found.append(log.predict_log.request)
    return found


def test_every_export_has_a_request_that_its_model_takes(
    export, prediction_log, tmp_path
):
    content = (export / FILE_NAME).read_bytes()
    (request,) = requests(content, prediction_log, tmp_path / "file")
    assert request.model_spec.name == "byel"
    assert request.model_spec.signature_name == "serving_default"
    inputs = {}
    for name, value in request.inputs.items():
        proto = tf.make_tensor_proto([b""])
        proto.ParseFromString(value)
        inputs[name] = tf.constant(tf.make_ndarray(proto))
    outputs = load_export(export).signature(**inputs)
    assert outputs["valid"].numpy().tolist() == [True]
    assert outputs["label"].numpy()[0]


def test_each_signature_that_takes_images_has_one(prediction_log, tmp_path):
    images = tf.function(lambda x: x, [tf.TensorSpec([None], tf.string, "images")])
    other = tf.function(lambda x: x, [tf.TensorSpec([None], tf.string, "other")])
    names = tf.function(lambda: tf.constant(1), [])
    signatures = {"one": images, "none": names, "other": other, "two": images}
    content = warmup_requests(signatures, "images", 300)
    found = requests(content, prediction_log, tmp_path / "file")
    assert [r.model_spec.signature_name for r in found] == ["one", "two"]
    assert [list(r.inputs) for r in found] == [["images"]] * 2
    assert warmup_requests(signatures, "images", 300) == content


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\1"),
        (300, b"\xac\2"),
        (16384, b"\x80\x80\1"),
    ],
)
def test_varint(number, expected):
    assert _varint(number) == expected


def test_an_export_without_it_is_loaded(export, tmp_path):
    old = tmp_path / "1"
    shutil.copytree(export, old)
    shutil.rmtree(old / "assets.extra")
    assert load_export(old).classes
    with pytest.raises(RunError):  # which another missing file is not
        (old / "saved_model.pb").unlink()
        load_export(old)
