import builtins
import concurrent.futures
import sys
import weakref

import numpy as np
import pytest

from byel_tf.data import records as records_module
from byel_tf.data.record import parse
from byel_tf.data.records import SplitRecords, read_records
from byel_tf.data.tfrecord import frame, read_frames
from byel_tf.errors import RunError


@pytest.fixture
def dataset(make_dataset):
    dataset = make_dataset(test=20, train=3, unlabelled=2)
    assert len(dataset.manifest.splits["test"].shards) > 2
    return dataset


@pytest.fixture
def opened(monkeypatch):
    """References to the files that were opened, which keep none of them open."""
    references = []

    def open_and_tell(*args, **options):
        file = builtins.open(*args, **options)  # noqa: SIM115
        references.append(weakref.ref(file))
        return file

    monkeypatch.setattr(records_module, "open", open_and_tell, raising=False)
    return references


def every_record(dataset, split="test"):
    """The bytes of each, read in order, as TFRecord files are meant to be."""
    return [data for path in dataset.shard_paths(split) for data in read_frames(path)]


def still_open(references):
    return sum(reference() is not None for reference in references)


def test_records_come_in_the_order_of_the_indices(dataset):
    every = list(map(parse, every_record(dataset)))
    assert read_records(dataset, "test", range(22)) == every
    chosen = [21, 0, 7, 7, 13]
    assert read_records(dataset, "test", chosen) == [every[i] for i in chosen]
    assert read_records(dataset, "test", []) == []


def test_bytes_come_in_the_order_of_the_positions(dataset):
    every = every_record(dataset)
    records = SplitRecords(dataset, "test")
    assert len(records) == len(every) == 22
    for chosen in (np.array([21, 0, 7, 7, 13]), range(22), []):
        assert records.read(chosen) == [every[i] for i in chosen]
    assert records.parse(13) == parse(every[13])


def test_splits_are_apart(dataset):
    assert len(SplitRecords(dataset, "train")) == 5
    assert (
        SplitRecords(dataset, "train").read([4]) == every_record(dataset, "train")[4:]
    )


def test_shards_without_a_chosen_record_are_not_opened(dataset):
    first, *_, last = dataset.shard_paths("test")
    for path in (first, last):
        open(path, "w").close()
    in_second = dataset.manifest.splits["test"].shards[0].records
    (record,) = read_records(dataset, "test", [in_second])
    assert record.filename == f"{in_second}.png"


def test_nothing_is_opened_before_a_record_is_read(dataset, opened):
    records = SplitRecords(dataset, "test")
    assert len(records) and not opened
    records.read([0, 1, 0])
    assert len(opened) == 1


def test_headers_are_walked_once(dataset, monkeypatch):
    walked = []
    walk = records_module.walk_frames

    def walk_and_tell(file, size):
        walked.append(file.name)
        return walk(file, size)

    monkeypatch.setattr(records_module, "walk_frames", walk_and_tell)
    records = SplitRecords(dataset, "test")
    for _ in range(3):
        records.read(range(22))
    records.labels()
    assert walked == dataset.shard_paths("test")


@pytest.mark.parametrize("index", [-1, 22])
def test_positions_that_are_not_there(dataset, index):
    with pytest.raises(IndexError, match=rf"has 22 records. Received: {index}"):
        read_records(dataset, "test", [0, index])
    with pytest.raises(IndexError, match=rf"has 22 records. Received: {index}"):
        SplitRecords(dataset, "test").read([0, index])


def test_labels_are_those_of_the_records(dataset):
    labels = SplitRecords(dataset, "test").labels()
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [*(np.arange(20) % 3), -1, -1])


def test_a_label_that_does_not_stand_first_is_parsed(dataset, monkeypatch):
    expected = SplitRecords(dataset, "test").labels()
    peeked = []

    def see_nothing(start):
        peeked.append(start)

    monkeypatch.setattr(records_module, "peek_label", see_nothing)
    np.testing.assert_array_equal(SplitRecords(dataset, "test").labels(), expected)
    assert len(peeked) == 22 and max(map(len, peeked)) <= records_module.PEEK_BYTES


