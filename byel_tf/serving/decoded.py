"""The part of an exported model behind decoding, which ONNX and LiteRT take over.

Their runtimes decode no JPEG. So their models begin at the decoded and resized image;
standardisation, flip averaging, network, temperature and softmax are inside.
"""

import dataclasses

import tensorflow as tf

from byel_tf.serving.action_units import ACTION_UNITS
from byel_tf.serving.load import ExportedModel

#: Name of the models' input.
INPUT_NAME = "images"


@dataclasses.dataclass(frozen=True)
class DecodedClassifier:
    """A function of decoded images.

    Attributes:
      function: Takes `images`, (N, S, S, 3), uint8, RGB; gives logits (N, K),
        probabilities (N, K), representation (N, R), and where the model learned them
        action_units (N, U), float32.
      module: Holds the function's variables.
      classes: Names in the order of the outputs.
      image_size: S.
      temperature: Divides the logits before the softmax.
      batch: N if it is fixed; None if it is any.
      action_units: Names of the U action units; () if it gives none.
    """

    function: tf.types.experimental.GenericFunction
    module: tf.Module
    classes: tuple[str, ...]
    image_size: int
    temperature: float
    batch: int | None = None
    action_units: tuple[str, ...] = ()

    @property
    def output_sizes(self) -> dict[str, int]:
        """Numbers an image has in each output, in the outputs' alphabetical order."""
        outputs = self.function.get_concrete_function().structured_outputs
        return {name: int(outputs[name].shape[1]) for name in sorted(outputs)}


def decoded_classifier(
    model: ExportedModel, batch: int | None = None
) -> DecodedClassifier:
    """Makes the function from an export's own graph and weights.

    Args:
      model: A loaded export.
      batch: How many images it takes at a time; None for any number.
    """
    module = model.module
    size = int(model.metadata["image_size"])
    temperature = float(module.temperature)

    # In uint8, as decoding gives it: what is resized elsewhere has to be rounded, too.
    @tf.function(
        input_signature=[tf.TensorSpec([batch, size, size, 3], tf.uint8, "images")],
        autograph=False,
    )
    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.cast(images, tf.float32) / 255.0
        representation, logits = model.classify(pixels)
        outputs = {
            "logits": tf.identity(logits),
            # A constant: the formats have no variables.
            "probabilities": tf.nn.softmax(logits / temperature),
            "representation": tf.identity(representation),
        }
        if model.action_units:
            outputs[ACTION_UNITS] = module.action_units.read(representation)
        return outputs

    return DecodedClassifier(
        classify, module, model.classes, size, temperature, batch, model.action_units
    )
