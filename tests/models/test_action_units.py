import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.action_units import build_action_unit_head


def test_head_is_linear_and_built(rng):
    head = build_action_unit_head(4, 6)
    kernel, bias = head.get_weights()
    assert kernel.shape == (6, 4) and bias.shape == (4,)
    representations = rng.normal(size=(3, 6))
    expected = representations @ kernel + bias
    np.testing.assert_allclose(head(representations), expected, rtol=1e-4, atol=1e-6)


def test_intensities_are_float32_under_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        head = build_action_unit_head(4, 6)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert head(tf.ones([2, 6], tf.bfloat16)).dtype == tf.float32
