"""What an export says of a face besides its class: the intensities of action units."""

import numpy as np
import tensorflow as tf

#: Name of the signature's output, and of the entry of `byel.json` that names the units.
ACTION_UNITS = "action_units"


class ActionUnitReader(tf.Module):
    """The linear layer that was trained beside the classifier, as it is saved.

    Attributes:
      kernel: (R, U), float32.
      bias: (U,), float32.
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray):
        """Takes the weights of the layer of `build_action_unit_head`."""
        super().__init__(name="action_unit_reader")
        self.kernel = tf.Variable(kernel, trainable=False, dtype=tf.float32)
        self.bias = tf.Variable(bias, trainable=False, dtype=tf.float32)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.float32)], autograph=False
    )
    def read(self, representation: tf.Tensor) -> tf.Tensor:
        """Representations (N, R) → intensities (N, U), float32.

        0 is a face at rest, 1 the head's full movement; more is possible, less than 0
        is not, and is 0.
        """
        return tf.nn.relu(tf.linalg.matmul(representation, self.kernel) + self.bias)
