import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from byel_tf.errors import RunError
from byel_tf.training.run_directory import RunDirectory

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def test_files_are_written_and_read(tmp_path):
    directory = RunDirectory(str(tmp_path / "deep" / "run"))
    assert directory.read("flags.cfg") is None
    directory.write("flags.cfg", "--a=é\n")
    assert directory.read("flags.cfg") == "--a=é\n"
    directory.write_json("run.json", {"name": "é"})
    text = (directory.path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "é"}
    assert "é" in text


def test_places_differ(tmp_path):
    directory = RunDirectory(str(tmp_path))
    places = {
        directory.path / "checkpoints" / "pretrain",
        directory.path / "checkpoints" / "finetune",
        directory.tensorboard("pretrain"),
        directory.tensorboard("finetune"),
    }
    assert len(places) == 4


def test_versions_of_the_export(tmp_path):
    directory = RunDirectory(str(tmp_path))
    assert directory.next_export() == tmp_path / "export" / "1"
    for name in ("1", "9", "10", "notes", "²", ".10.partial-ab"):
        (tmp_path / "export" / name).mkdir(parents=True)
    assert directory.next_export() == tmp_path / "export" / "11"


@pytest.mark.parametrize("path", ["file", "file/run"])
def test_folder_that_cannot_be_made(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="--model_dir=.*file.* cannot be used: "):
        RunDirectory(str(tmp_path / path))


def test_file_that_is_no_text(tmp_path):
    (tmp_path / "flags.cfg").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"flags\.cfg is damaged"):
        RunDirectory(str(tmp_path)).read("flags.cfg")


def test_what_a_killed_process_left_is_removed(tmp_path):
    kept = [
        tmp_path / "export" / "1" / "byel.json",
        tmp_path / "checkpoints" / "finetune" / "step-0000000004-epoch-000001" / "a",
        tmp_path / ".mine.partial-own",
    ]
    left = [
        tmp_path / "export" / ".2.partial-0123abcd" / "variables" / "half",
        tmp_path / "checkpoints" / "pretrain" / ".step-1.partial-ffffffff" / "half",
        tmp_path / ".results.json.partial-00000000",
    ]
    for file in [*kept, *left]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("content")
    with RunDirectory(str(tmp_path)).locked():
        assert all(file.exists() for file in kept)
        assert not any(file.exists() for file in left)
        assert [path.name for path in (tmp_path / "export").iterdir()] == ["1"]


HOLD = (
    "import sys\n"
    "from byel_tf.training.run_directory import RunDirectory\n"
    "with RunDirectory(sys.argv[1]).locked():\n"
    "    print('locked', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def hold(tmp_path):
    """A function that starts a process which has the folder."""
    started = []

    def start():
        child = subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        assert child.stdout.readline() == "locked\n"
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def test_a_second_process_is_told_who_has_it(tmp_path, hold):
    child, directory = hold(), RunDirectory(str(tmp_path))
    for _ in range(2):
        with pytest.raises(RunError) as caught, directory.locked():
            pytest.fail("not reached")
        expected = (
            f"--model_dir={tmp_path} is in use by process {child.pid} on "
            f"{socket.gethostname()} since 20"
        )
        assert str(caught.value).startswith(expected)
        assert "\n" not in str(caught.value)


def test_a_killed_process_no_longer_has_it(tmp_path, hold):
    child, directory = hold(), RunDirectory(str(tmp_path))
    child.kill()
    child.communicate()
    with directory.locked():
        text = (tmp_path / ".lock").read_text()
    assert text.startswith(f"process {os.getpid()} on ") and text.count("\n") == 1
    hold()  # nor do we


def test_it_is_let_go_whatever_happens(tmp_path, hold):
    with pytest.raises(ZeroDivisionError), RunDirectory(str(tmp_path)).locked():
        raise ZeroDivisionError
    hold()


def test_two_in_one_process_do_not_share_it(tmp_path):
    with (
        RunDirectory(str(tmp_path)).locked(),
        pytest.raises(RunError, match="is in use by process"),
        RunDirectory(str(tmp_path)).locked(),
    ):
        pytest.fail("not reached")


def test_leftovers_of_a_process_that_is_alive_are_not_touched(tmp_path, hold):
    hold()
    half = tmp_path / "export" / ".2.partial-0123abcd"
    half.mkdir(parents=True)
    with pytest.raises(RunError), RunDirectory(str(tmp_path)).locked():
        pytest.fail("not reached")
    assert half.exists()


@pytest.mark.parametrize("content", ["[1]", "{", "null!", "3"])
def test_json_that_is_damaged(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json is damaged, it is no JSON object"):
        RunDirectory(str(tmp_path)).read_json("run.json")
