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


def one_cycle(
    step: tf.Tensor, peak: float, warmup_steps: float, total_steps: float
) -> tf.Tensor:
    """Half a cosine up from peak/25 to the peak, then one down to peak/25/10⁴.

    The learning rate of the one-cycle policy; momentum stays as it is, where the
    paper also lowers and raises it.

    Args:
      step: k, steps done so far, (), int or float; beyond the last step,
        k = total_steps − 1, the value stays.
      peak: Highest learning rate, reached at the last step of the warm-up,
        k = warmup_steps − 1.
      warmup_steps: Length of the rise, at least 0.
      total_steps: Length of both.

    Returns:
      The learning rate, (), float32.

    Source: Smith and Topin, arXiv 1708.07120; shape and constants are the defaults of
    PyTorch's OneCycleLR, whose `pct_start` is warmup_steps / total_steps.
    """
    first, last = peak / 25.0, peak / 25.0 / 1e4
    top, end = float(warmup_steps) - 1.0, float(total_steps) - 1.0
    step = tf.minimum(tf.cast(step, tf.float32), end)

    def cosine(start: float, stop: float, progress: tf.Tensor) -> tf.Tensor:
        return stop + (start - stop) * (1.0 + tf.cos(math.pi * progress)) / 2.0

    rise = cosine(first, peak, step / max(top, 1.0))
    fall = cosine(peak, last, (step - top) / max(end - top, 1.0))
    return tf.where(step <= top, rise, fall)


class _WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of a peak, the steps of a warm-up, and all steps."""

    def __init__(self, peak: float, warmup_steps: float, total_steps: float):
        """Makes the schedule; the arguments are those of the function it wraps.

        Raises:
          ValueError: If the steps are negative or the warm-up is longer than all.
        """
        if not 0 <= warmup_steps <= total_steps or total_steps <= 0:
            raise ValueError(
                f"{type(self).__name__} needs 0 <= warmup_steps <= total_steps. "
                f"Received: warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def get_config(self):
        """The arguments that make this schedule again."""
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


class WarmupCosine(_WarmupSchedule):
    """`warmup_cosine` as a Keras schedule."""

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The learning rate at a step, (), float32."""
        return warmup_cosine(step, self.peak, self.warmup_steps, self.total_steps)


class OneCycle(_WarmupSchedule):
    """`one_cycle` as a Keras schedule."""

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The learning rate at a step, (), float32."""
        return one_cycle(step, self.peak, self.warmup_steps, self.total_steps)
