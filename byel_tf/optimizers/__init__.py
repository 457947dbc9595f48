"""Optimizers and learning-rate schedules."""

from byel_tf.optimizers.lars import LARS
from byel_tf.optimizers.schedules import WarmupCosine

__all__ = ["LARS", "WarmupCosine"]
