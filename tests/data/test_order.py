import concurrent.futures
import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.data import order as order_module
from byel_tf.data.order import TrainingOrder, steps_per_epoch

COUNT, BATCH = 22, 4
BLOCK = 256
LABELS = np.array([3] * 15 + [0] * 5 + [7] * 2)

# A run that continues needs the order that it began with: these change with a release
# only if its notes say that runs of the one before do not continue.
GOLDEN = {
    "whole": ({}, [[0, 7, 1, 5, 6, 2, 9, 4, 8, 3], [4, 9, 1, 5, 2, 3, 6, 0, 8, 7]]),
    "stage 2, largest seed": (
        {"seed": 2**31 - 1, "stage": 2},
        [[1, 2, 4, 9, 3, 0, 8, 6, 7, 5], [0, 3, 5, 8, 1, 6, 7, 2, 4, 9]],
    ),
    "window": (
        {"count": 600, "batch_size": 8, "window": 5},
        [
            [47, 45, 46, 44, 48, 52, 53, 51, 49, 50],
            [102, 103, 104, 106, 105, 108, 107, 109, 110, 111],
        ],
    ),
    "classes": (
        {"labels": np.array([1, 1, 1, 1, 1, 1, 1, 2, 2, 5])},
        [[4, 7, 8, 9, 2, 19, 3, 18, 29, 6], [8, 5, 7, 9, 19, 0, 1, 4, 29, 18]],
    ),
}


def make_order(**changes):
    options = {"count": COUNT, "batch_size": BATCH, "drop_remainder": False}
    return TrainingOrder(**{**options, "seed": 1, "stage": 1, **changes})


def sampling(labels=LABELS, **changes):
    return make_order(count=len(labels), labels=labels, **changes)


def epoch_draws(order, epoch=0):
    """The draws of an epoch, in order, without those that fill its last batch."""
    steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
    batches = [order.batch(step) for step in steps]
    assert {number for number, _, _ in batches} == {epoch}
    return np.concatenate([draws[:number] for _, draws, number in batches])


def assert_same_batch(batch, expected):
    assert batch[0] == expected[0] and batch[2] == expected[2]
    np.testing.assert_array_equal(batch[1], expected[1])


@pytest.mark.parametrize("case", GOLDEN)
def test_order_is_that_of_earlier_releases(case):
    changes, expected = GOLDEN[case]
    order = make_order(**{"count": 10, "seed": 5, **changes})
    found = [epoch_draws(order, epoch)[:10].tolist() for epoch in (0, 1)]
    assert found == expected


@pytest.mark.parametrize(
    ("count", "batch_size", "drop_remainder", "steps"),
    [
        (8, 4, True, 2),
        (9, 4, True, 2),
        (9, 4, False, 3),
        (3, 4, True, 0),
        (3, 4, False, 1),
    ],
)
def test_steps_per_epoch(count, batch_size, drop_remainder, steps):
    assert steps_per_epoch(count, batch_size, drop_remainder) == steps
    order = make_order(
        count=count, batch_size=batch_size, drop_remainder=drop_remainder
    )
    assert order.steps_per_epoch == steps


@settings(max_examples=60)
@given(
    count=st.integers(1, 1200),
    batch_size=st.integers(1, 300),
    window=st.one_of(st.integers(1, 1500), st.just(2**62)),
    epoch=st.integers(0, 2**40),
)
def test_every_record_comes_once_an_epoch(count, batch_size, window, epoch):
    order = make_order(count=count, batch_size=batch_size, window=window)
    draws = epoch_draws(order, epoch)
    assert draws.dtype == np.int64
    np.testing.assert_array_equal(np.sort(draws), np.arange(count))


def test_epochs_seeds_and_stages_have_orders_of_their_own():
    orders = {
        tuple(epoch_draws(make_order(seed=seed, stage=stage), epoch))
        for seed in (0, 1, 2, 2**31 - 1)
        for stage in (1, 2)
        for epoch in (0, 1, 2, 2**32)
    }
    assert len(orders) == 4 * 2 * 4
    assert tuple(range(COUNT)) not in orders


