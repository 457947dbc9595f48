"""LiteRT (TensorFlow Lite): converted by TensorFlow, run with ai-edge-litert.

The 8-bit model has the network in int8, weights per channel: what lies between the
first and the last convolution. Standardisation before it and the head behind it stay
float: each image's own deviation would not survive 8 bits, and they cost nothing.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from byel_tf.errors import RunError
from byel_tf.serving.decoded import INPUT_NAME, DecodedClassifier
from byel_tf.serving.packages import import_package

FILE_NAME = "model.tflite"
INT8_FILE_NAME = "model_int8.tflite"

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def require_litert() -> None:
    """Complains before anything is computed.

    Raises:
      UsageError: If the package is missing.
    """
    _interpreters()


def to_litert(classifier: DecodedClassifier) -> bytes:
    """The file `model.tflite`, float32.

    Args:
      classifier: The function to convert. If its batch is not fixed, the file takes as
        many images as its input is resized to, which delegates for a phone's processors
        refuse.
    """
    with _quiet():
        return _converter(classifier).convert()


def to_int8(
    classifier: DecodedClassifier, model: bytes, representative: np.ndarray
) -> bytes:
    """The file `model_int8.tflite`: the network in int8, the rest in float32.

    Args:
      classifier: The function to convert.
      model: Its `model.tflite`, which tells what lies around the network.
      representative: Images that show the activations' ranges, (N, S, S, 3), uint8.

    Raises:
      RunError: If there is no convolution.
    """
    operations, nodes = _around_network(model)

    def batches() -> Iterator[dict[str, np.ndarray]]:
        return ({INPUT_NAME: image[None]} for image in representative)

    with _quiet():
        converter = _converter(classifier)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = batches
        # The debugger is the converter's way to keep operations out of quantization.
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=batches,
            debug_options=tf.lite.experimental.QuantizationDebugOptions(
                denylisted_ops=operations, denylisted_nodes=nodes
            ),
        )
        return debugger.get_nondebug_quantized_model()


class LiteRTModel:
    """A `model.tflite` or `model_int8.tflite`, run on the CPU."""

    def __init__(self, content: bytes):
        """Takes the file's content.

        Raises:
          UsageError: If LiteRT is missing.
        """
        with _quiet():  # it says that it uses the CPU
            interpreter = _interpreters().Interpreter(model_content=content)
            self._run = interpreter.get_signature_runner()
        details = self._run.get_input_details()[INPUT_NAME]
        #: Shape of the input; its first length is None where it is any.
        self.input_shape = [
            None if length < 0 else int(length) for length in details["shape_signature"]
        ]

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Images (N, S, S, 3), uint8 → the outputs of a `DecodedClassifier`."""
        step = self.input_shape[0] or max(1, len(images))
        parts = [
            # The next run writes into the same memory.
            {
                name: value.copy()
                for name, value in self._run(**{INPUT_NAME: batch}).items()
            }
            for batch in np.split(images, range(step, len(images), step))
        ]
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def float_operations(content: bytes) -> list[str]:
    """Names of the operations of a file that compute in float32."""
    operations, tensors = _graph(content)
    return sorted(
        {
            operation["op_name"]
            for operation in operations
            if tensors[operation["outputs"][0]]["dtype"] == np.float32
        }
    )


def _around_network(content: bytes) -> tuple[list[str], list[str]]:
    """What lies before all convolutions or behind them.

    Returns:
      Names of the operations that occur only there; outputs of the others there.

    Raises:
      RunError: If there is no convolution.
    """
    operations, tensors = _graph(content)
    behind = _reached(operations, "inputs", "outputs")
    before = _reached(operations[::-1], "outputs", "inputs")
    if not behind:
        raise RunError("the model has no convolution to convert to int8: leave --int8")
    network = [
        operation
        for operation in operations
        if operation["op_name"] in _CONVOLUTIONS
        or (behind.intersection(operation["outputs"]))
        and before.intersection(operation["outputs"])
    ]
    inside = {operation["op_name"] for operation in network}
    around = [operation for operation in operations if operation not in network]
    nodes = [
        tensors[operation["outputs"][0]]["name"]
        for operation in around
        if operation["op_name"] in inside
    ]
    return sorted({o["op_name"] for o in around} - inside), nodes


def _reached(operations: Sequence[dict[str, Any]], start: str, end: str) -> set[int]:
    """Tensors at the `end` of a convolution, or of what begins at such tensors."""
    reached = set()
    for operation in operations:
        if operation["op_name"] in _CONVOLUTIONS or reached.intersection(
            operation[start]
        ):
            reached.update(int(index) for index in operation[end])
    return reached


def _graph(content: bytes) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Operations in their order, with indices of tensors; the tensors by index."""
    litert = _interpreters()
    interpreter = litert.Interpreter(
        model_content=content,
        # Delegates would stand among the operations.
        experimental_op_resolver_type=(
            litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    return interpreter._get_ops_details(), tensors


def _converter(classifier: DecodedClassifier) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [classifier.function.get_concrete_function()], classifier.module
    )


def _interpreters() -> Any:
    # TensorFlow's own interpreter is deprecated, and fails on its newest int8 models.
    return import_package("ai_edge_litert.interpreter", "ai-edge-litert")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the native converter's statistics off the screen; errors are raised."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        with open(os.devnull, "wb") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, _ in kept:
                os.dup2(nowhere.fileno(), number)
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
