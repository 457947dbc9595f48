"""How the two networks learn: batches, losses, and a rate that rises and falls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.detection.frame import MIRRORED, PATCH
from byel_tf.detection.networks import normalized_level, normalized_patches
from byel_tf.detection.pyramid import STRIDE
from byel_tf.detection.training.patches import Patches
from byel_tf.detection.training.scenes import Scene
from byel_tf.detection.training.targets import proposing_targets
from byel_tf.progress import progress

# Weight of places against that of being a face.
_PLACES = 2.0
# Exponent of the focal loss (Lin et al., arXiv 1708.02002): most places are clearly
# not a face's.
_FOCUS = 2.0
_DECAY, _WARM_UP = 1e-4, 0.08
# Share of patches of which a part is covered, and the cover's sides in pixels.
_COVERED, _COVER = 0.25, (6, 24)


def learn_to_propose(
    model: keras.Model, scenes: list[Scene], steps: int, batch: int, rate: float, seed
) -> None:
    """Trains the first network on scenes."""
    pixels = np.stack([scene.pixels for scene in scenes])
    side = pixels.shape[1] // STRIDE
    targets = np.stack([proposing_targets(s.points, side, side) for s in scenes])
    draws = np.random.default_rng((seed, 11))

    def examples(chosen):
        gains = np.exp(draws.normal(0, 0.2, (len(chosen), 1, 1)))
        some = np.clip(pixels[chosen] * gains, 0, 255)
        return normalized_level(some)[..., None], targets[chosen]

    _learn(model, examples, proposing_loss, len(scenes), steps, batch, rate, draws)


def learn_to_look(
    model: keras.Model, patches: Patches, steps: int, batch: int, rate: float, seed
) -> None:
    """Trains the second network on patches."""
    draws = np.random.default_rng((seed, 12))

    def examples(chosen):
        some, targets = patches.pixels[chosen], patches.targets[chosen]
        mirror = draws.random(len(chosen)) < 0.5
        some[mirror] = some[mirror, :, ::-1]
        targets[mirror] = mirrored(targets[mirror])
        for place in np.flatnonzero(draws.random(len(chosen)) < _COVERED):
            top, left = draws.integers(0, PATCH, 2)
            height, width = draws.integers(*_COVER, 2)
            value = draws.integers(256)
            some[place, top : top + height, left : left + width] = value
        return normalized_patches(some)[..., None], targets

    count = len(patches.pixels)
    _learn(model, examples, looking_loss, count, steps, batch, rate, draws)


def mirrored(targets: np.ndarray) -> np.ndarray:
    """Targets of the second network for mirrored patches."""
    points = targets[:, 1:11].reshape(-1, 5, 2)[:, MIRRORED] * [-1, 1]
    mirrored = targets.copy()
    mirrored[:, 1:11] = points.reshape(-1, 10)
    return mirrored


def proposing_loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The first network's loss; targets as from `proposing_targets`, batched."""
    truth, matters = targets[..., 0], targets[..., 5]
    faces = tf.reduce_sum(truth) + 1.0
    losses = _focal(truth, outputs[..., 0])
    places = tf.reduce_sum(_huber(targets[..., 1:5] - outputs[..., 1:5]), axis=-1)
    return (
        tf.reduce_sum(matters * losses) + _PLACES * tf.reduce_sum(truth * places)
    ) / faces


def looking_loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The second network's loss; targets as from `looking_targets`."""
    truth, known = targets[:, 0], targets[:, 11]
    losses = tf.nn.sigmoid_cross_entropy_with_logits(truth, outputs[:, 0])
    places = tf.reduce_sum(_huber(targets[:, 1:11] - outputs[:, 1:11]), axis=-1)
    known_count = tf.reduce_sum(known) + 1.0
    return tf.reduce_mean(losses) + tf.reduce_sum(known * places) / known_count


def _focal(truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    losses = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    return losses * (1 - tf.exp(-losses)) ** _FOCUS


def _huber(x: tf.Tensor) -> tf.Tensor:
    size = tf.abs(x)
    return tf.where(size < 1, 0.5 * size * size, size - 0.5)


def _learn(
    model: keras.Model,
    examples: Callable,
    loss_of: Callable,
    count: int,
    steps: int,
    batch: int,
    rate: float,
    draws: np.random.Generator,
) -> None:
    """Trains with AdamW; examples are drawn without repetition until all were seen."""
    step_variable = tf.Variable(0.0)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=_DECAY, clipnorm=5.0)

    @tf.function(autograph=False)
    def update(inputs, targets):
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(inputs, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        done = step_variable / steps
        falling = 0.5 * (1 + tf.cos(np.pi * tf.maximum(0.0, done - _WARM_UP)))
        optimizer.learning_rate.assign(
            rate * tf.minimum(1.0, (done + 1 / steps) / _WARM_UP) * falling
        )
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        step_variable.assign_add(1.0)
        return loss

    order, losses = np.zeros(0, int), []
    with progress(steps, "step", f"learn to {model.layers[-1].name}") as bar:
        for _ in range(steps):
            while len(order) < batch:
                order = np.concatenate([order, draws.permutation(count)])
            chosen, order = order[:batch], order[batch:]
            inputs, targets = examples(np.sort(chosen))
            losses.append(update(inputs, targets.astype(np.float32)))
            if len(losses) % 50 == 0:
                bar.set_postfix(loss=f"{np.mean(losses[-200:]):.4f}", refresh=False)
            bar.update()
