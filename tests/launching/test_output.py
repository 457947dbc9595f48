import errno
import os
import threading

from byel_tf.launching.output import JoinedOutput


def stream(descriptor):
    return os.fdopen(descriptor, "rb", 0)


def test_lines_of_several_are_never_mixed():
    target_read, target = os.pipe()
    lost = []
    output = JoinedOutput(lost.append)
    threads = []
    for number in range(4):
        source, end = os.pipe()
        # Nothing else keeps the stream open until it is read.
        output.copy(stream(source), f"worker {number}", target)

        def write(end=end, number=number):
            for line in range(200):
                text = b"%d:%d:" % (number, line) + b"x" * (line * 37 % 5000) + b"\n"
                for start in range(0, len(text), 701):
                    os.write(end, text[start : start + 701])
            os.close(end)

        threads.append(threading.Thread(target=write))
    received = []

    def read():
        with stream(target_read) as joined:
            received.extend(joined.read().splitlines())

    reader = threading.Thread(target=read)
    reader.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    output.finish(60)
    os.close(target)
    reader.join()
    by_worker = {number: [] for number in range(4)}
    for text in received:
        name, _, rest = text.partition(b": ")
        number, line, filling = rest.split(b":")
        assert name == b"worker " + number
        assert filling == b"x" * (int(line) * 37 % 5000)
        by_worker[int(number)].append(int(line))
    assert by_worker == {number: list(range(200)) for number in range(4)}
    assert not lost


def test_a_lost_reader_is_told_once_and_nobody_waits():
    target_read, target = os.pipe()
    os.close(target_read)
    source, end = os.pipe()
    lost = []
    output = JoinedOutput(lost.append)
    output.copy(stream(source), "worker 0", target)
    for _ in range(100):  # more than a pipe holds
        os.write(end, b"y" * 8191 + b"\n")
    os.close(end)
    output.finish(60)
    os.close(target)
    assert [error.errno for error in lost] == [errno.EPIPE]


def test_a_full_terminal_that_does_not_block_loses_nothing():
    target_read, target = os.pipe()
    os.set_blocking(target, False)
    source, end = os.pipe()
    output = JoinedOutput(lambda error: None)
    output.copy(stream(source), "w", target)

    def write():
        os.write(end, b"z" * 60000 + b"\n" + b"z" * 60000)
        os.close(end)

    writer = threading.Thread(target=write)
    writer.start()
    received = b""
    while received.count(b"\n") < 2:
        received += os.read(target_read, 4096)
    writer.join()
    output.finish(60)
    os.close(target_read)
    os.close(target)
    assert received == (b"w: " + b"z" * 60000 + b"\n") * 2


def test_a_stream_that_stays_open_is_not_waited_for():
    sources = [os.pipe() for _ in range(3)]
    target_read, target = os.pipe()
    output = JoinedOutput(lambda error: None)
    for source, end in sources:
        os.write(end, b"line\n")
        output.copy(stream(source), "w", target)
    with stream(target_read) as joined:
        assert b"".join(joined.read(8) for _ in sources) == b"w: line\n" * 3
        output.finish(0.01)  # returns
        for _, end in sources:
            os.close(end)
        output.finish(60)
    os.close(target)
