"""Adam and AdamW (arXiv 1412.6980, 1711.05101) with one operation a variable."""

import tensorflow as tf

from byel_tf.compat import keras


class Adam(keras.optimizers.Adam):
    """Keras' Adam; with `weight_decay` its AdamW, decoupled from the gradient.

    Keras spells the update out, with a pass over the variable for each of a dozen
    operations. TensorFlow's own kernel does the same arithmetic in one:

        m ← m + (g − m)(1 − β₁)
        v ← v + (g² − v)(1 − β₂)
        w ← w − learning_rate · √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Applies one step to one variable."""
        if isinstance(gradient, tf.IndexedSlices) or self.amsgrad:
            super().update_step(gradient, variable)
            return
        index = self._index_dict[self._var_key(variable)]
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(self.learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=gradient,
        )
