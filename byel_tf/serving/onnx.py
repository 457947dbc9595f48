"""ONNX: made with tf2onnx, run with ONNX Runtime."""

import json
import logging

import numpy as np

from byel_tf.serving.decoded import INPUT_NAME, DecodedClassifier
from byel_tf.serving.packages import import_package

FILE_NAME = "model.onnx"

#: Of 2022: what is used has had a kernel in every runtime since.
OPSET = 17

_BATCH = "batch"


def require_onnx() -> None:
    """Complains before anything is computed.

    Raises:
      UsageError: If a package is missing.
    """
    for name in ("onnx", "onnxruntime", "tf2onnx"):
        import_package(name, name)


def to_onnx(classifier: DecodedClassifier) -> bytes:
    """The file `model.onnx`: any number of images at once.

    Class names, image size and temperature are also among its metadata.

    Args:
      classifier: The function to convert.

    Raises:
      UsageError: If a package is missing.
    """
    onnx = import_package("onnx", "onnx")
    tf2onnx = import_package("tf2onnx", "tf2onnx")
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    model, _ = tf2onnx.convert.from_function(
        classifier.function,
        input_signature=classifier.function.input_signature,
        opset=OPSET,
    )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    facts = {
        "classes": json.dumps(list(classifier.classes), ensure_ascii=False),
        "image_size": str(classifier.image_size),
        "temperature": str(classifier.temperature),
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class OnnxModel:
    """A `model.onnx`, run on the CPU."""

    def __init__(self, content: bytes):
        """Takes the file's content.

        Raises:
          UsageError: If ONNX Runtime is missing.
        """
        runtime = import_package("onnxruntime", "onnxruntime")
        self._session = runtime.InferenceSession(
            content, providers=["CPUExecutionProvider"]
        )

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Images (N, S, S, 3), uint8 → the outputs of a `DecodedClassifier`."""
        names = [output.name for output in self._session.get_outputs()]
        outputs = self._session.run(names, {INPUT_NAME: images})
        return dict(zip(names, outputs, strict=True))
