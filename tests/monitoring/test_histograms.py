import numpy as np
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.monitoring.histograms import write_histograms


def test_every_learned_variable_has_a_histogram(writer, read_events):
    head = keras.layers.Dense(3, name="head")
    head(tf.zeros([1, 2]))
    with writer.as_default(step=4):
        write_histograms("finetune", head.trainable_variables)
    events = read_events()
    tags = set(events.PluginTagToContent("histograms"))
    assert {tag.rpartition("/")[2] for tag in tags} == {"kernel", "bias"}
    (kernel,) = (tag for tag in tags if tag.endswith("kernel"))
    assert kernel.startswith("finetune/weights/")
    (point,) = events.Tensors(kernel)
    buckets = tf.make_ndarray(point.tensor_proto)
    assert (point.step, buckets[:, 2].sum()) == (4, 6)
    assert buckets[0, 0] == np.float64(head.kernel.numpy().min())
