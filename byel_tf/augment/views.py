"""The augmented views of a batch, made in the step or taken from the pipeline."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment.policies import Policy
from byel_tf.batch import Batch

Views = Callable[[Batch], tuple[tf.Tensor, ...]]


def policy_views(policy: Policy, count: int) -> Views:
    """Makes the function from a batch to its first `count` views.

    Args:
      policy: The augmentation policy.
      count: 2 for bootstrapping, 1 for supervised training.

    Returns:
      A function of a batch with image (B, H, W, C) and uniforms (B, count, draws) to
      `count` views (B, H, W, C), float32 in [0, 1].
    """

    def views(batch: Batch) -> tuple[tf.Tensor, ...]:
        return tuple(
            policy.views[view](batch["image"], batch["uniforms"][:, view])
            for view in range(count)
        )

    return views


def ready_views(batch: Batch) -> tuple[tf.Tensor, ...]:
    """Takes the views that the input pipeline has made already."""
    return tuple(tf.unstack(batch["views"], axis=1))
