"""The networks as they learn are those that detect."""

import numpy as np
import pytest

from byel_tf.detection.frame import PATCH
from byel_tf.detection.networks import (
    LOOKED_UNIT,
    LOOKING,
    PROPOSED_UNIT,
    PROPOSING,
    USUAL_POINTS,
    Networks,
    cells,
    normalized_level,
    normalized_patches,
    shapes,
)
from byel_tf.detection.training import learning
from byel_tf.detection.training.models import folded, looking_model, proposing_model
from byel_tf.detection.training.patches import Patches


@pytest.fixture(scope="module")
def models():
    """Both with norms that are not the identity."""
    draws = np.random.default_rng(1)
    made = proposing_model(), looking_model()
    for model in made:
        for layer in model.layers:
            if layer.name.startswith("norm"):
                values = [draws.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
                values[1] -= 1
                layer.set_weights(values)
    return made


def test_numpy_says_what_keras_says(models):
    proposing, looking = models
    weights = {name: np.zeros(shape) for name, shape in shapes().items()}
    weights |= folded("propose", proposing, PROPOSING)
    weights |= folded("look", looking, LOOKING)
    networks = Networks(weights)
    draws = np.random.default_rng(2)
    level = draws.integers(256, size=(48, 72), dtype=np.uint8)
    scores, frames = networks.propose(level)
    said = proposing.predict(normalized_level(level)[None, ..., None], verbose=0)
    said = said.reshape(-1, 5)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-said[:, 0])), atol=1e-5)
    np.testing.assert_allclose(
        frames, cells(6, 9) + said[:, 1:] * PROPOSED_UNIT, atol=1e-3
    )
    patches = draws.integers(256, size=(3, PATCH, PATCH), dtype=np.uint8)
    odds, points = networks.look(patches)
    said = looking.predict(normalized_patches(patches)[..., None], verbose=0)
    np.testing.assert_allclose(odds, said[:, 0], rtol=1e-4, atol=1e-4)
    expected = USUAL_POINTS + said[:, 1:].reshape(-1, 5, 2) * LOOKED_UNIT
    np.testing.assert_allclose(points, expected, atol=1e-4)


def huber(x):
    return np.where(np.abs(x) < 1, 0.5 * x * x, np.abs(x) - 0.5)


def entropy(truth, logits):
    p = 1 / (1 + np.exp(-logits))
    return -truth * np.log(p) - (1 - truth) * np.log(1 - p)


def test_losses_are_the_reference():
    draws = np.random.default_rng(3)
    targets = draws.normal(size=(2, 3, 4, 6))
    targets[..., 0], targets[..., 5] = draws.integers(2, size=(2, 2, 3, 4))
    outputs = draws.normal(size=(2, 3, 4, 5)) * 2
    truth = targets[..., 0]
    ce = entropy(truth, outputs[..., 0])
    wrong = 1 - np.exp(-ce)
    places = huber(targets[..., 1:5] - outputs[..., 1:]).sum(axis=-1)
    total = (targets[..., 5] * ce * wrong**2).sum() + 2 * (truth * places).sum()
    loss = learning.proposing_loss(targets.astype("f4"), outputs.astype("f4"))
    np.testing.assert_allclose(loss, total / (truth.sum() + 1), rtol=1e-5)

    targets, outputs = draws.normal(size=(5, 12)), draws.normal(size=(5, 11))
    targets[:, 0] = targets[:, 11] = [1, 0, 1, 0, 0]
    places = huber(targets[:, 1:11] - outputs[:, 1:]).sum(axis=-1)
    total = entropy(targets[:, 0], outputs[:, 0]).mean() + places[[0, 2]].sum() / 3
    loss = learning.looking_loss(targets.astype("f4"), outputs.astype("f4"))
    np.testing.assert_allclose(loss, total, rtol=1e-5)


def test_a_mirror_changes_left_and_right():
    targets = np.arange(24.0).reshape(2, 12)
    points = learning.mirrored(targets)[:, 1:11].reshape(2, 5, 2)
    expected = targets[:, 1:11].reshape(2, 5, 2)[:, [1, 0, 2, 4, 3]] * [-1, 1]
    np.testing.assert_array_equal(points, expected)
    again = learning.mirrored(learning.mirrored(targets))
    np.testing.assert_array_equal(again, targets)


def test_the_second_network_learns():
    """Bright above dark is a face, dark above bright is none."""
    draws = np.random.default_rng(4)
    pixels = draws.integers(100, 140, (32, PATCH, PATCH)).astype(np.uint8)
    targets = np.zeros((32, 12), np.float32)
    targets[:16, [0, 11]] = 1
    pixels[:16, : PATCH // 2] += 80
    pixels[16:, PATCH // 2 :] += 80
    model = looking_model()
    learning.learn_to_look(model, Patches(pixels, targets), 20, 16, 3e-3, 1)
    inputs = normalized_patches(pixels)[..., None]
    # As in training: too few steps for moving statistics.
    logits = model(inputs, training=True).numpy()[:, 0]
    assert logits[:16].min() > logits[16:].max()
