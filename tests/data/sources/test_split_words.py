import pytest

from byel_tf.data.sources.split_words import split_of, split_within, splits_named


@pytest.mark.parametrize(
    ("word", "split"),
    [
        (" Training ", "train"),
        ("PublicTest", "validation"),
        ("PrivateTest", "test"),
        ("dev", "validation"),
        ("VAL", "validation"),
        ("testing", "test"),
        ("Train set", "train"),
        ("", None),
        ("holdout", None),
        ("trainval", None),
    ],
)
def test_words_of_tables(word, split):
    assert split_of(word) == split


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("FER2013Train", {"train"}),
        ("FER2013Valid", {"validation"}),
        ("trainset", {"train"}),
        ("train-images", {"train"}),
        ("Training_Data", {"train"}),
        ("TrainingSet", {"train"}),
        ("TRAINSet", {"train"}),
        ("val2017", {"validation"}),
        ("2017val", {"validation"}),
        ("test.images", {"test"}),
        ("my test images 2", {"test"}),
        ("public_test", {"validation"}),
        ("privatetest", {"test"}),
        ("TrainTest", {"train", "test"}),
        ("trainval", {"train", "validation"}),
        ("train_and_validation", {"train", "validation"}),
        ("validation_train", {"train", "validation"}),
        ("latest", set()),
        ("contest", set()),
        ("trainer", set()),
        ("strain", set()),
        ("valentine", set()),
        ("interval", set()),
        ("testament", set()),
        ("device", set()),
        ("pretrained", set()),
        ("2013", set()),
        ("prüfung", set()),
        ("", set()),
    ],
)
def test_words_of_folders(name, splits):
    assert splits_named(name) == splits


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("validation_set_real_images", "validation"),
        ("valid_list.txt", "validation"),
        ("Manually_training.csv", "train"),
        ("2022-test.csv", "test"),
        ("validation_train.csv", "validation"),
        ("trainset.csv", "train"),
        ("contest.csv", None),
        ("interval", None),
    ],
)
def test_first_word_of_a_name(name, split):
    assert split_within(name) == split
