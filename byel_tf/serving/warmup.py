"""Requests that TensorFlow Serving runs before a model takes its first one.

The file is a TFRecord of `PredictionLog`, messages of the package
`tensorflow-serving-api`: it pins a version of TensorFlow, and five fields are not worth
that. Sources: tensorflow.org/tfx/serving/saved_model_warmup; model.proto, predict.proto
and prediction_log.proto in tensorflow/serving, tensorflow_serving/apis.
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from byel_tf.data.tfrecord import frame

#: Where the server looks, in the version folder.
FILE_NAME = "assets.extra/tf_serving_warmup_requests"

# Numbers of the fields.
_LOG_PREDICT, _PREDICT_REQUEST = 6, 1
_REQUEST_MODEL, _REQUEST_INPUTS = 1, 2
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


def warmup_requests(
    signatures: dict[str, tf.types.experimental.GenericFunction],
    input_name: str,
    image_size: int,
) -> bytes:
    """The file's content: for each signature of images alone a request with one.

    The picture is made here: an export holds no copy of anybody's.

    Args:
      signatures: All signatures by name.
      input_name: What the input for encoded images, (N,), string, is called.
      image_size: Side of the picture in pixels.
    """
    tensor = tf.make_tensor_proto([_picture(image_size)], tf.string)
    content = tensor.SerializeToString(deterministic=True)
    return b"".join(
        frame(_prediction_log(name, input_name, content))
        for name, function in signatures.items()
        if {input_name} == {spec.name for spec in function.input_signature or ()}
    )


def _picture(side: int) -> bytes:
    """A JPEG file with something to see."""
    rows, columns = np.mgrid[:side, :side] * (255 / side)
    pixels = np.stack([rows, columns, 255 - rows], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def _prediction_log(signature: str, input_name: str, tensor: bytes) -> bytes:
    """A `PredictionLog` of a request with one input."""
    # The server knows which model the file belongs to, but the name is a required one.
    model = _field(_MODEL_NAME, b"byel") + _field(_MODEL_SIGNATURE, signature.encode())
    entry = _field(_ENTRY_KEY, input_name.encode()) + _field(_ENTRY_VALUE, tensor)
    request = _field(_REQUEST_MODEL, model) + _field(_REQUEST_INPUTS, entry)
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A field whose value has a length: a text, bytes or a message."""
    length_delimited = 2
    return _varint(number << 3 | length_delimited) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
