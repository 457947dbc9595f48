import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.launching import lines
from byel_tf.launching.lines import LineSplitter


def split(*parts, clock=lambda: 0.0):
    splitter = LineSplitter(clock)
    found = [line for part in parts for line in splitter.feed(part)]
    return [*found, *splitter.finish()]


@given(st.lists(st.binary(max_size=20).filter(lambda b: b"\r" not in b), max_size=8))
def test_cut_anywhere_lines_are_the_same(parts):
    whole = b"".join(parts)
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert split(*parts) == expected


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bc"]), max_size=12))
def test_cut_anywhere_bars_are_the_same(parts):
    # Both stand still, so that of a bar the first and the last state are shown.
    whole = b"".join(parts)
    assert split(*parts) == split(whole) == split(*(bytes([b]) for b in whole))


def test_a_whole_line_is_not_held_back():
    splitter = LineSplitter()
    assert list(splitter.feed(b"one\ntw")) == [b"one"]
    assert list(splitter.feed(b"o\r\n\nthree")) == [b"two", b""]
    assert list(splitter.finish()) == [b"three"]
    assert list(splitter.finish()) == []


def test_of_a_bar_states_are_shown_now_and_then_and_the_last():
    now = 0.0
    splitter = LineSplitter(lambda: now)
    shown = []
    for state in range(100):
        now = float(state)
        shown += splitter.feed(b"\r%d %%" % state)
    # The state of second 0 ends in second 1, and so on.
    assert shown == [b"%d %%" % state for state in range(0, 99, 10)]
    assert list(splitter.feed(b"\rdone\n")) == [b"done"]
    assert list(splitter.finish()) == []


def test_a_bar_without_a_line_behind_it_is_not_lost():
    assert split(b"50 %\r100 %\r")[-1] == b"100 %"


@pytest.mark.parametrize("piece", [b"x", "é".encode(), "表".encode(), "🙂".encode()])
@pytest.mark.parametrize("shift", range(4))
def test_long_lines_are_cut_between_characters(piece, shift, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 50)
    text = b"y" * shift + piece * 100
    found = split(*(text[i : i + 7] for i in range(0, len(text), 7)), b"\nnext\n")
    assert found.pop() == b"next"
    assert b"".join(found) == text
    assert max(map(len, found)) <= 50
    for line in found:
        line.decode()


def test_long_lines_that_are_no_text_are_cut(monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 50)
    splitter = LineSplitter()
    found = []
    for _ in range(100):
        found += splitter.feed(b"\x80" * 40)
        assert len(splitter._held) <= 50
    found += splitter.finish()
    assert b"".join(found) == b"\x80" * 4000
