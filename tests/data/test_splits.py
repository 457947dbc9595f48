import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.data.splits import assign_groups, assign_splits, parse_ratios
from byel_tf.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train=0.8,validation=0.1,test=0.1", [0.8, 0.1, 0.1]),
        ("test", [1.0]),
        ("train=1", [1.0]),
        (" test=.5 , train=.5", [0.5, 0.5]),
        ("train=0.3333333,test=0.6666666", [0.3333333, 0.6666666]),
    ],
)
def test_parse_ratios(text, expected):
    shares = parse_ratios(text)
    assert list(shares.values()) == expected
    assert list(shares) == [n for n in ("train", "validation", "test") if n in text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train",
        "train,test",
        "training=1",
        "train=0.5",
        "train=0.5,train=0.5",
        "train=1,test=0",
        "train=2,test=-1",
        "train=half,test=half",
        "train=nan",
        "train=0.5,test=nan",
        "train=inf,test=-inf",
        "train=",
        "test,",
        "Train=1",
    ],
)
def test_shares_that_cannot_be_meant(text):
    if text == "train":
        assert parse_ratios(text) == {"train": 1.0}
        return
    with pytest.raises(UsageError, match="--splits="):
        parse_ratios(text)


@given(
    labels=st.lists(st.integers(0, 4), max_size=200),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_each_class_is_dealt_by_the_shares(labels, weights):
    shares = {
        name: weight / sum(weights)
        for name, weight in zip(("train", "validation", "test"), weights, strict=False)
    }
    items = list(range(len(labels)))
    dealt = list(assign_splits(items, labels, shares))
    assert [item for _, item in dealt] == items
    for label in set(labels):
        of_class = [s for s, i in dealt if labels[i] == label]
        for name, share in shares.items():
            assert abs(of_class.count(name) - share * len(of_class)) <= 1


# Images by label of each group.
GROUPS = st.dictionaries(
    st.integers(),
    st.dictionaries(st.integers(0, 4), st.integers(1, 9), min_size=1),
    max_size=60,
)


@given(groups=GROUPS, weights=st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_every_group_is_dealt_once(groups, weights):
    shares = shares_of(weights)
    assigned = assign_groups(groups, shares)
    assert set(assigned) == set(groups)
    assert set(assigned.values()) <= set(shares)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=60, max_size=90),
    weights=st.lists(st.integers(1, 9), min_size=2, max_size=3),
)
def test_small_groups_fill_the_shares_of_every_class(sizes, weights):
    shares = shares_of(weights)
    groups = {i: {i % 3: size} for i, size in enumerate(sizes)}
    assigned = assign_groups(groups, shares)
    for label in range(3):
        held = collections.Counter()
        for group, counts in groups.items():
            held[assigned[group]] += counts.get(label, 0)
        for split, share in shares.items():
            assert abs(held[split] - share * held.total()) <= 6


@pytest.mark.parametrize("persons", [3, 10, 64])
def test_persons_with_all_classes(persons):
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    groups = {person: dict.fromkeys(range(7), 3) for person in range(persons)}
    counts = collections.Counter(assign_groups(groups, shares).values())
    assert set(counts) == set(shares)
    for split, share in shares.items():
        assert abs(counts[split] - share * persons) < 1 or persons == 3


def shares_of(weights):
    names = ("train", "validation", "test")[: len(weights)]
    return {n: w / sum(weights) for n, w in zip(names, weights, strict=True)}
