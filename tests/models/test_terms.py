import numpy as np
import pytest
import tensorflow as tf

from byel_tf.losses import cross_entropy
from byel_tf.models.terms import emotion_losses
from tests.models.stepping import CLASSES, make_batch


@pytest.mark.parametrize("class_weights", [None, [0.5, 2.0, 1.25]])
def test_votes_are_learned_where_there_are_any(rng, class_weights):
    batch = make_batch(1, 4)
    logits = [tf.constant(rng.normal(size=(4, CLASSES)), tf.float32) for _ in "ab"]
    votes = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2], [0.5, 0.25, 0.25]], np.float32)
    found = emotion_losses(logits, {**batch, "votes": votes}, 0.1, class_weights)
    labels = batch["label"].numpy()
    shares = np.eye(CLASSES)[labels]
    shares[[0, 2, 3]] = [[0.75, 0.25, 0], [0, 0, 1], [0.5, 0.25, 0.25]]
    losses = sum(cross_entropy(one, shares.astype(np.float32), 0.1) for one in logits)
    weights = np.array(class_weights or [1.0] * CLASSES)[labels]
    assert float(found) == pytest.approx((losses.numpy() * weights).sum() / 4)
    without = emotion_losses(logits, batch, 0.1, class_weights)
    none = emotion_losses(
        logits, {**batch, "votes": np.zeros_like(votes)}, 0.1, class_weights
    )
    assert float(without) == pytest.approx(float(none), rel=1e-6)
    assert float(without) != pytest.approx(float(found), rel=1e-3)


def test_each_view_learns_the_votes_of_its_own_picture(rng):
    batch = make_batch(1, 4)
    logits = [tf.constant(rng.normal(size=(4, CLASSES)), tf.float32) for _ in "ab"]
    votes = rng.uniform(size=(2, 4, CLASSES)).astype(np.float32)
    pair = {"votes": votes[0], "pair_votes": votes[1]}
    found = emotion_losses(logits, {**batch, **pair}, 0.1, None)
    each = [
        emotion_losses([one], {**batch, "votes": own}, 0.1, None)
        for one, own in zip(logits, votes, strict=True)
    ]
    assert float(found) == pytest.approx(float(sum(each)), rel=1e-6)
