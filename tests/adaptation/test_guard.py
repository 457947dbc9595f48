import numpy as np
import pytest
from scipy import stats

from byel_tf.adaptation.guard import Guard

EVEN = np.full(4, 0.25)


def sure(labels, confidence=0.9, classes=4):
    rest = (1 - confidence) / (classes - 1)
    return np.where(np.eye(classes)[labels] > 0, confidence, rest)


def test_images():
    assert Guard().least_images(6) == 90
    even, few = sure(np.arange(40) % 4), sure(np.arange(40) % 4, 0.7)
    guard = Guard(diversity=0.85, confidence=0.8)
    assert guard.against_images("statistics", even, EVEN) is None
    assert guard.against_images("entropy", few, EVEN) == (
        "the model is not sure of these images: mean confidence 0.700, at least 0.8 is "
        "needed"
    )
    assert guard.against_images("prior", few, EVEN) is None
    skewed = np.array([0.6, 0.2, 0.1, 0.1])
    assert guard.against_images("prototypes", even, skewed) == (
        "label shift: the estimated class shares are as diverse as 3.0 equally "
        "frequent classes of 4, at least 3.4 are needed"
    )
    reason = guard.against_images("prior", even, skewed)
    assert reason.startswith("the estimated class shares are 0.350 from those of the")
    alone = np.array([0.97, 0.01, 0.01, 0.01])
    assert "label shift" in guard.against_images("prior", even, alone)


@pytest.mark.parametrize(("kept", "is_taken"), [(93, True), (92, False)])
def test_change(kept, is_taken):
    before = sure(np.zeros(100, int))
    after = sure((np.arange(100) >= kept).astype(int))
    refusal = Guard(agreement=0.93).against_change(before, after)
    assert (refusal is None) == is_taken


def test_order(rng):
    labels = rng.choice(4, 400, p=[0.4, 0.3, 0.2, 0.1])
    guard = Guard(steadiness=0.01)
    assert guard.against_order(labels) is None
    halves = [np.bincount(half, minlength=4) for half in np.split(labels, 2)]
    chance = stats.chi2_contingency(halves, correction=False).pvalue
    assert guard.against_order(labels) is None
    assert Guard(steadiness=chance * 1.001).against_order(labels) is not None
    assert Guard(steadiness=chance * 0.999).against_order(labels) is None
    assert "classes change while images come" in guard.against_order(np.sort(labels))
    assert guard.against_order(np.full(50, 2)) is None
