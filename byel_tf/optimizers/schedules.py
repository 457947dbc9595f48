"""Learning rate as a function of the step."""

import math

import tensorflow as tf

from byel_tf.compat import keras


def warmup_cosine(
    step: tf.Tensor, peak: float, warmup_steps: float, total_steps: float
) -> tf.Tensor:
    """Linear rise from 0 to the peak, then half a cosine down to 0.

    Args:
      step: k, steps done so far, (), int or float; beyond `total_steps` the value
        stays 0.
      peak: Learning rate at the end of the warm-up.
      warmup_steps: Length of the rise, at least 0.
      total_steps: Step at which 0 is reached.

    Returns:
      The learning rate, (), float32.

    Source: BYOL (arXiv 2006.07733), appendix F.
    """
    step = tf.cast(step, tf.float32)
    rise = step / max(float(warmup_steps), 1.0)
    progress = (step - warmup_steps) / max(float(total_steps - warmup_steps), 1.0)
    progress = tf.clip_by_value(progress, 0.0, 1.0)
    fall = (1.0 + tf.cos(math.pi * progress)) / 2.0
    return peak * tf.where(step < warmup_steps, rise, fall)


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`warmup_cosine` as a Keras schedule."""

    def __init__(self, peak: float, warmup_steps: float, total_steps: float):
        """Makes the schedule; the arguments are those of `warmup_cosine`.

        Raises:
          ValueError: If the steps are negative or the warm-up is longer than all.
        """
        if not 0 <= warmup_steps <= total_steps or total_steps <= 0:
            raise ValueError(
                "WarmupCosine needs 0 <= warmup_steps <= total_steps. Received: "
                f"warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The learning rate at a step, (), float32."""
        return warmup_cosine(step, self.peak, self.warmup_steps, self.total_steps)

    def get_config(self):
        """The arguments that make this schedule again."""
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }
