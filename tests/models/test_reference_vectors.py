"""Our losses and gradients against those of the authors' own code."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.losses import bootstrap_loss, classification_loss, orthonormality_penalty
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def relative_error(ours, theirs):
    ours = np.asarray(ours, np.float64)
    return np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)


def compute(vectors, dtype):
    """All named quantities of one case, computed by the project's functions."""

    def tensor(name):
        return tf.constant(vectors[name], dtype)

    p1, p2, z1, z2 = map(tensor, ("p1", "p2", "z1", "z2"))
    labels = tf.constant(vectors["labels"], tf.int32)
    classifier = EmotionClassifier(vectors["W"].shape[1], dtype=dtype)
    classifier.build((None, vectors["W"].shape[0]))
    assert classifier.batch_norm.epsilon == float(vectors["bn_epsilon"])
    classifier.emotion_vectors.assign(tensor("W"))
    classifier.batch_norm.gamma.assign(tensor("bn_gamma"))
    classifier.batch_norm.beta.assign(tensor("bn_beta"))
    w = classifier.emotion_vectors
    out = {}
    with tf.GradientTape() as tape:
        tape.watch([p1, p2])
        out["logits1"] = classifier(p1, training=True)
        out["logits2"] = classifier(p2, training=True)
        out["subtracted1"] = subtract_emotion_vector(p1, w, labels)
        out["subtracted2"] = subtract_emotion_vector(p2, w, labels)
        out["bootstrap"] = tf.reduce_mean(
            bootstrap_loss(out["subtracted1"], z2)
            + bootstrap_loss(out["subtracted2"], z1)
        )
        out["classification"] = classification_loss(
            out["logits1"], labels
        ) + classification_loss(out["logits2"], labels)
        out["orthonormality"] = orthonormality_penalty(w)
        out["total"] = out["bootstrap"] + out["classification"] + out["orthonormality"]
    sources = {
        "grad_p1": p1,
        "grad_p2": p2,
        "grad_W": w,
        "grad_bn_gamma": classifier.batch_norm.gamma,
        "grad_bn_beta": classifier.batch_norm.beta,
    }
    return out | tape.gradient(out["total"], sources)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_gradients_are_the_authors(reference_vectors, dtype):
    cases = {key.split("/")[0] for key in reference_vectors}
    assert cases
    for case in cases:
        vectors = {
            key.split("/")[1]: value
            for key, value in reference_vectors.items()
            if key.startswith(f"{case}/")
        }
        for name, ours in compute(vectors, dtype).items():
            error = relative_error(ours, vectors[name])
            assert error <= TOLERANCE[dtype], (case, name, error)
