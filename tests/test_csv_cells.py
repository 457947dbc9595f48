import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.csv_cells import neutral, original

DANGEROUS = "=+-@\t\r\n＝＋－＠"


@given(st.text(st.sampled_from("'" + DANGEROUS + "a ,"), max_size=6))
def test_what_is_read_back_is_what_was_written(text):
    assert original(neutral(text)) == text


@pytest.mark.parametrize("first", DANGEROUS)
def test_what_a_spreadsheet_would_run_is_text(first):
    assert neutral(f"{first}1+1") == f"'{first}1+1"
    assert neutral(f"'{first}1+1") == f"''{first}1+1"


@pytest.mark.parametrize("text", ["", "a.png", "a=b", "'a'", "1-2.jpg", " =1"])
def test_the_rest_is_left_alone(text):
    assert neutral(text) == original(text) == text
