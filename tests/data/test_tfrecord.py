import os
import struct

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.data.tfrecord import (
    CorruptFile,
    count_frames,
    frame,
    read_frame,
    read_frames,
    walk_frames,
)

CONTENTS = [b"first", b"", b"third record", b"\x00" * 9]


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "a.tfrecord"
    file.write_bytes(b"".join(map(frame, CONTENTS)))
    return file


def test_tensorflow_reads_the_framing(tmp_path):
    contents = [*CONTENTS, os.urandom(100_000)]
    file = tmp_path / "a.tfrecord"
    file.write_bytes(b"".join(map(frame, contents)))
    assert [r.numpy() for r in tf.data.TFRecordDataset(str(file))] == contents


def test_framing_is_that_of_tensorflow(tmp_path):
    file = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(b"some data")
    assert file.read_bytes() == frame(b"some data")


def test_tensorflow_detects_damage(tmp_path):
    content = bytearray(frame(b"some data"))
    content[14] ^= 1
    file = tmp_path / "a.tfrecord"
    file.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(file)))


def test_records_come_back(file):
    assert list(read_frames(file)) == CONTENTS
    assert count_frames(file) == len(CONTENTS)


def test_single_records(file):
    with open(file, "rb", buffering=0) as opened:
        places = list(walk_frames(opened, os.path.getsize(file)))
        for number in (2, 0, 3, 1):
            assert read_frame(opened, number, *places[number]) == CONTENTS[number]


def test_file_may_be_read_while_it_is_walked(file):
    with open(file, "rb", buffering=0) as opened:
        walked = enumerate(walk_frames(opened, os.path.getsize(file)))
        read = [read_frame(opened, number, *place) for number, place in walked]
    assert read == CONTENTS


def test_empty_file(tmp_path):
    file = tmp_path / "empty"
    file.write_bytes(b"")
    assert (list(read_frames(file)), count_frames(file)) == ([], 0)


def test_every_other_byte_is_noticed(file):
    content = file.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        file.write_bytes(damaged)
        with pytest.raises(CorruptFile, match=r"record [0-3] "):
            list(read_frames(file))


def test_every_shorter_file_is_noticed(file):
    content = file.read_bytes()
    ends = {0}
    for data in CONTENTS:
        ends.add(max(ends) + len(frame(data)))
    for length in range(len(content)):
        file.write_bytes(content[:length])
        if length in ends:
            assert count_frames(file) == len(list(read_frames(file))) < len(CONTENTS)
            continue
        for read in (count_frames, lambda path: list(read_frames(path))):
            with pytest.raises(CorruptFile, match=r"record \d"):
                read(file)


def test_header_is_checked_without_the_data(file):
    content = bytearray(file.read_bytes())
    content[12] ^= 1  # in the data
    file.write_bytes(content)
    assert count_frames(file) == len(CONTENTS)
    content[0] ^= 1  # in the length
    file.write_bytes(content)
    with pytest.raises(CorruptFile, match="record 0 has no whole header"):
        count_frames(file)


def test_length_beyond_the_file_is_not_read(tmp_path):
    whole = bytearray(frame(b"data"))
    length = struct.pack("<Q", 2**60)
    whole[:12] = length + header_checksum(length)
    file = tmp_path / "a.tfrecord"
    file.write_bytes(whole)
    with pytest.raises(CorruptFile, match="ends within record 0"):
        list(read_frames(file))


def header_checksum(length):
    """A frame's checksum of its data is made as that of its length."""
    return frame(length)[-4:]


@given(st.lists(st.binary(max_size=40), max_size=6))
@settings(deadline=None)
def test_any_records(tmp_path_factory, contents):
    file = tmp_path_factory.mktemp("any") / "a.tfrecord"
    file.write_bytes(b"".join(map(frame, contents)))
    assert list(read_frames(file)) == contents
    assert count_frames(file) == len(contents)
