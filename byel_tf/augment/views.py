"""The augmented views of a batch, made in the step or taken from the pipeline."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf import stateless
from byel_tf.augment.policies import Policy
from byel_tf.batch import PAIR, VIEWS, Batch

#: Makes the views, (B, H, W, C) each, float32 in [0, 1], of a batch.
MakeViews = Callable[[Batch], tuple[tf.Tensor, ...]]


def policy_views(policy: Policy, count: int, is_exchanged: bool = False) -> MakeViews:
    """Makes the function from a batch to its first `count` views.

    Args:
      policy: The augmentation policy.
      count: 2 for bootstrapping, 1 for supervised training.
      is_exchanged: Whether image and pair change places in half of the examples.

    Returns:
      A function of a batch with image (B, H, W, C) and key (B, 2). View 1 is made of
      the image; view 2 of the pair where the batch has one, else of the image too.
    """
    draws = policy.num_uniforms

    def make_views(batch: Batch) -> tuple[tf.Tensor, ...]:
        uniforms = stateless.uniform(batch["key"], count * draws, VIEWS)
        pictures = (batch["image"], batch.get("pair", batch["image"]))
        if is_exchanged:
            is_second = stateless.uniform(batch["key"], 1, PAIR) < 0.5
            is_second = is_second[:, :, None, None]
            pictures = [
                tf.where(is_second, other, one)
                for one, other in (pictures, reversed(pictures))
            ]
        return tuple(
            augment(picture, uniforms[:, number * draws : (number + 1) * draws])
            for number, (augment, picture) in enumerate(
                zip(policy.augmentations[:count], pictures, strict=False)
            )
        )

    return make_views


def ready_views(batch: Batch) -> tuple[tf.Tensor, ...]:
    """Takes the views that the input pipeline has made already."""
    return tuple(tf.unstack(batch["views"], axis=1))
