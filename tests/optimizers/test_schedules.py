import numpy as np
import pytest
import tensorflow as tf

from byel_tf.optimizers import OneCycle, WarmupCosine


def oracle(step, peak, warmup, total):
    if step < warmup:
        return peak * step / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1)
    return peak * (1 + np.cos(np.pi * progress)) / 2


def one_cycle_oracle(step, peak, warmup, total):
    """PyTorch's OneCycleLR(peak, total, pct_start=warmup / total)."""
    phases = [
        (0, warmup - 1, peak / 25, peak),
        (warmup - 1, total - 1, peak, peak / 25 / 1e4),
    ]
    step = min(step, total - 1)
    begin, end, start, stop = phases[step > warmup - 1]
    progress = (step - begin) / (end - begin) if end > begin else 0
    return stop + (start - stop) / 2 * (1 + np.cos(np.pi * progress))


@pytest.mark.parametrize(("warmup", "total"), [(0, 10), (3, 10), (10, 10), (2.5, 9)])
@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize(
    ("schedule", "oracle"), [(WarmupCosine, oracle), (OneCycle, one_cycle_oracle)]
)
def test_schedules_against_numpy(schedule, oracle, warmup, total, in_graph):
    schedule = schedule(0.4, warmup, total)
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


def test_one_cycle_begins_peaks_and_ends_as_it_should():
    schedule = OneCycle(0.5, 4, 10)
    rates = [float(schedule(step)) for step in range(12)]
    np.testing.assert_allclose(rates[0], 0.02, rtol=1e-6)
    np.testing.assert_allclose(rates[3], 0.5, rtol=1e-6)
    np.testing.assert_allclose(rates[9:], 2e-6, rtol=1e-6)
    assert np.argmax(rates) == 3


@pytest.mark.parametrize("schedule", [WarmupCosine, OneCycle])
def test_schedules_survive_their_config(schedule):
    made = schedule(0.4, 3, 10)
    again = schedule.from_config(made.get_config())
    assert again(5).numpy() == made(5).numpy()


@pytest.mark.parametrize("schedule", [WarmupCosine, OneCycle])
def test_warmup_longer_than_all_is_refused(schedule):
    reason = f"{schedule.__name__} .* Received: warmup_steps=11, total_steps=10"
    with pytest.raises(ValueError, match=reason):
        schedule(0.4, 11, 10)
