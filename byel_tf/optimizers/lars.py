"""Layer-wise Adaptive Rate Scaling (arXiv 1708.03888), in BYOL's order."""

from collections.abc import Sequence

import tensorflow as tf

from byel_tf.compat import keras

TRUST_RATIOS = ("update", "sum_of_norms")


class LARS(keras.optimizers.Optimizer):
    """SGD whose step is scaled to each variable's own norm.

    For gradient g, variable w, decay λ, trust coefficient η and momentum μ:

        u = g + λw
        u ← u · η‖w‖ / ‖u‖          (1 where a norm is 0)
        m ← μm + u
        w ← w − learning_rate · m    (no Nesterov)

    Variables in `exclude` skip decay and scaling. Source: BYOL (arXiv 2006.07733,
    appendix F) and its published optimizer. With `trust_ratio="sum_of_norms"` the
    divisor is ‖g‖ + λ‖w‖ + 1e-8, that of the BYEL authors' implementation.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
        exclude: Sequence[tf.Variable] = (),
        trust_ratio: str = "update",
        name: str = "LARS",
        **kwargs,
    ):
        """Makes the optimizer.

        Args:
          learning_rate: Number or Keras schedule.
          momentum: μ, in [0, 1).
          weight_decay: λ, at least 0; part of the gradient, not decoupled.
          trust_coefficient: η.
          exclude: Variables without decay and scaling. They are told apart by
            identity, and are not part of `get_config`.
          trust_ratio: "update" or "sum_of_norms".
          name: Name of the optimizer.
          **kwargs: Other arguments of a Keras optimizer, such as `clipnorm`.

        Raises:
          ValueError: If `trust_ratio` is unknown.
        """
        if trust_ratio not in TRUST_RATIOS:
            raise ValueError(
                f"trust_ratio must be one of {TRUST_RATIOS}. "
                f"Received: trust_ratio={trust_ratio!r}"
            )
        # Not given to the base class: its decay is decoupled from the gradient.
        super().__init__(name=name, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.momentum = momentum
        self.decay = weight_decay
        self.trust_coefficient = trust_coefficient
        self.trust_ratio = trust_ratio
        self._excluded = frozenset(self._var_key(variable) for variable in exclude)

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Makes one momentum accumulator a variable."""
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self.momentums = [
            self.add_variable_from_reference(variable, variable_name="momentum")
            for variable in var_list
        ]
        self._built = True

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Applies one step to one variable."""
        # Under a mirrored strategy `variable` is one replica's component, which only
        # the optimizer's own key can match to the variable it was built with.
        key = self._var_key(variable)
        # Embeddings give sparse gradients; decay and the norm need all rows.
        update = tf.convert_to_tensor(gradient)
        if key not in self._excluded:
            gradient_norm = tf.norm(update)
            weight_norm = tf.norm(variable)
            update += self.decay * variable
            if self.trust_ratio == "update":
                divisor = tf.norm(update)
            else:
                divisor = gradient_norm + self.decay * weight_norm + 1e-8
            ratio = self.trust_coefficient * weight_norm / divisor
            has_ratio = tf.logical_and(weight_norm > 0, tf.norm(update) > 0)
            update *= tf.where(has_ratio, ratio, tf.ones_like(ratio))
        accumulator = self.momentums[self._index_dict[key]]
        accumulator.assign(self.momentum * accumulator + update)
        variable.assign_sub(tf.cast(self.learning_rate, variable.dtype) * accumulator)

    def get_config(self):
        """The arguments that make this optimizer again, `exclude` apart."""
        return {
            **super().get_config(),
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "momentum": self.momentum,
            "weight_decay": self.decay,
            "trust_coefficient": self.trust_coefficient,
            "trust_ratio": self.trust_ratio,
        }
