import pytest

from byel_tf.data.sources.split_words import split_of, split_of_folder, split_within


@pytest.mark.parametrize(
    ("word", "split"),
    [
        (" Training ", "train"),
        ("PublicTest", "validation"),
        ("PrivateTest", "test"),
        ("dev", "validation"),
        ("VAL", "validation"),
        ("testing", "test"),
        ("", None),
        ("holdout", None),
    ],
)
def test_words_of_tables(word, split):
    assert split_of(word) == split


def test_folders_have_the_plain_words_only():
    assert split_of_folder("Valid") == "validation"
    assert split_of_folder("PublicTest") is None
    assert split_of_folder("train set") is None


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("validation_set_real_images", "validation"),
        ("valid_list.txt", "validation"),
        ("Manually_training.csv", "train"),
        ("2022-test.csv", "test"),
        ("contest.csv", None),
        ("interval", None),
    ],
)
def test_one_word_of_a_name(name, split):
    assert split_within(name) == split
