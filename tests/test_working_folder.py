import os
import re

import pytest

from byel_tf.errors import RunError
from byel_tf.locks import locked_folder
from byel_tf.working_folder import WorkingFolder

OWN = re.compile(r"work\.db|shards|shards/\d+\.shard")


@pytest.fixture
def folder(tmp_path):
    return WorkingFolder(tmp_path / ".out.working", OWN)


def fill(folder):
    (folder.path / "shards").mkdir()
    for name in ("work.db", "shards/0.shard", ".work.db.partial-0123abcd"):
        (folder.path / name).write_text(name)


def test_it_stays_until_it_is_removed(folder, tmp_path):
    with folder.locked("works"):
        fill(folder)
    with folder.locked("works"):
        assert (folder.path / "shards/0.shard").read_text() == "shards/0.shard"
        folder.clear()
        assert [path.name for path in folder.path.iterdir()] == [".lock"]
        fill(folder)
        folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_one_process_has_it(folder):
    with folder.locked("is preparing it"):
        message = rf"^process {os.getpid()} on .* since .* is preparing it, in "
        with pytest.raises(RunError, match=message), folder.locked("is preparing it"):
            pass
    with folder.locked("is preparing it"):
        pass


def test_a_holder_that_has_not_said_its_name_yet(folder, monkeypatch):
    with folder.locked("is preparing it"):
        lock = folder.path / ".lock"
        name = lock.read_text()
        lock.write_text("")
        monkeypatch.setattr("time.sleep", lambda _: lock.write_text(name))
        message = rf"^process {os.getpid()} on .* is preparing it"
        with pytest.raises(RunError, match=message), folder.locked("is preparing it"):
            pass
        lock.write_text("")
        monkeypatch.setattr("time.sleep", lambda _: None)
        with pytest.raises(RunError, match="^another process is"), folder.locked("is"):
            pass


def test_a_folder_that_its_holder_removes_is_made_again(folder):
    with folder.locked("works"):
        folder.remove()
        with folder.locked("works"):
            assert folder.path.is_dir()


@pytest.mark.parametrize("name", ["other.txt", "shards/x", "deep/work.db", "work.dbx"])
def test_what_was_not_written_here_is_kept(folder, name):
    path = folder.path / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with (
        pytest.raises(RunError, match="which this program did not write: remove it"),
        folder.locked("works"),
    ):
        pass
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["work.db", "shards", ".lock"])
def test_links_in_it_are_not_followed(folder, tmp_path, name):
    private = tmp_path / "private"
    private.mkdir()
    (private / "letter.txt").write_text("dear")
    folder.path.mkdir()
    (folder.path / name).symlink_to(private)
    message = f"holds {name}, which this program did not write"
    with pytest.raises(RunError, match=message), folder.locked("works"):
        folder.clear()
    assert (private / "letter.txt").read_text() == "dear"


def test_a_second_name_of_a_file_is_not_written_to(folder, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    folder.path.mkdir()
    os.link(tmp_path / "letter.txt", folder.path / "work.db")
    with pytest.raises(RunError, match="holds work.db"), folder.locked("works"):
        pass


def test_what_is_no_folder(folder, tmp_path):
    (tmp_path / "there").mkdir()
    folder.path.symlink_to(tmp_path / "there")
    with pytest.raises(RunError, match="is a link"), folder.locked("works"):
        pass
    assert list((tmp_path / "there").iterdir()) == []
    folder.path.unlink()
    folder.path.write_text("")
    with pytest.raises(RunError, match="is no folder"), folder.locked("works"):
        pass


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners on this system")
@pytest.mark.parametrize("name", ["", "work.db"])
def test_what_belongs_to_another_user(folder, monkeypatch, name):
    folder.path.mkdir()
    path = folder.path / name
    path.touch()
    real = os.geteuid()
    if name:  # the folder is one's own, and a file in it is not
        if real != 0:
            pytest.skip("only root can give files away")
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    with (
        pytest.raises(RunError, match="another user|did not write"),
        folder.locked("works"),
    ):
        pass


def test_a_lock_that_leads_elsewhere(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.lock").symlink_to(tmp_path / "letter.txt")
    with pytest.raises(OSError), locked_folder(tmp_path / "run", "busy"):
        pass
    assert (tmp_path / "letter.txt").read_text() == "dear"
