"""Optimizers and learning-rate schedules."""

from byel_tf.optimizers.lars import LARS
from byel_tf.optimizers.schedules import OneCycle, WarmupCosine

__all__ = ["LARS", "OneCycle", "WarmupCosine"]