def damage_data(data):
    return data[:60] + bytes([data[60] ^ 255]) + data[61:]


damaged_headers = [
    (lambda data: data[:50], "ends within record 0"),
    (lambda data: b"\0" + data[1:], "record 0 has no whole header"),
    (lambda data: frame(b"no example"), "record 0: no tf.train.Example"),
    (lambda data: b"", "has no record 0"),
]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(damage_data, "record 0 does not match its checksum"), *damaged_headers],
)
def test_a_damaged_file_is_one_line(dataset, damage, reason):
    path = dataset.path / dataset.manifest.splits["test"].shards[0].file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=rf"{path.name}: {reason}: .* --verify "):
        read_records(dataset, "test", [0])


@pytest.mark.parametrize(("damage", "reason"), damaged_headers)
def test_labels_of_a_damaged_file_are_one_line(dataset, damage, reason):
    path = dataset.path / dataset.manifest.splits["test"].shards[0].file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=rf"{path.name}: {reason}: .* --verify "):
        SplitRecords(dataset, "test").labels()


def test_a_later_record_that_is_missing_is_named(dataset):
    shard = dataset.manifest.splits["test"].shards[0]
    path = dataset.path / shard.file
    *kept, _ = read_frames(path)
    path.write_bytes(b"".join(map(frame, kept)))
    records = SplitRecords(dataset, "test")
    assert records.read(range(shard.records - 1)) == kept
    reason = rf"{path.name}: has no record {shard.records - 1}: "
    with pytest.raises(RunError, match=reason):
        records.read([shard.records - 1])
    with pytest.raises(RunError, match=reason):
        records.labels()


def test_a_file_that_vanished_is_one_line(dataset):
    path = dataset.path / dataset.manifest.splits["test"].shards[1].file
    path.unlink()
    records = SplitRecords(dataset, "test")
    reason = rf"{path.name}: cannot be read, No such file or directory: .* --verify "
    for read in (lambda: records.read(range(22)), records.labels):
        with pytest.raises(RunError, match=reason):
            read()
    assert records.read([0, 21])  # of other files


def test_a_failure_does_not_stay(dataset):
    path = dataset.path / dataset.manifest.splits["test"].shards[0].file
    whole = path.read_bytes()
    records = SplitRecords(dataset, "test")
    for data in (b"", whole[:50]):
        path.write_bytes(data)
        with pytest.raises(RunError):
            SplitRecords(dataset, "test").read([0])
    with pytest.raises(RunError, match="ends within record 0"):
        records.read([0])
    path.write_bytes(whole)
    assert records.read([0]) == every_record(dataset)[:1]


def test_few_files_stay_open(dataset, opened, monkeypatch):
    monkeypatch.setattr(records_module, "_OPEN_FILES", 2)
    records = SplitRecords(dataset, "test")
    every = every_record(dataset)
    for position in (0, 21, 10, 0, 5, 21, 10, 5, 0):
        assert records.read([position]) == [every[position]]
        assert still_open(opened) <= 2
    records.labels()
    assert 0 < still_open(opened) <= 2


def test_files_are_closed_with_the_last_who_reads_them(dataset, opened):
    records = SplitRecords(dataset, "test")
    records.read(range(22))
    assert still_open(opened) == len(dataset.shard_paths("test"))
    del records
    assert still_open(opened) == 0
    read_records(dataset, "test", [0, 21])
    assert still_open(opened) == 0


@pytest.fixture
def hasty_threads():
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("open_files", [2, 64])
def test_threads_read_at_once(dataset, open_files, monkeypatch, hasty_threads):
    monkeypatch.setattr(records_module, "_OPEN_FILES", open_files)
    every = every_record(dataset)
    expected_labels = SplitRecords(dataset, "test").labels()
    records = SplitRecords(dataset, "test")

    def read(seed):
        positions = np.random.default_rng(seed).permutation(22)
        assert records.read(positions) == [every[i] for i in positions]
        np.testing.assert_array_equal(records.labels(), expected_labels)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(24)))
