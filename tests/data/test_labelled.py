"""Which persons keep their label."""

import dataclasses

import numpy as np
import pytest

from byel_tf.data.labelled import labelled_records
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError

PERSONS, PICTURES = 20, 3


@pytest.fixture
def make(tmp_path, make_record, classes):
    """Prepares records of the given persons, each with the classes in turn."""

    def make_set(persons, name="set"):
        with write_dataset(tmp_path / name, classes, {"kind": "test"}) as writer:
            for number, person in enumerate(persons):
                record = dataclasses.replace(
                    make_record(number), subject=person, action_units=None
                )
                writer.add("train", record)
        return open_dataset(str(tmp_path / name))

    return make_set


def test_whole_persons_are_labelled_whatever_the_order_of_the_files(make):
    persons = np.repeat([f"person {i}" for i in range(PERSONS)], PICTURES)
    found = labelled_records(make(persons), "train", 0.25, seed=3)
    chosen = set(persons[found])
    assert len(chosen) == 5 and found.sum() == 5 * PICTURES
    others = persons[::-1]
    mirrored = labelled_records(make(others, "mirrored"), "train", 0.25, seed=3)
    assert set(others[mirrored]) == chosen
    more = labelled_records(make(persons, "more"), "train", 0.5, seed=3)
    assert more[found].all() and more.sum() == 10 * PICTURES
    other = labelled_records(make(persons, "other"), "train", 0.25, seed=4)
    assert set(persons[other]) != chosen


def test_images_of_nobody_known_are_dealt_one_by_one(make):
    found = labelled_records(make([None] * 30), "train", 0.5, seed=1)
    assert found.sum() == 15


def test_a_class_without_a_labelled_person_is_named_with_the_way_out(make):
    dataset = make([None] * 30)
    with pytest.raises(RunError, match=r"1 of the 30 persons .* class '") as caught:
        labelled_records(dataset, "train", 0.01, seed=1)
    share = float(str(caught.value).partition("give --label_share=")[2].split()[0])
    assert labelled_records(dataset, "train", share, seed=1).sum() >= 3
    with pytest.raises(RunError, match="give --label_share"):
        labelled_records(dataset, "train", share - 1 / 30, seed=1)
