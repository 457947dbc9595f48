"""The augmented views of a batch, made in the step or taken from the pipeline."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf import stateless
from byel_tf.augment.policies import Policy
from byel_tf.batch import VIEWS, Batch

#: Makes the views, (B, H, W, C) each, float32 in [0, 1], of a batch.
MakeViews = Callable[[Batch], tuple[tf.Tensor, ...]]


def policy_views(policy: Policy, count: int) -> MakeViews:
    """Makes the function from a batch to its first `count` views.

    Args:
      policy: The augmentation policy.
      count: 2 for bootstrapping, 1 for supervised training.

    Returns:
      A function of a batch with image (B, H, W, C) and key (B, 2).
    """
    draws = policy.num_uniforms

    def make_views(batch: Batch) -> tuple[tf.Tensor, ...]:
        uniforms = stateless.uniform(batch["key"], count * draws, VIEWS)
        return tuple(
            augment(batch["image"], uniforms[:, number * draws : (number + 1) * draws])
            for number, augment in enumerate(policy.augmentations[:count])
        )

    return make_views


def ready_views(batch: Batch) -> tuple[tf.Tensor, ...]:
    """Takes the views that the input pipeline has made already."""
    return tuple(tf.unstack(batch["views"], axis=1))
