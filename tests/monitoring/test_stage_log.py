"""history.jsonl and TensorBoard's events, cut back to where a stage goes on from."""

import pytest
import tensorflow as tf

from byel_tf.history import History, Line, read_history
from byel_tf.monitoring.stage_log import StageLog


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history.jsonl")


@pytest.fixture
def open_log(tmp_path, history):
    """A function that opens the log of a stage at given sizes."""

    def open_log(sizes, stage="finetune"):
        return StageLog(stage, tmp_path / stage, history, sizes)

    return open_log


def written(folder):
    """Step and tag of every value in a folder's files of events, file by file."""
    found = []
    files = folder.glob("events.*")
    for file in sorted(files, key=lambda file: int(file.name.split(".")[-2])):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [(event.step, value.tag) for value in event.summary.value]
    return found


def test_each_number_is_in_both_by_its_place(tmp_path, open_log):
    log = open_log({"history": 0})
    log.scalars(3, {"loss": 1.5})
    log.scalars(4, {"val_macro_f1": 0.5, "macro_f1_test/x": 0.25}, epoch=1)
    log.close()
    assert read_history(tmp_path / "history.jsonl") == [
        Line("finetune", 3, {"losses/total": 1.5}),
        Line("finetune", 4, {"macro_f1/validation": 0.5, "macro_f1_test/x": 0.25}, 1),
    ]
    assert written(tmp_path / "finetune") == [
        (3, "finetune/losses/total"),
        (4, "finetune/macro_f1/validation"),
        (4, "finetune/macro_f1_test/x"),
    ]


def test_what_is_repeated_is_in_the_files_once(tmp_path, open_log):
    log = open_log({"history": 0})
    log.scalars(1, {"loss": 1})
    sizes = log.sizes()
    for step in (2, 3):
        log.scalars(step, {"loss": step})
    log.close()  # as a process that is killed after its events reached the disk
    for last in (2, 3):  # killed again, and again from the same checkpoint
        log = open_log(sizes)
        for step in range(2, last + 1):
            log.scalars(step, {"loss": 10 * step})
        log.close()
    assert [line.step for line in read_history(tmp_path / "history.jsonl")] == [1, 2, 3]
    steps = [step for step, _ in written(tmp_path / "finetune")]
    assert steps == [1, 2, 3]


def test_what_was_saved_twice_is_cut_back_to_the_last_time(tmp_path, open_log):
    log = open_log({"history": 0})
    log.scalars(1, {"loss": 1})
    log = open_log(log.sizes())
    log.scalars(2, {"loss": 1})
    sizes = log.sizes()
    log.scalars(3, {"loss": 1})
    log.close()
    open_log(sizes).close()
    assert [step for step, _ in written(tmp_path / "finetune")] == [1, 2]


def test_sizes_are_those_of_what_has_reached_the_disk(tmp_path, open_log):
    log = open_log({"history": 0})
    log.scalars(1, {"loss": 1})
    sizes = log.sizes()
    assert sizes["history"] == (tmp_path / "history.jsonl").stat().st_size > 0
    ((name, size),) = sizes["events"].items()
    assert (tmp_path / "finetune" / name).stat().st_size == size
    assert written(tmp_path / "finetune") == [(1, "finetune/losses/total")]


def test_a_stage_begun_anew_forgets_its_own_and_not_what_was_before(
    tmp_path, open_log, history
):
    before = open_log({"history": 0}, "pretrain")
    before.scalars(1, {"loss": 1})
    before.close()
    size = history.size()
    for _ in range(2):
        log = open_log({"history": size})
        log.scalars(1, {"loss": 2})
        log.close()
    assert [line.stage for line in read_history(tmp_path / "history.jsonl")] == [
        "pretrain",
        "finetune",
    ]
    assert len(written(tmp_path / "pretrain")) == len(written(tmp_path / "finetune"))


def test_it_is_new_until_it_was_saved(open_log):
    log = open_log({"history": 0})
    assert log.is_new
    assert not open_log(log.sizes()).is_new


def test_files_of_others_are_left_alone(tmp_path, open_log):
    (tmp_path / "finetune").mkdir()
    (tmp_path / "finetune" / "notes.txt").write_text("mine")
    (tmp_path / "finetune" / "plugins").mkdir()
    open_log({"history": 0}).close()
    assert (tmp_path / "finetune" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "finetune" / "plugins").is_dir()


def test_a_file_of_events_that_others_have_cut_is_not_made_longer(tmp_path, open_log):
    log = open_log({"history": 0})
    log.scalars(1, {"loss": 1})
    sizes = log.sizes()
    log.close()
    (file,) = (tmp_path / "finetune").iterdir()
    file.write_bytes(b"")
    open_log(sizes).close()
    assert file.read_bytes() == b""
