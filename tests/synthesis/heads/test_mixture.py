import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.errors import UsageError
from byel_tf.synthesis.heads.mixture import HeadMixture


@pytest.mark.parametrize(
    ("text", "names", "shares"),
    [
        ("built-in", ("built-in",), (1,)),
        ("ict-facekit:2,makehuman:1", ("ict-facekit", "makehuman"), (2, 1)),
        ("ict-facekit, makehuman:.5", ("ict-facekit", "makehuman"), (1, 0.5)),
        ("/data/x:3,built-in", ("/data/x", "built-in"), (3, 1)),
        (r"C:\heads,built-in:2", (r"C:\heads", "built-in"), (1, 2)),
        ("C:/heads", ("C:/heads",), (1,)),
        ("", ("",), (1,)),
    ],
)
def test_heads_and_shares(text, names, shares):
    assert HeadMixture.parse(text) == HeadMixture(names, shares)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a:0,b:1", "the share '0' of a is not a number above 0"),
        ("a:-1,b", "the share '-1' of a is not"),
        ("a:x,b", "the share 'x' of a is not"),
        ("a:nan", "the share 'nan' of a is not"),
        ("a:inf", "the share 'inf' of a is not"),
        ("a:,b", "the share '' of a is not"),
        (":2,b", "a head's name is missing"),
        ("a,,b", "a head's name is missing"),
        ("a:1,a:2", "a is given twice"),
        ("a, a", "a is given twice"),
    ],
)
def test_bad_shares_are_wrong_usage(text, reason):
    with pytest.raises(UsageError) as caught:
        HeadMixture.parse(text)
    message = str(caught.value)
    assert message.startswith(f"--head={text}: {reason}")
    assert "\n" not in message


def test_a_folder_that_exists_is_one_head(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my,heads:2").mkdir()
    assert HeadMixture.parse("my,heads:2").names == ("my,heads:2",)
    (tmp_path / "x:2").mkdir()
    assert HeadMixture.parse("x:2,b:3") == HeadMixture(("x:2", "b"), (1, 3))


@given(
    st.lists(st.floats(0.05, 20), min_size=1, max_size=4),
    st.integers(0, 10**6),
    st.integers(1, 400),
)
def test_any_row_of_persons_has_the_shares(shares, start, count):
    names = tuple(map(str, range(len(shares))))
    mixture = HeadMixture(names, tuple(shares))
    found = collections.Counter(
        mixture.of_person(person) for person in range(start, start + count)
    )
    for name, share in zip(names, shares, strict=True):
        assert abs(found[name] - count * share / sum(shares)) < 6


def test_one_head_draws_everybody():
    assert {HeadMixture.parse("x").of_person(i) for i in range(99)} == {"x"}


def test_in_words():
    assert HeadMixture.parse("a:2,b").described(["A", "B (modified)"]) == (
        "A:2,B (modified):1"
    )
    assert HeadMixture.parse("a:2").described(["A"]) == "A"
