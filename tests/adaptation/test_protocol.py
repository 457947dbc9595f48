import dataclasses

import numpy as np
import pytest
from sklearn.metrics import f1_score

from byel_tf.adaptation import protocol as module
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.protocol import Protocol
from byel_tf.adaptation.settings import MethodSettings, Source

NO_LIMITS = Guard(4, 0.0, 0.0, 0.0, steadiness=0.0, agreement=0.0)


@pytest.fixture
def protocol(running, pictures, monkeypatch):
    monkeypatch.setattr(module, "REFRESH", 30)
    monkeypatch.setattr(module, "WINDOW", 50)
    images, labels = pictures(100, gain=0.5)
    _, logits = running.outputs(images)
    return Protocol(
        running,
        Source(1.0, (1 / 3, 1 / 3, 1 / 3)),
        images,
        labels,
        MethodSettings(source_images=0, depth=1.0),
        NO_LIMITS,
        logits,
    )


@pytest.fixture
def shown(monkeypatch):
    """What is adapted to, as (images, logits) of each time."""
    calls = []
    real = module.adapt

    def adapt(running, images, source, method, settings, guard, logits):
        calls.append((images, logits))
        return real(running, images, source, method, settings, guard, logits)

    monkeypatch.setattr(module, "adapt", adapt)
    return calls


def test_cases(protocol, shown):
    before = protocol.running.network.get_weights()
    cases = protocol.cases("statistics")
    for first, second in zip(
        protocol.running.network.get_weights(), before, strict=True
    ):
        np.testing.assert_array_equal(first, second)
    assert [(c.mode, c.order, c.batch) for c in cases] == [
        ("offline", "A to B", 50),
        ("offline", "B to A", 50),
        *(
            ("online", order, batch)
            for order in ("random", "dirichlet", "sorted")
            for batch in (1, 16, 64, 200)
        ),
    ]
    assert all(case.strength == 1 for case in cases)
    # Offline nothing is scored that it was adapted to.
    (first, _), (second, _) = shown[:2]
    rows = [{image.tobytes() for image in half} for half in (first, second)]
    assert not rows[0] & rows[1]
    assert len(rows[0] | rows[1]) == 100
    whole = f1_score(protocol.labels, protocol.logits.argmax(axis=1), average="macro")
    assert {case.unadapted for case in cases[2:]} == {whole}


def test_online_sees_no_future(protocol, shown):
    positions = np.arange(100)
    protocol._online("statistics", "random", positions, 16)
    ends = [32, 64, 96]
    assert len(shown) == 3
    for (images, logits), end in zip(shown, ends, strict=True):
        latest = slice(max(0, end - 50), end)
        np.testing.assert_array_equal(images, protocol.images[latest])
        np.testing.assert_array_equal(logits, protocol.logits[latest])
    # The batch that makes the model anew is predicted by it already.
    assert protocol._refreshes(100, 16) == [(16, 32), (48, 64), (80, 96)]
    assert protocol._refreshes(100, 1)[0] == (29, 30)
    assert protocol._refreshes(100, 200) == [(0, 100)]


def test_online_scores_what_each_model_says(protocol, monkeypatch):
    """A method that names every image as the number of times it was called."""
    calls = []

    def adapt(running, *others):
        calls.append(1)
        kernel, bias = (np.zeros_like(w) for w in running.network.head.get_weights())
        bias[len(calls) - 1] = 1
        running.network.head.set_weights([kernel, bias])
        return real(running, *others)

    class Done:
        strength, reason = 1.0, None

    def real(*others):
        return Done

    monkeypatch.setattr(module, "adapt", adapt)
    case = protocol._online("statistics", "random", np.arange(100), 16)
    own = protocol.logits.argmax(axis=1)
    expected = np.concatenate(
        [own[:16], np.full(32, 0), np.full(32, 1), np.full(20, 2)]
    )
    assert case.macro_f1 == f1_score(protocol.labels, expected, average="macro")
    assert case.difference == case.macro_f1 - case.unadapted


def test_of_fewer_images_than_a_refresh_it_says_so(protocol):
    case = protocol._online("statistics", "random", np.arange(20), 16)
    assert (case.strength, case.difference) == (0, 0)
    assert case.reason == f"fewer than {module.REFRESH} images came"


def test_too_few_images_are_left_alone(protocol, shown):
    strict = dataclasses.replace(protocol, guard=Guard(images_per_class=17))
    assert strict._adapt("prior", np.arange(50)) == (0.0, "50 images are too few")
    assert not shown
    strict._adapt("prior", np.arange(51))
    assert len(shown) == 1


def test_held_back_all_is_as_without(protocol):
    guard = Guard(4, 0.0, confidence=1.0, steadiness=0.0)
    held = dataclasses.replace(protocol, guard=guard)
    for case in held.cases("entropy"):
        assert case.difference == 0
        assert case.strength == 0
        assert "not sure of these images" in case.reason
