import numpy as np
import pytest
import tensorflow as tf

from byel_tf import stateless
from byel_tf.batch import DROPOUT, VIEWS
from byel_tf.models.dropout import record_dropout


@pytest.fixture
def keys(rng):
    return tf.constant(rng.integers(2**32, size=(6, 2)), tf.uint32)


def test_dropout_keeps_what_its_own_uniforms_say(rng, keys):
    vectors = rng.normal(size=(6, 400)).astype(np.float32)
    uniforms = stateless.uniform(keys, 400, DROPOUT).numpy()
    expected = np.where(uniforms >= 0.3, vectors / 0.7, 0)
    dropped = record_dropout(vectors, keys, 0.3)
    np.testing.assert_allclose(dropped, expected, rtol=1e-6)
    assert (dropped.numpy() == 0).mean() == pytest.approx(0.3, abs=0.04)


def test_dropout_does_not_draw_what_the_views_do(keys):
    uniforms = stateless.uniform(keys, 400, VIEWS).numpy()
    dropped = record_dropout(tf.ones([6, 400]), keys, 0.5).numpy()
    assert ((dropped > 0) == (uniforms >= 0.5)).mean() == pytest.approx(0.5, abs=0.05)


def test_dropout_depends_on_the_record_alone(keys):
    vectors, order = tf.ones([6, 400]), [3, 1, 5]
    dropped = record_dropout(vectors, keys, 0.3).numpy()
    again = record_dropout(tf.gather(vectors, order), tf.gather(keys, order), 0.3)
    np.testing.assert_array_equal(again, dropped[order])
    assert not np.array_equal(dropped[0], dropped[1])


def test_dropout_is_the_same_when_compiled(keys):
    run = tf.function(lambda v, k: record_dropout(v, k, 0.5), jit_compile=True)
    vectors = tf.ones([6, 100])
    np.testing.assert_array_equal(
        run(vectors, keys), record_dropout(vectors, keys, 0.5)
    )


def test_dropout_keeps_the_dtype(keys):
    dropped = record_dropout(tf.ones([6, 100], tf.bfloat16), keys, 0.5)
    assert dropped.dtype == tf.bfloat16
    assert set(np.unique(dropped.numpy().astype(float))) == {0.0, 2.0}


def test_no_dropout_changes_nothing(keys):
    vectors = tf.ones([6, 3])
    assert record_dropout(vectors, keys, 0.0) is vectors
