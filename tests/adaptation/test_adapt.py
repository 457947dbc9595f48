import numpy as np
import pytest

from byel_tf.adaptation.adapt import adapt
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.settings import METHODS, MethodSettings, Source

SOURCE = Source(1.0, (1 / 3, 1 / 3, 1 / 3))
SETTINGS = MethodSettings(source_images=20, depth=1.0, batch_size=64)
NO_LIMITS = Guard(20, 0.0, 0.0, 0.0, consistency=1.0, agreement=0.0)


def weights_equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_changes_the_network(running, pictures, method):
    images, _ = pictures(120, shares=(0.6, 0.3, 0.1), gain=0.6)
    before = running.network.get_weights()
    done = adapt(running, images, SOURCE, method, SETTINGS, NO_LIMITS)
    assert (done.method, done.images, done.strength, done.reason) == (
        method,
        120,
        1.0,
        None,
    )
    assert not weights_equal(running.network.get_weights(), before)
    assert done.to_json("abc")["shares"]["a"] == pytest.approx(done.shares[0], abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_label_shift_is_recognised(running, pictures, method):
    images, _ = pictures(120, shares=(0.94, 0.03, 0.03))
    before = running.network.get_weights()
    guard = Guard(confidence=0.0, prior_diversity=0.0, consistency=1.0, agreement=0.0)
    done = adapt(running, images, SOURCE, method, SETTINGS, guard)
    if method == "prior":  # made for it
        assert done.strength == 1
        return
    assert done.strength == 0
    assert done.reason.startswith("label shift: the estimated class shares are as")
    assert weights_equal(running.network.get_weights(), before)


def test_unsure_of_the_images(running, pictures):
    images, _ = pictures(60)
    guard = Guard(confidence=0.9999)
    done = adapt(running, images, SOURCE, "prototypes", SETTINGS, guard)
    assert done.strength == 0
    assert "not sure of these images" in done.reason


def test_shares_that_do_not_fit_the_labels(running, pictures):
    images, _ = pictures(60)
    # Every image is class 0 by a little, and the shares that explain it best are of
    # class 0 alone.
    logits = np.tile([0.1, 0.0, 0.0], (60, 1))
    logits[:20] = [0.0, 0.1, 0.05]
    guard = Guard(prior_diversity=0.0, agreement=0.0)
    done = adapt(running, images, SOURCE, "prior", SETTINGS, guard, logits)
    assert done.strength == 0
    labels = np.array([40, 20, 0]) / 60
    distance = np.abs(np.array(done.shares) - labels).sum() / 2
    assert f"shares are {distance:.3f} from those of the model's" in done.reason
    done = adapt(running, images, SOURCE, "prior", SETTINGS, guard, 60 * logits)
    assert done.strength == 1


def test_part_of_the_way(running, pictures, monkeypatch):
    from byel_tf.adaptation import methods

    images, _ = pictures(80)
    bias = running.network.head.bias

    def push(running, images, source, settings):
        running.network.head.bias.assign_add([far, 0.0, 0.0])

    monkeypatch.setitem(methods.BY_NAME, "prior", push)
    _, logits = running.outputs(images)
    before = bias.numpy()
    # So far that a quarter of it changes few labels, and all of it every one.
    gaps = np.sort(logits.max(axis=1) - logits[:, 0])
    far = 4 * (gaps[int(0.4 * len(gaps))])
    guard = Guard(prior_diversity=0.0, consistency=1.0, agreement=0.5)
    done = adapt(running, images, SOURCE, "prior", SETTINGS, guard)
    assert done.strength == 0.25
    assert "keep their label" in done.reason
    assert done.changed <= 0.5
    np.testing.assert_allclose(bias.numpy() - before, [far / 4, 0, 0], atol=1e-5)
    far = 1e6
    bias.assign(before)
    done = adapt(running, images, SOURCE, "prior", SETTINGS, guard)
    assert (done.strength, done.changed) == (0.0, 0.0)
    np.testing.assert_array_equal(bias.numpy(), before)
    done = adapt(running, images, SOURCE, "prior", SETTINGS, None)
    assert done.strength == 1
