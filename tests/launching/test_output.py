import errno
import os
import threading

import pytest

from byel_tf.launching.output import JoinedOutput


@pytest.fixture
def pipe():
    ends = []

    def make():
        ends.extend(os.pipe())
        return ends[-2:]

    yield make
    for end in ends:
        try:
            os.close(end)
        except OSError as error:
            assert error.errno == errno.EBADF  # the test closed it


def read_all(descriptor):
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts)


def test_lines_of_several_are_never_mixed(pipe):
    target_read, target = pipe()
    lost = []
    output = JoinedOutput(lost.append)
    threads = []
    for number in range(4):
        source, end = pipe()
        output.copy(open(source, "rb", 0, closefd=False), f"worker {number}", target)

        def write(end=end, number=number):
            for line in range(200):
                text = b"%d:%d:" % (number, line) + b"x" * (line * 37 % 5000) + b"\n"
                for start in range(0, len(text), 701):
                    os.write(end, text[start : start + 701])
            os.close(end)

        threads.append(threading.Thread(target=write))
    received = []
    reader = threading.Thread(target=lambda: received.append(read_all(target_read)))
    reader.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    output.finish(60)
    os.close(target)
    reader.join()
    by_worker = {number: [] for number in range(4)}
    for text in received[0].splitlines():
        name, _, rest = text.partition(b": ")
        number, line, filling = rest.split(b":")
        assert name == b"worker " + number
        assert filling == b"x" * (int(line) * 37 % 5000)
        by_worker[int(number)].append(int(line))
    assert by_worker == {number: list(range(200)) for number in range(4)}
    assert not lost


def test_a_lost_reader_is_told_once_and_nobody_waits(pipe):
    target_read, target = pipe()
    os.close(target_read)
    source, end = pipe()
    lost = []
    output = JoinedOutput(lost.append)
    output.copy(open(source, "rb", 0, closefd=False), "worker 0", target)
    for _ in range(100):  # more than a pipe holds
        os.write(end, b"y" * 8191 + b"\n")
    os.close(end)
    output.finish(60)
    assert [error.errno for error in lost] == [errno.EPIPE]


def test_a_full_terminal_that_does_not_block_loses_nothing(pipe):
    target_read, target = pipe()
    os.set_blocking(target, False)
    source, end = pipe()
    output = JoinedOutput(lambda error: None)
    output.copy(open(source, "rb", 0, closefd=False), "w", target)
    writer = threading.Thread(
        target=lambda: (
            os.write(end, b"z" * 60000 + b"\n" + b"z" * 60000),
            os.close(end),
        )
    )
    writer.start()
    received = b""
    while received.count(b"\n") < 2:
        received += os.read(target_read, 4096)
    writer.join()
    assert received == (b"w: " + b"z" * 60000 + b"\n") * 2