def test_every_record_is_as_likely_in_every_place():
    epochs = 2200
    order = make_order(batch_size=COUNT)
    draws = np.array([order.batch(epoch)[1] for epoch in range(epochs)])
    for places in (draws[:, 0], draws[:, 10], draws[:, -1]):
        counts = np.bincount(places, minlength=COUNT)
        assert np.abs(counts - epochs / COUNT).max() < 5 * np.sqrt(epochs / COUNT)
    # What came early in one epoch comes anywhere in the next.
    ranks = np.argsort(draws, axis=1)
    correlation = np.corrcoef(ranks[1:].ravel(), ranks[:-1].ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(ranks.size)


def test_partial_batch_is_filled_with_its_own_records():
    order = make_order()
    _, draws, number = order.batch(order.steps_per_epoch - 1)
    assert number == COUNT % BATCH == 2
    assert len(set(draws[:2])) == 2
    np.testing.assert_array_equal(draws, [*draws[:2], *draws[:2]])
    one_short = make_order(batch_size=23)
    _, draws, number = one_short.batch(0)
    assert number == COUNT and draws[-1] == draws[0]


def test_a_batch_larger_than_the_split_repeats_it_in_turn():
    _, draws, number = make_order(count=3, batch_size=8).batch(0)
    assert number == 3
    np.testing.assert_array_equal(draws, np.tile(draws[:3], 3)[:8])


def test_partial_batch_is_dropped():
    order = make_order(drop_remainder=True)
    whole = make_order()
    for epoch in (0, 1):
        draws = epoch_draws(order, epoch)
        assert len(draws) == len(set(draws)) == 20
        np.testing.assert_array_equal(draws, epoch_draws(whole, epoch)[:20])
    assert all(order.batch(step)[2] == BATCH for step in range(10))


@pytest.mark.parametrize("options", [{}, {"window": 3}, {"labels": LABELS}])
def test_order_does_not_depend_on_the_batch_size(options):
    fours, sevens = (make_order(batch_size=size, **options) for size in (4, 7))
    for epoch in (0, 3):
        np.testing.assert_array_equal(
            epoch_draws(fours, epoch), epoch_draws(sevens, epoch)
        )


@pytest.mark.parametrize("window", [COUNT, COUNT + 1, 10**9])
def test_a_window_as_large_as_the_split_shuffles_all(window):
    np.testing.assert_array_equal(
        epoch_draws(make_order(window=window)), epoch_draws(make_order())
    )
    narrow = epoch_draws(make_order(window=COUNT - 1))
    assert not np.array_equal(narrow, epoch_draws(make_order()))


@pytest.mark.parametrize("window", [100, 256, 300, 1000])
def test_positions_of_a_window_come_from_few_blocks(window):
    count = 20 * BLOCK + 100
    draws = epoch_draws(make_order(count=count, window=window))
    np.testing.assert_array_equal(np.sort(draws), np.arange(count))
    for first in range(0, count, window):
        part = draws[first : first + window]
        # Two more at the ends, and the last block is a short one.
        assert len(set(part // BLOCK)) <= window // BLOCK + 3
        assert not np.array_equal(part, np.sort(part))


def test_blocks_stay_together_in_an_order_of_the_epoch():
    count = 20 * BLOCK + 100
    order = make_order(count=count, window=1)
    sequences = []
    for epoch in (0, 1):
        draws = epoch_draws(order, epoch)
        blocks = draws // BLOCK
        seams = np.diff(blocks) != 0
        assert seams.sum() in (20, 21)  # one block may be in two, at the ends
        np.testing.assert_array_equal(np.diff(draws)[~seams], 1)
        sequences.append(list(dict.fromkeys(blocks)))
    followers = [set(itertools.pairwise(sequence)) for sequence in sequences]
    assert len(followers[0] & followers[1]) < 6


@pytest.mark.parametrize("count", [COUNT, BLOCK + COUNT])
@pytest.mark.parametrize("window", [1, 3])
def test_a_dropped_remainder_is_another_one_each_epoch(count, window):
    options = {"count": count, "batch_size": 20, "window": window}
    order = make_order(drop_remainder=True, **options)
    left_out = [set(range(count)) - set(epoch_draws(order, e)) for e in range(30)]
    assert not set.intersection(*left_out)
    assert len(set(map(frozenset, left_out))) > 10


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_a_split_of_about_a_block_is_whole_in_windows(count):
    order = make_order(count=count, window=7)
    first, second = epoch_draws(order, 0), epoch_draws(order, 1)
    for draws in (first, second):
        np.testing.assert_array_equal(np.sort(draws), np.arange(count))
    assert not np.array_equal(first, second)


@settings(max_examples=60)
@given(
    labels=st.lists(st.sampled_from([0, 1, 2, 6]), min_size=1, max_size=400),
    epoch=st.integers(0, 2**40),
)
def test_classes_come_equally_often(labels, epoch):
    """Those without records aside; and within a class, all before one comes again."""
    labels = np.array(labels)
    order = sampling(labels, batch_size=7)
    draws = epoch_draws(order, epoch)
    assert draws.dtype == np.int64
    assert len(draws) == len(set(draws)) == len(labels)
    positions = draws % len(labels)
    drawn = labels[positions]
    classes, counts = np.unique(drawn, return_counts=True)
    assert set(classes) == set(labels)
    assert counts.max() - counts.min() <= 1
    for label in classes:
        members = np.flatnonzero(labels == label)
        sequence = positions[drawn == label]
        for first in range(0, len(sequence), len(members)):
            round_ = sequence[first : first + len(members)]
            assert len(set(round_)) == len(round_)


def test_a_record_s_second_draw_in_an_epoch_is_told_from_its_first():
    draws = epoch_draws(sampling())
    positions, counts = np.unique(draws % COUNT, return_counts=True)
    # Seven or eight turns each: of fifteen records, of five, and of two.
    assert len(positions) in (7 + 5 + 2, 8 + 5 + 2)
    assert counts[positions < 15].max() == 1
    assert set(counts[(positions >= 15) & (positions < 20)]) <= {1, 2}
    assert set(counts[positions >= 20]) <= {3, 4}
    assert len(set(draws)) == COUNT
    for position, number in zip(positions, counts, strict=True):
        mine = np.sort(draws[draws % COUNT == position])
        np.testing.assert_array_equal(mine, position + COUNT * np.arange(number))


def test_sampling_takes_other_records_in_the_next_epoch_and_classes_in_no_row():
    order = sampling()
    seen = [set(epoch_draws(order, epoch) % COUNT) for epoch in range(20)]
    assert seen[0] != seen[1]
    assert set().union(*seen) == set(range(COUNT))
    sequences = {tuple(LABELS[epoch_draws(order, e) % COUNT]) for e in range(20)}
    assert len(sequences) == 20
    for change in ({"seed": 2}, {"stage": 2}):
        assert set(epoch_draws(sampling(**change))) != set(epoch_draws(order))


def test_a_class_that_comes_again_comes_in_another_order():
    order = sampling(np.array([0] * 27 + [1] * 3))
    rounds = set()
    for epoch in range(4):
        positions = epoch_draws(order, epoch) % 30
        again = positions[positions >= 27].reshape(5, 3)
        rounds.add(len(set(map(tuple, again))))
    assert max(rounds) > 1


def test_one_class_is_an_epoch_of_every_record():
    draws = epoch_draws(sampling(np.full(9, 4)))
    np.testing.assert_array_equal(np.sort(draws), np.arange(9))


@pytest.mark.parametrize(
    "options",
    [{}, {"drop_remainder": True}, {"window": 5}, {"labels": LABELS}],
)
def test_a_batch_is_the_same_whatever_was_asked_before(options):
    steps = [0, 1, 5, 6, 7, 40, 41, 10**7, 10**7 + 1, 10**12]
    expected = {step: make_order(**options).batch(step) for step in steps}
    order = make_order(**options)
    other = make_order(stage=2, **options)
    for step in [*steps[::-1], *steps, 6, 10**7, 0]:
        other.batch(step + 3)
        assert_same_batch(order.batch(step), expected[step])
    assert expected[10**7][0] == 10**7 // order.steps_per_epoch


def test_threads_see_the_same_batches():
    steps = [step * 7919 % 200 for step in range(400)]
    expected = [make_order().batch(step) for step in steps]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(make_order().batch, steps))
    for batch, other in zip(found, expected, strict=True):
        assert_same_batch(batch, other)


def test_a_batch_is_the_caller_s_to_change():
    order = make_order()
    order.batch(2)[1][:] = 0
    assert_same_batch(order.batch(2), make_order().batch(2))


@pytest.mark.parametrize("options", [{}, {"window": 5}, {"labels": LABELS}])
def test_a_late_step_costs_what_an_early_one_does(options, monkeypatch):
    drawn = []

    class Counting(np.random.Philox):
        def random_raw(self, size=None):
            drawn.append(size or 1)
            return super().random_raw(size)

    monkeypatch.setattr(np.random, "Philox", Counting)
    costs = []
    for step in (0, 10**7):
        order_module._epoch_draws.cache_clear()
        make_order(**options).batch(step)
        costs.append(drawn.copy())
        drawn.clear()
    assert costs[0] == costs[1]
    assert 0 < sum(costs[0]) <= 3 * COUNT
    # And one epoch is drawn once, if it is asked for again and again.
    order = make_order(**options)
    for step in range(order.steps_per_epoch):
        order.batch(step)
    assert drawn == costs[0]


def test_another_batch_size_is_another_order_object():
    """The preview of a run draws from a copy of its order."""
    order = make_order()
    few = dataclasses.replace(order, batch_size=COUNT)
    np.testing.assert_array_equal(few.batch(0)[1], epoch_draws(order))


#: Records whose label is known: five of the first class, two of the second.
LABELLED = np.zeros(len(LABELS), bool)
LABELLED[[0, 3, 5, 9, 14, 15, 18]] = True


@pytest.mark.parametrize("rows", [1, 2, BATCH])
@pytest.mark.parametrize("labels", [None, LABELS])
def test_some_rows_come_from_labelled_records_in_rounds(rows, labels):
    options = {"labels": labels, "labelled": LABELLED, "drop_remainder": True}
    order = make_order(**options, labelled_rows=rows)
    plain = make_order(drop_remainder=True)
    taken = []
    for step in range(4 * order.steps_per_epoch):
        epoch, draws, number = order.batch(step)
        assert number == BATCH
        chosen = draws >= COUNT  # drawn besides the epoch's own order
        assert chosen.sum() == rows
        np.testing.assert_array_equal(draws[~chosen], plain.batch(step)[1][~chosen])
        taken += [(epoch, draw) for draw in draws[chosen]]
    assert len(set(taken)) == len(taken)  # a key is drawn once
    counts = np.bincount([d % COUNT for _, d in taken], minlength=COUNT)
    assert (counts[~LABELLED] == 0).all()
    if labels is None:
        # Rounds end within an epoch, which begins anew.
        assert np.ptp(counts[LABELLED]) <= 4
    else:
        per_class = [counts[labels == label].sum() for label in (3, 0)]
        assert np.ptp(per_class) <= 4


def test_label_weights_are_a_mean_over_known_labels():
    order = make_order(labelled=LABELLED, labelled_rows=1)
    for step in range(order.steps_per_epoch):
        _, draws, number = order.batch(step)
        weights = order.label_weights(step)
        known = LABELLED[draws % COUNT] & (np.arange(BATCH) < number)
        np.testing.assert_allclose(weights, known / known.sum(), rtol=1e-6)
        assert known.any()
    none = make_order(labelled=np.zeros(COUNT, bool))
    assert none.label_weights(0).tolist() == [0] * BATCH
