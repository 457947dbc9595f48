"""One labelled image as a TFRecord example: the schema, written without TensorFlow.

`tf.train.Example` is a protocol buffer of three small messages. They are described
here once more to protobuf itself, since importing TensorFlow for them costs 450 MB a
process, which matters to parallel writers.
"""

import dataclasses
import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: Label of a record without one.
UNLABELLED = -1


@dataclasses.dataclass(frozen=True)
class Record:
    """A labelled image.

    Attributes:
      encoded: JPEG or PNG file content.
      format: "jpeg" or "png".
      height: Pixels.
      width: Pixels.
      label: Index of the class, or `UNLABELLED`.
      class_name: Name of the class, empty without label.
      filename: Where the image came from, relative to its source.
      subject: Identity, where known: images of one person share it.
      action_units: Intensities in the order of the data set's `action_units`.
      pose: Yaw, pitch and roll in degrees.
      votes: Annotators' votes, one number a class.
    """

    encoded: bytes
    format: str
    height: int
    width: int
    label: int
    class_name: str
    filename: str
    subject: str | None = None
    action_units: tuple[float, ...] | None = None
    pose: tuple[float, float, float] | None = None
    votes: tuple[float, ...] | None = None


@functools.cache
def _example_class() -> Any:
    """The message class of `tf.train.Example`, in a descriptor pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(
        name="byel_tf/example.proto", package="byel_tf", syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto

    def add_message(name, *fields):
        message = file.message_type.add(name=name)
        for number, (field_name, kind, label, type_name) in enumerate(fields, start=1):
            message.field.add(
                name=field_name,
                number=number,
                type=kind,
                label=label,
                type_name=type_name,
            )
        return message

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    add_message("BytesList", ("value", field.TYPE_BYTES, many, None))
    add_message("FloatList", ("value", field.TYPE_FLOAT, many, None))
    add_message("Int64List", ("value", field.TYPE_INT64, many, None))
    add_message(
        "Feature",
        ("bytes_list", field.TYPE_MESSAGE, one, ".byel_tf.BytesList"),
        ("float_list", field.TYPE_MESSAGE, one, ".byel_tf.FloatList"),
        ("int64_list", field.TYPE_MESSAGE, one, ".byel_tf.Int64List"),
    )
    features = add_message(
        "Features",
        ("feature", field.TYPE_MESSAGE, many, ".byel_tf.Features.FeatureEntry"),
    )
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=one)
    entry.field.add(
        name="value",
        number=2,
        type=field.TYPE_MESSAGE,
        label=one,
        type_name=".byel_tf.Feature",
    )
    add_message("Example", ("features", field.TYPE_MESSAGE, one, ".byel_tf.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("byel_tf.Example")
    )


def serialize(record: Record) -> bytes:
    """Encodes a record as a `tf.train.Example`; equal records give equal bytes."""
    example = _example_class()()
    feature = example.features.feature
    texts = {
        "image/encoded": record.encoded,
        "image/format": record.format.encode(),
        "image/class/text": record.class_name.encode(),
        # A file name may hold bytes that are not UTF-8.
        "image/filename": record.filename.encode(errors="surrogateescape"),
    }
    if record.subject is not None:
        texts["image/subject"] = record.subject.encode()
    for key, value in texts.items():
        feature[key].bytes_list.value.append(value)
    integers = {
        "image/height": record.height,
        "image/width": record.width,
        "image/class/label": record.label,
    }
    for key, value in integers.items():
        feature[key].int64_list.value.append(value)
    numbers = {
        "image/face/action_units": record.action_units,
        "image/face/pose": record.pose,
        "image/class/votes": record.votes,
    }
    for key, values in numbers.items():
        if values is not None:
            feature[key].float_list.value.extend(values)
    return example.SerializeToString(deterministic=True)
