"""What the tests of events share."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator


@pytest.fixture
def writer(tmp_path):
    return tf.summary.create_file_writer(str(tmp_path / "events"))


@pytest.fixture
def read_events(tmp_path):
    """A function that reads what was written to `writer`, or to a folder."""

    def read(folder=tmp_path / "events"):
        everything = {event_accumulator.TENSORS: 0}
        events = event_accumulator.EventAccumulator(str(folder), everything)
        return events.Reload()

    return read
