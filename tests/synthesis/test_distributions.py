import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.synthesis.distributions import parse_distribution

UNIFORM = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("table", "u", "value"),
    [
        (2.5, 0.3, 2.5),
        ("none", 0.9, "none"),
        ({"uniform": [2, 4]}, 0.25, 2.5),
        ({"log_uniform": [0.01, 1]}, 0.5, 0.1),
        ({"normal": [3, 2]}, 0.5, 3.0),
        ({"normal": [0, 1]}, 0.975, 1.959964),
        ({"normal": [0, 1], "within": [-1, 1]}, 0.975, 1.0),
        ({"log_normal": [2, 0.5]}, 0.8413447, 2 * math.exp(0.5)),
        ({"choice": {"a": 3, "b": 1}}, 0.74, "a"),
        ({"choice": {"a": 3, "b": 1}}, 0.76, "b"),
        (
            {"mixture": [{"share": 1, "value": 7}, {"share": 3, "uniform": [0, 1]}]},
            0.2,
            7,
        ),
        (
            {"mixture": [{"share": 1, "value": 7}, {"share": 3, "uniform": [0, 1]}]},
            0.625,
            0.5,
        ),
    ],
)
def test_quantiles(table, u, value):
    drawn = parse_distribution(table)(u)
    assert drawn == (
        value if isinstance(value, str) else pytest.approx(value, rel=1e-5)
    )


@given(UNIFORM, UNIFORM)
def test_quantiles_rise(first, second):
    low, high = sorted((first, second))
    for table in ({"uniform": [-1, 3]}, {"log_uniform": [0.1, 9]}, {"normal": [1, 2]}):
        quantile = parse_distribution(table)
        assert quantile(low) <= quantile(high)


def test_normal_has_no_infinite_values():
    assert abs(parse_distribution({"normal": [0, 1]})(0.0)) < 6


@pytest.mark.parametrize(
    "table",
    [
        {},
        None,
        [1, 2],
        {"uniform": [1]},
        {"uniform": ["a", 2]},
        {"log_uniform": [0, 1]},
        {"triangle": [0, 1]},
        {"uniform": [0, 1], "normal": [0, 1]},
        {"choice": ["a"]},
        {"choice": {"a": -1}},
        {"choice": {"a": 0}},
        {"mixture": [{"uniform": [0, 1]}]},
        {"mixture": [{"share": "x", "value": 1}]},
    ],
)
def test_refuses_what_is_no_distribution(table):
    with pytest.raises(ValueError, match=r"not|needs"):
        parse_distribution(table)
