"""One labelled image as a TFRecord example: the schema, written without TensorFlow.

`tf.train.Example` is a protocol buffer of three small messages. They are described
here once more to protobuf itself, since importing TensorFlow for them costs 450 MB a
process, which matters to parallel writers.
"""

import dataclasses
import functools
import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

#: Label of a record without one.
UNLABELLED = -1

#: The key of a second picture's file.
PAIR_ENCODED = "image/pair/encoded"

#: What `peek_label` needs of a record.
PEEK_BYTES = 64

# In protobuf's encoding: Example.features, of unknown length; its first entry; in it
# the key, and Feature.int64_list.value with one number.
_LABEL = re.compile(
    rb"\x0a[\x80-\xff]{0,9}[\x00-\x7f]"
    rb"\x0a[\x00-\x7f]\x0a\x11image/class/label"
    rb"\x12[\x00-\x7f]\x1a[\x00-\x7f]\x0a[\x01-\x0a]"
    rb"(?P<varint>[\x80-\xff]{0,9}[\x00-\x7f])",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Pair:
    """The second picture of a record, of the size of the first.

    Attributes:
      encoded: JPEG or PNG file content.
      format: "jpeg" or "png".
      subject: Identity, where known.
    """

    encoded: bytes
    format: str
    subject: str | None = None


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
      votes: Annotators' votes, or the shares of a drawn mixture, one number a class.
      pair: A second picture: what it has in common with the first is the data set's.
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
    pair: Pair | None = None


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
    if record.pair is not None:
        texts[PAIR_ENCODED] = record.pair.encoded
        texts["image/pair/format"] = record.pair.format.encode()
        if record.pair.subject is not None:
            texts["image/pair/subject"] = record.pair.subject.encode()
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


def parse(serialized: bytes) -> Record:
    """Reads back what `serialize` wrote.

    Raises:
      ValueError: If it is no such example.
    """
    example = _example_class()()
    try:
        example.ParseFromString(serialized)
    except message.DecodeError as error:
        raise ValueError("no tf.train.Example") from error
    feature = example.features.feature

    def only(key: str, kind: str) -> Any:
        values = getattr(feature[key], kind).value
        if len(values) != 1:
            raise ValueError(f"{len(values)} values of {key}")
        return values[0]

    def text(key: str) -> str:
        return only(key, "bytes_list").decode()

    def numbers(key: str) -> tuple[float, ...] | None:
        return tuple(feature[key].float_list.value) if key in feature else None

    def optional(key: str) -> str | None:
        return text(key) if key in feature else None

    def pair() -> Pair | None:
        if PAIR_ENCODED not in feature:
            return None
        encoded = only(PAIR_ENCODED, "bytes_list")
        return Pair(encoded, text("image/pair/format"), optional("image/pair/subject"))

    try:
        return Record(
            encoded=only("image/encoded", "bytes_list"),
            format=text("image/format"),
            height=only("image/height", "int64_list"),
            width=only("image/width", "int64_list"),
            label=only("image/class/label", "int64_list"),
            class_name=text("image/class/text"),
            filename=only("image/filename", "bytes_list").decode(
                errors="surrogateescape"
            ),
            subject=optional("image/subject"),
            action_units=numbers("image/face/action_units"),
            pose=numbers("image/face/pose"),
            votes=numbers("image/class/votes"),
            pair=pair(),
        )
    except UnicodeDecodeError as error:
        raise ValueError("a text is not UTF-8") from error


def peek_label(start: bytes) -> int | None:
    """The label from a serialized record's first bytes, without the image behind.

    Protobuf's deterministic order is that of the keys, and the label's is the first.

    Args:
      start: At least the first `PEEK_BYTES` bytes, or the whole record.

    Returns:
      The label; None if it does not stand there, which `parse` minds less.
    """
    match = _LABEL.match(start)
    if not match:
        return None
    number = sum((b & 0x7F) << (7 * i) for i, b in enumerate(match["varint"]))
    return number - 2**64 if number >= 2**63 else number
