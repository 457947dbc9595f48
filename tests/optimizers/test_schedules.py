import numpy as np
import pytest
import tensorflow as tf

from byel_tf.optimizers import WarmupCosine


def oracle(step, peak, warmup, total):
    if step < warmup:
        return peak * step / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1)
    return peak * (1 + np.cos(np.pi * progress)) / 2


@pytest.mark.parametrize(("warmup", "total"), [(0, 10), (3, 10), (10, 10), (2.5, 9)])
@pytest.mark.parametrize("in_graph", [False, True])
def test_warmup_cosine_against_numpy(warmup, total, in_graph):
    schedule = WarmupCosine(0.4, warmup, total)
    call = tf.function(schedule) if in_graph else schedule
    for step in range(13):
        ours = call(tf.constant(step, tf.int64)).numpy()
        expected = oracle(step, 0.4, warmup, total)
        assert ours == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_warmup_cosine_begins_and_ends_at_zero():
    schedule = WarmupCosine(0.4, 3, 10)
    assert schedule(0).numpy() == 0
    assert schedule(3).numpy() == pytest.approx(0.4)
    assert schedule(10).numpy() == pytest.approx(0, abs=1e-7)


def test_warmup_cosine_survives_its_config():
    schedule = WarmupCosine(0.4, 3, 10)
    again = WarmupCosine.from_config(schedule.get_config())
    assert again(5).numpy() == schedule(5).numpy()


def test_warmup_longer_than_all_is_refused():
    with pytest.raises(ValueError, match="Received: warmup_steps=11, total_steps=10"):
        WarmupCosine(0.4, 11, 10)
