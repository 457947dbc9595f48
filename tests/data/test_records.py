import pytest

from byel_tf.data.record import parse
from byel_tf.data.records import read_records
from byel_tf.data.tfrecord import frame, read_frames
from byel_tf.errors import RunError


@pytest.fixture
def dataset(make_dataset):
    dataset = make_dataset(test=20, train=3, unlabelled=2)
    assert len(dataset.manifest.splits["test"].shards) > 2
    return dataset


def test_records_come_in_the_order_of_the_indices(dataset):
    every = [
        parse(data)
        for path in dataset.shard_paths("test")
        for data in read_frames(path)
    ]
    assert read_records(dataset, "test", range(22)) == every
    chosen = [21, 0, 7, 7, 13]
    assert read_records(dataset, "test", chosen) == [every[i] for i in chosen]
    assert read_records(dataset, "test", []) == []


def test_shards_without_a_chosen_record_are_not_opened(dataset):
    first, *_, last = dataset.shard_paths("test")
    for path in (first, last):
        open(path, "w").close()
    in_second = dataset.manifest.splits["test"].shards[0].records
    (record,) = read_records(dataset, "test", [in_second])
    assert record.filename == f"{in_second}.png"


@pytest.mark.parametrize("index", [-1, 22])
def test_positions_that_are_not_there(dataset, index):
    with pytest.raises(IndexError, match=rf"has 22 records. Received: {index}"):
        read_records(dataset, "test", [0, index])


def damage_data(data):
    return data[:60] + bytes([data[60] ^ 255]) + data[61:]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_data, "record 0 does not match its checksum"),
        (lambda data: data[:50], "ends within record 0"),
        (lambda data: frame(b"no example"), "record 0: no tf.train.Example"),
        (lambda data: b"", "has no record 0"),
    ],
)
def test_a_damaged_file_is_one_line(dataset, damage, reason):
    path = dataset.path / dataset.manifest.splits["test"].shards[0].file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=rf"{path.name}: {reason}: .* --verify "):
        read_records(dataset, "test", [0])
