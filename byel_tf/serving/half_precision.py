"""An export whose weights are kept in half precision, and of half the size.

It computes in float32, as the one that it is made from: each weight is widened when it
is used. Only what has the shape of a matrix or a filter is kept so, nearly all of it;
batch norm's statistics and biases would lose more than they save.
"""

import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

# TensorFlow's own way to a graph without variables; tf2onnx and LiteRT use it as well.
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from byel_tf.errors import RunError
from byel_tf.serving.action_units import ACTION_UNITS, ActionUnitReader
from byel_tf.serving.export import ServingModule, add_facts, write_saved_model
from byel_tf.serving.load import ExportedModel, load_export
from byel_tf.serving.parity import (
    HALF_LIMIT,
    HALF_UNIT_LIMIT,
    require_close,
    require_equal_action_units,
)

#: Entry of `byel.json` that says what the weights are kept in, absent for float32.
WEIGHTS = "weights"

# Of constants with fewer numbers there is nothing to save.
_MIN_NUMBERS = 256
_BATCH_SIZE = 64


class HalfPrecisionClassifier(tf.Module):
    """A copy of an export's classifier, with the same call.

    Attributes:
      kernels: The weights in half precision.
      network_weights: The Keras network's, for who builds that again: some of the
        kernels, and what is not among them in float32, in the network's order.
    """

    def __init__(
        self, model: ExportedModel, network_weights: Sequence[np.ndarray] = ()
    ):
        """Copies the classifier of an export.

        Args:
          model: A loaded export with weights in float32.
          network_weights: Those of its Keras network, where that can be built.

        Raises:
          RunError: If a weight is too large for half precision.
        """
        super().__init__(name="half_precision_classifier")
        size = int(model.metadata["image_size"])
        images = tf.TensorSpec([None, size, size, 3], tf.float32)
        traced = tf.function(model.classify, autograph=False).get_concrete_function(
            images
        )
        frozen = convert_variables_to_constants_v2(traced)
        self._input = frozen.inputs[0].name
        self._outputs = [tensor.name for tensor in frozen.outputs]
        self._graph = _simplified(frozen.graph.as_graph_def(), self._outputs)
        kernels = _kernels(self._graph)
        self._names = tuple(kernels)
        self.kernels = [_half(value) for value in kernels.values()]
        for node in self._graph.node:
            if node.name in kernels:
                # What is widened into its place need not be saved again.
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0.0))
        halves = {
            _key(value): half
            for value, half in zip(kernels.values(), self.kernels, strict=True)
        }
        self.network_weights = [
            halves[key] if (key := _key(value)) in halves else _variable(value)
            for value in network_weights
        ]

    def __call__(
        self, pixels: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (N, S, S, 3) in [0, 1] → representations (N, R), logits (N, K)."""
        del training
        widened = {
            f"{name}:0": tf.cast(kernel, tf.float32)
            for name, kernel in zip(self._names, self.kernels, strict=True)
        }
        return tuple(
            tf.graph_util.import_graph_def(
                self._graph,
                {self._input: pixels, **widened},
                self._outputs,
                name="classifier",
            )
        )


def write_in_half_precision(
    folder: pathlib.Path,
    model: ExportedModel,
    images: Mapping[str, bytes],
    network_weights: Sequence[np.ndarray] = (),
) -> dict[str, float | int]:
    """Writes a copy of an export, and compares what it says with the original.

    Args:
      folder: An empty folder.
      model: The export, with weights in float32.
      images: JPEG or PNG files by name to compare on, at least one.
      network_weights: As of `HalfPrecisionClassifier`.

    Returns:
      Numbers of the comparison, as `require_close` gives them; among the facts of the
      copy, too.

    Raises:
      RunError: If a probability differs by more than `HALF_LIMIT`, or an action unit
        by more than `HALF_UNIT_LIMIT`.
    """
    reader = model.module.action_units if model.action_units else None
    module = ServingModule(
        HalfPrecisionClassifier(model, network_weights),
        model.classes,
        int(model.metadata["image_size"]),
        float(model.module.temperature),
        reader and ActionUnitReader(reader.kernel.numpy(), reader.bias.numpy()),
        model.metadata.get("class_shares", ()),
    )
    facts = {k: v for k, v in model.metadata.items() if k not in ("limits", "files")}
    write_saved_model(folder, module, {**facts, WEIGHTS: "float16"})
    copy = load_export(folder)
    found, expected = (_answers(one, images) for one in (copy, model))
    name = "the export in half precision"
    parity = require_close(
        name, found["probabilities"], expected["probabilities"], list(images),
        HALF_LIMIT,
    )  # fmt: skip
    if model.action_units:
        parity["max_action_unit_difference"] = require_equal_action_units(
            name, found[ACTION_UNITS], expected[ACTION_UNITS], HALF_UNIT_LIMIT
        )
    add_facts(folder, {"weights_parity": parity})
    return parity


def _batches(images: Mapping[str, bytes]) -> Iterator[list[bytes]]:
    files = list(images.values())
    for start in range(0, len(files), _BATCH_SIZE):
        yield files[start : start + _BATCH_SIZE]


def _answers(
    model: ExportedModel, images: Mapping[str, bytes]
) -> dict[str, np.ndarray]:
    """What the model says of all images, by the name of the output."""
    names = ("probabilities", *([ACTION_UNITS] if model.action_units else ()))
    found = [
        model.signature(image_bytes=tf.constant(batch)) for batch in _batches(images)
    ]
    return {name: np.concatenate([one[name] for one in found]) for name in names}


def _kernels(graph: tf.compat.v1.GraphDef) -> dict[str, np.ndarray]:
    """The matrices and filters of a graph, by the name of their node."""
    found = {}
    for node in graph.node:
        # Reading an attribute that a node does not have would give it one.
        if node.op != "Const":
            continue
        if node.attr["dtype"].type == tf.float32.as_datatype_enum:
            value = tf.make_ndarray(node.attr["value"].tensor)
            if value.ndim >= 2 and value.size >= _MIN_NUMBERS:
                found[node.name] = value
    return found


def _simplified(
    graph: tf.compat.v1.GraphDef, outputs: Sequence[str]
) -> tf.compat.v1.GraphDef:
    """The graph without what reading variables has left in it, two thirds of its size.

    Nothing in a graph of constants has to wait for anything but its inputs.
    """
    kept = [name.partition(":")[0] for name in outputs]
    for node in graph.node:
        inputs = [name for name in node.input if not name.startswith("^")]
        node.input[:] = inputs
    needed = tf.compat.v1.graph_util.extract_sub_graph(graph, kept)
    needed = tf.compat.v1.graph_util.remove_training_nodes(needed, kept)
    needed.library.Clear()  # all calls are inlined
    for node in needed.node:
        # No function can be made with attributes that have no value.
        for name in [n for n, v in node.attr.items() if v.WhichOneof("value") is None]:
            del node.attr[name]
    return needed


def _key(value: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return value.shape, value.tobytes()


def _variable(value: np.ndarray) -> tf.Variable:
    return tf.Variable(value, trainable=False)


def _half(value: np.ndarray) -> tf.Variable:
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        raise RunError(
            "the model has weights beyond 65504 or none at all, which half precision "
            "cannot hold: export it with --weights=float32"
        )
    return _variable(half)
