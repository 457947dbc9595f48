import os

import pytest

from byel_tf import files
from byel_tf.errors import RunError
from byel_tf.files import (
    code_digest,
    new_directory,
    new_file,
    require_new_directory,
    write_atomically,
)
from byel_tf.locks import hold


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_is_written_and_replaced(tmp_path):
    file = tmp_path / "new" / "name.txt"
    write_atomically(file, "é")
    assert file.read_bytes() == "é".encode()
    write_atomically(file, b"\x00\xff")
    assert file.read_bytes() == b"\x00\xff"
    assert names(file.parent) == ["name.txt"]


def test_new_file_takes_its_name_when_it_is_whole(tmp_path):
    file = tmp_path / "new" / "name.txt"
    with new_file(file) as stream:
        stream.write(b"whole")
        assert not file.exists()
    assert file.read_bytes() == b"whole"
    link = tmp_path / "link.txt"
    link.symlink_to(file)
    with pytest.raises(RunError), new_file(link) as stream:
        stream.write(b"part")
        raise RunError("broken off")
    assert file.read_bytes() == b"whole"
    with new_file(link) as stream:
        stream.write(b"other")
    assert link.is_symlink() and file.read_bytes() == b"other"
    assert names(tmp_path) == ["link.txt", "new"] and names(file.parent) == ["name.txt"]


def test_old_file_stays_when_writing_fails(tmp_path, monkeypatch):
    file = tmp_path / "name.txt"
    write_atomically(file, "old")

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(file, "new")
    assert caught.value.filename == str(file)
    assert file.read_text() == "old"
    assert names(tmp_path) == ["name.txt"]


def test_folder_appears_whole(tmp_path):
    target = tmp_path / "deep" / "out"
    with new_directory(target) as folder:
        (folder / "a").write_text("a")
        assert not target.exists()
    assert names(target) == ["a"]
    assert names(target.parent) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error(tmp_path, error):
    with pytest.raises(error), new_directory(tmp_path / "out") as folder:
        (folder / "a").write_text("a")
        raise error
    assert names(tmp_path) == []


def test_empty_folder_is_taken(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    with new_directory(target) as folder:
        (folder / "a").write_text("a")
    assert names(target) == ["a"]


def test_link_to_an_empty_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    with new_directory(link) as folder:
        (folder / "a").write_text("a")
    assert link.is_symlink()
    assert names(tmp_path / "real") == ["a"]


def test_present_folder_without_a_name(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    with new_directory(".") as folder:
        (folder / "a").write_text("a")
    assert names(work) == ["a"]
    assert names(tmp_path) == ["work"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_exists_is_not_touched(tmp_path, kind):
    target = tmp_path / "out"
    if kind == "folder":
        target.mkdir()
        (target / "a").write_text("a")
    else:
        target.write_text("a")
    with pytest.raises(RunError, match="out exists and is not an empty folder"):
        new_directory(target).__enter__()
    assert names(tmp_path) == ["out"]


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make .*file/out"):
        new_directory(tmp_path / "file" / "out").__enter__()


def test_output_that_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make .*out: .*file is no folder that"):
        require_new_directory(tmp_path / "file" / "a" / "out")
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(RunError, match="cannot make .*out: .* can be written to"):
        require_new_directory(tmp_path / "a" / "out")
    assert names(tmp_path) == ["file"]


def test_mount_point_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path)
    with pytest.raises(RunError, match="mount point"):
        new_directory(tmp_path).__enter__()


def test_name_taken_meanwhile(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(RunError, match="cannot give"), new_directory(target):
        target.mkdir()
        (target / "other").write_text("other")
    assert names(tmp_path) == ["out"]
    assert names(target) == ["other"]


def test_remains_of_a_killed_run_are_no_obstacle(tmp_path):
    # Kept alive, so that neither cleans up.
    killed = [new_directory(tmp_path / "out") for _ in range(2)]
    folders = [run.__enter__() for run in killed]
    assert len(set(folders)) == 2


def leftovers(folder, name):
    (folder / f".{name}.partial-0123abcd").mkdir()
    (folder / f".{name}.partial-0123abcd/a").write_text("a")
    (folder / f".{name}.partial-89ef0123").write_text("b")


def test_what_killed_processes_left_goes_with_the_next_one(tmp_path):
    leftovers(tmp_path, "out")
    kept = [".other.partial-0123abcd", ".out.partial-mine", "out.partial-0123abcd"]
    for name in kept:
        (tmp_path / name).write_text("")
    with new_directory(tmp_path / "out"):
        pass
    assert names(tmp_path) == sorted([*kept, "out"])
    leftovers(tmp_path, "table.csv")
    with new_file(tmp_path / "table.csv"):
        pass
    assert names(tmp_path) == sorted([*kept, "out", "table.csv"])


def test_what_is_being_written_stays(tmp_path):
    with new_file(tmp_path / "out") as first, new_file(tmp_path / "out") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "out").read_bytes() == b"first"
    with new_directory(tmp_path / "folder") as first:
        (first / "a").write_text("a")
        with (
            pytest.raises(ZeroDivisionError),
            new_directory(tmp_path / "folder") as second,
        ):
            assert second != first and first.exists()
            raise ZeroDivisionError
    assert names(tmp_path / "folder") == ["a"]


def test_links_that_look_like_leftovers_stay(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private/a").write_text("a")
    link = tmp_path / ".out.partial-0123abcd"
    link.symlink_to(tmp_path / "private")
    with new_directory(tmp_path / "out"):
        pass
    assert link.is_symlink() and names(tmp_path / "private") == ["a"]


@pytest.mark.parametrize("is_removed", [True, False])
def test_taken_for_a_leftover_before_it_is_held_it_is_made_again(
    tmp_path, monkeypatch, is_removed
):
    tries = []

    def hold_late(path):
        tries.append(path)
        if len(tries) > 1:
            return hold(path)
        if is_removed:
            path.unlink()
        return None, False

    monkeypatch.setattr(files, "hold", hold_late)
    with new_file(tmp_path / "out") as file:
        file.write(b"whole")
    assert tries[0] != tries[1]
    assert (tmp_path / "out").read_bytes() == b"whole"


@pytest.mark.parametrize("name", ["a.py", "b/c.toml", "files.txt", "hand.npz"])
def test_a_hash_of_the_program_sees_its_data(tmp_path, name):
    (tmp_path / "b").mkdir()
    (tmp_path / name).write_bytes(b"1")
    before = code_digest(tmp_path)
    (tmp_path / "b" / "a.pyc").write_bytes(b"1")
    assert code_digest(tmp_path) == before
    (tmp_path / name).write_bytes(b"2")
    assert code_digest(tmp_path) != before
