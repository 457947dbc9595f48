import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.history import History, Line, read_history


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.jsonl"


def test_the_lines_as_they_stand_in_the_file(file):
    history = History(file)
    history.append("pretrain", 20, {"losses/total": 3.21, "optimization/rate": 0.001})
    history.append("finetune", 59, {"macro_f1/validation": np.float32(0.5)}, epoch=1)
    assert file.read_bytes() == (
        b'{"stage": "pretrain", "step": 20, '
        b'"values": {"losses/total": 3.21, "optimization/rate": 0.001}}\n'
        b'{"stage": "finetune", "step": 59, "epoch": 1, '
        b'"values": {"macro_f1/validation": 0.5}}\n'
    )
    assert read_history(file) == [
        Line("pretrain", 20, {"losses/total": 3.21, "optimization/rate": 0.001}),
        Line("finetune", 59, {"macro_f1/validation": 0.5}, 1),
    ]


def test_what_is_not_finite_is_null(file):
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32("nan")}
    History(file).append("pretrain", 1, values)
    assert json.loads(file.read_text())["values"] == dict.fromkeys("abcd")
    assert read_history(file) == [Line("pretrain", 1, dict.fromkeys("abcd"))]


def test_a_name_that_is_no_text_is_replaced(file):
    History(file).append("finetune", 1, {"macro_f1_test/caf\udce9 é": 0.5})
    assert "caf? é" in file.read_bytes().decode()
    assert read_history(file)[0].values == {"macro_f1_test/caf? é": 0.5}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**63 - 1),
            st.dictionaries(st.text(), st.floats(allow_nan=False)),
            st.none() | st.integers(1, 9),
        )
    )
)
def test_everything_comes_back(tmp_path_factory, lines):
    file = tmp_path_factory.mktemp("run") / "history.jsonl"
    history = History(file)
    for step, values, epoch in lines:
        history.append("pretrain", step, values, epoch)
    assert [(line.step, line.values, line.epoch) for line in read_history(file)] == [
        (step, {n: v if math.isfinite(v) else None for n, v in values.items()}, epoch)
        for step, values, epoch in lines
    ]


def test_a_run_that_is_continued_leaves_the_same_file(tmp_path):
    def log(history, steps):
        for step in steps:
            history.append("pretrain", step, {"losses/total": 1 / step})

    whole, interrupted = (History(tmp_path / name) for name in ("whole", "interrupted"))
    log(whole, range(1, 8))
    log(interrupted, range(1, 4))
    size = interrupted.size()
    log(interrupted, range(4, 7))
    interrupted.cut(size)
    assert interrupted.size() == size
    log(interrupted, range(4, 8))
    content = (tmp_path / "interrupted").read_bytes()
    assert content == (tmp_path / "whole").read_bytes()


def test_without_a_file(file):
    history = History(file)
    assert history.size() == 0
    history.cut(0)
    history.cut(99)
    assert not file.exists()
    assert read_history(file) == []
    assert read_history(file.parent) == []


def test_cut_to_nothing(file):
    history = History(file)
    history.append("pretrain", 1, {})
    history.cut(0)
    assert file.read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "size", "kept"),
    [
        (b"one\ntwo\n", 8, b"one\ntwo\n"),
        (b"one\ntwo\n", 99, b"one\ntwo\n"),  # never longer, as truncate would make it
        (b"one\ntwo", 99, b"one\n"),  # what is added must not join a torn line
        (b"one\ntwo\n", 6, b"one\n"),
        (b"one", 2, b""),
    ],
)
def test_a_cut_ends_with_a_whole_line(file, content, size, kept):
    file.write_bytes(content)
    History(file).cut(size)
    assert file.read_bytes() == kept


def test_lines_outlive_a_process_that_is_killed(file):
    code = (
        "import os, signal, sys\n"
        "from byel_tf.history import History\n"
        "History(sys.argv[1]).append('pretrain', 1, {'losses/total': 2})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    checkout = pathlib.Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code, file], cwd=checkout)
    assert done.returncode < 0
    assert read_history(file) == [Line("pretrain", 1, {"losses/total": 2.0})]


def test_tensorflow_is_not_imported():
    code = "import sys, byel_tf.history; sys.exit('tensorflow' in sys.modules)"
    checkout = pathlib.Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=checkout).returncode == 0


def test_a_full_disk_says_of_what(file):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    file.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space") as caught:
        History(file).append("pretrain", 1, {})
    assert caught.value.filename == str(file)


GOOD = b'{"stage": "pretrain", "step": 3, "values": {"losses/total": 1.5}}'


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b"[" * 200_000,
        b'{"a": ' * 200_000,
        b"{}",
        b'{"stage": "pretrain", "values": {}}',
        b'{"stage": "pretrain", "step": 1}',
        b'{"stage": 1, "step": 1, "values": {}}',
        b'{"stage": "pretrain", "step": 1.5, "values": {}}',
        b'{"stage": "pretrain", "step": -1, "values": {}}',
        b'{"stage": "pretrain", "step": 1%s, "values": {}}' % (b"0" * 30),
        b'{"stage": "pretrain", "step": 1, "epoch": "x", "values": {}}',
        b'{"stage": "pretrain", "step": 1, "values": []}',
        b'{"stage": "pretrain", "step": 1, "values": {"a": "x"}}',
        b'{"stage": "pretrain", "step": 1, "values": {"a": 1%s}}' % (b"0" * 400),
        b'{"stage": "pretrain", "step": 1, "values": {"a": 1%s}}' % (b"0" * 9999),
        GOOD[:-1],
        GOOD + GOOD,
    ],
)
def test_damaged_lines_are_passed_over(file, damaged):
    file.write_bytes(GOOD + b"\n" + damaged + b"\r\n" + GOOD + b"\n" + damaged)
    assert read_history(file) == [Line("pretrain", 3, {"losses/total": 1.5})] * 2


def test_what_others_wrote_is_read_as_far_as_it_can_be(file):
    file.write_text(
        '{"stage": "x", "step": 1, "values": {"a\\ud800": 1, "b": 1e999, "c": NaN}, '
        '"more": 1}'
    )
    assert read_history(file) == [Line("x", 1, {"a?": 1.0, "b": None, "c": None})]
