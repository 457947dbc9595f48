"""Which picture stands beside which, for views of one class."""

import numpy as np
import pytest

from byel_tf.data.partners import Partners

LABELS = np.array([0] * 9 + [1] * 3 + [2] * 2 + [3])
PERSONS = np.array([*"aabbbcdde", *"aab", *"cc", "a"])
DRAWS = np.arange(len(LABELS))


def partners(seed=1, stage=1, labelled=None):
    return Partners(PERSONS, LABELS, seed, stage, labelled)


def test_partners_are_other_persons_of_the_class_each_as_likely():
    found = np.array([partners()(epoch, DRAWS) for epoch in range(600)])
    for position, drawn in enumerate(found.T):
        others = (LABELS[position] == LABELS) & (PERSONS[position] != PERSONS)
        if LABELS[position] == 2:  # one person's two pictures
            others = (LABELS == 2) & (position != DRAWS)
        if LABELS[position] == 3:  # one picture
            others = position == DRAWS
        counts = np.bincount(drawn, minlength=len(LABELS))
        assert (counts[~others] == 0).all(), position
        expected = 600 / others.sum()
        assert np.abs(counts[others] - expected).max() < 6 * np.sqrt(expected) + 1


def test_partners_follow_from_seed_stage_epoch_and_draw_alone():
    expected = partners()(3, DRAWS)
    some = np.array([4, 0, 4])
    np.testing.assert_array_equal(partners()(3, some), expected[some])
    again = partners()(3, DRAWS + len(DRAWS))  # the records once more in the epoch
    others = [partners()(4, DRAWS), partners(2)(3, DRAWS), partners(1, 2)(3, DRAWS)]
    for other in (*others, again):
        assert not np.array_equal(other, expected)
        np.testing.assert_array_equal(LABELS[other], LABELS)


@pytest.mark.parametrize("epoch", range(5))
def test_unknown_labels_make_no_partners(epoch):
    labelled = DRAWS % 2 == 0
    found = partners(labelled=labelled)(epoch, DRAWS)
    np.testing.assert_array_equal(found[~labelled], DRAWS[~labelled])
    assert labelled[found[labelled]].all()
