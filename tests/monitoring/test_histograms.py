import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.monitoring.histograms import Histograms


@pytest.fixture
def model():
    model = keras.Sequential([keras.layers.Dense(3, name="head")])
    model(tf.zeros([1, 2]))
    model.learned_variables = model.trainable_variables
    return model


def test_every_learned_variable_has_a_histogram(model, writer, read_events):
    callback = Histograms("finetune", writer)
    callback.set_model(model)
    callback.step = 4
    callback.on_epoch_end(0, {})
    events = read_events()
    tags = set(events.PluginTagToContent("histograms"))
    assert tags == {"finetune/weights/head/kernel", "finetune/weights/head/bias"}
    (point,) = events.Tensors("finetune/weights/head/kernel")
    buckets = tf.make_ndarray(point.tensor_proto)
    kernel = model.layers[0].kernel.numpy()
    assert (point.step, buckets[:, 2].sum()) == (4, kernel.size)
    assert buckets[0, 0] == np.float64(kernel.min())
