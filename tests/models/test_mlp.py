import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.mlp import MLP
from byel_tf.models.normalization import batch_norm


def test_mlp_against_numpy(rng):
    network = MLP(16, 5, "projector")
    vectors = rng.normal(size=(7, 3))
    network(vectors)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    first, first_bias, scale, offset, second, second_bias = (
        v.numpy().astype(np.float64) for v in network.trainable_variables
    )
    hidden = vectors @ first + first_bias
    normal = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)
    expected = np.maximum(normal * scale + offset, 0) @ second + second_bias
    np.testing.assert_allclose(
        network(vectors, training=True), expected, rtol=1e-3, atol=1e-4
    )


def test_mlp_infers_with_moving_statistics(rng):
    network = MLP(16, 5, "projector")
    vectors = rng.normal(size=(7, 3))
    np.testing.assert_allclose(
        network(vectors)[:2], network(vectors[:2]), rtol=1e-4, atol=1e-6
    )


def test_batch_norm_is_made_by_what_was_handed_down():
    made = []
    network = MLP(16, 5, "p", lambda name: made.append(batch_norm(name)) or made[-1])
    assert [network.norm] == made


def test_output_is_float32_under_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = MLP(16, 5, "projector")
        output = network(tf.ones([2, 3]))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert network.hidden.compute_dtype == "bfloat16"
    assert output.dtype == tf.float32
