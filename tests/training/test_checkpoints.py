import builtins
import errno
import json
import os
import pathlib
import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byel_tf.errors import RunError
from byel_tf.training import checkpoints as module
from byel_tf.training.checkpoints import Checkpoints

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FILES = ("arrays.npz", "manifest.json")


def arrays_of(step):
    return {
        "networks/online/stem/kernel": np.full((2, 3), step, np.float32),
        "networks/online/norm/moving_mean": np.full((2, 4), step / 7, np.float32),
        "optimizer/iterations": np.array(step, np.int64),
    }


def numbers_of(step):
    best = {"step": step, "macro_f1": 1 / 3}
    return {"step": step, "epochs": step // 4, "best": best, "logs": {"é": step}}


def save(checkpoints, *steps):
    return [checkpoints.save(arrays_of(step), numbers_of(step)) for step in steps]


def assert_is(found, step):
    assert found.numbers == numbers_of(step)
    assert found.arrays.keys() == arrays_of(step).keys()
    for name, array in arrays_of(step).items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def tree(folder):
    """Every file below a folder, with its content."""
    return {
        str(path.relative_to(folder)): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints" / "pretrain"


def test_what_was_saved_comes_back(folder):
    (path,) = save(Checkpoints(folder), 9)
    assert path.name == "step-0000000009-epoch-000002"
    found = Checkpoints(folder).newest()
    assert_is(found, 9)
    assert found.path == path
    assert json.loads((path / "manifest.json").read_text())["format"] == 1


def test_without_any(folder):
    assert Checkpoints(folder).newest() is None
    assert Checkpoints(folder).newest_path is None
    assert not folder.exists()


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(folder, keep):
    paths = save(Checkpoints(folder, keep), 2, 10, 100, 1000, 10000)
    assert sorted(folder.iterdir()) == paths[-keep:]
    assert_is(Checkpoints(folder).newest(), 10000)
    assert Checkpoints(folder).newest_path == paths[-1]


def test_the_same_step_after_the_end_of_its_epoch_is_newer(folder):
    checkpoints = Checkpoints(folder)
    checkpoints.save(arrays_of(4), {**numbers_of(4), "epochs": 0})
    checkpoints.save(arrays_of(4), numbers_of(4))
    assert Checkpoints(folder).newest().numbers["epochs"] == 1


def test_a_state_that_is_saved_is_not_saved_again(folder):
    checkpoints = Checkpoints(folder)
    save(checkpoints, 3)
    before = tree(folder)
    assert checkpoints.save({"other": np.zeros(3)}, numbers_of(3)) == folder / (
        "step-0000000003-epoch-000000"
    )
    assert tree(folder) == before


def truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def cut_the_end(file):
    file.write_bytes(file.read_bytes()[:-2])


def empty(file):
    file.write_bytes(b"")


def lengthen(file):
    file.write_bytes(file.read_bytes() + b"x")


def put_a_folder(file):
    file.unlink()
    file.mkdir()


DAMAGES = [truncate, cut_the_end, empty, lengthen, pathlib.Path.unlink, put_a_folder]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_one_before_a_damaged_one_is_used(folder, name, damage, capsys):
    _, newest = save(Checkpoints(folder), 4, 8)
    damage(newest / name)
    checkpoints = Checkpoints(folder)
    assert_is(checkpoints.newest(), 4)
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and not shown.out
    aside = folder / f"damaged-{newest.name}"
    assert f"checkpoint {newest} is damaged" in shown.err and aside.name in shown.err
    assert aside.is_dir() and not newest.exists()
    assert checkpoints.newest_path.name.startswith("step-0000000004")
    assert_is(Checkpoints(folder).newest(), 4)
    assert capsys.readouterr().err == ""  # said once
    save(checkpoints, 8)
    assert_is(Checkpoints(folder).newest(), 8)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    (path,) = save(Checkpoints(tmp_path_factory.mktemp("run") / "finetune"), 8)
    return path


@given(data=st.data(), name=st.sampled_from(FILES), mask=st.integers(1, 255))
def test_every_byte_is_guarded(saved, data, name, mask):
    file = saved / name
    whole = file.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[place] ^= mask
    file.write_bytes(altered)
    try:
        read = module._read(saved)
    except module._Damaged:
        read = None
    finally:
        file.write_bytes(whole)
    if read is not None:  # white space of the manifest
        assert name == "manifest.json" and json.loads(altered) == json.loads(whole)
        assert_is(read, 8)


def test_one_under_the_name_of_another_is_damaged(folder, capsys):
    first, second = save(Checkpoints(folder), 4, 8)
    second.rename(folder / "step-0000000009-epoch-000002")
    assert_is(Checkpoints(folder).newest(), 4)
    assert "another one's name" in capsys.readouterr().err


def test_arrays_of_another_one_are_damaged(folder, capsys):
    first, second = save(Checkpoints(folder), 4, 8)
    (second / "arrays.npz").write_bytes((first / "arrays.npz").read_bytes())
    assert_is(Checkpoints(folder).newest(), 4)
    assert "arrays.npz was altered" in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES)
def test_without_a_whole_one_nothing_begins_anew(folder, name, capsys):
    for path in save(Checkpoints(folder), 4, 8):
        empty(path / name)
    for _ in range(2):  # nor the next time
        with pytest.raises(RunError, match="all are damaged: choose another") as caught:
            Checkpoints(folder).newest()
        assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    assert capsys.readouterr().err.count("is damaged") == 2
    assert len(list(folder.glob("damaged-*"))) == 2


def test_damaged_ones_of_the_same_name_are_all_kept(folder):
    for _ in range(3):
        _, newest = save(Checkpoints(folder), 4, 8)
        empty(newest / "arrays.npz")
        Checkpoints(folder).newest()
    assert len(list(folder.glob("damaged-*"))) == 3


def test_somebody_elses_run_is_only_read(folder, capsys):
    _, newest = save(Checkpoints(folder), 4, 8)
    empty(newest / "manifest.json")
    (folder / ".step-0000000012-epoch-000003.partial-0123abcd").mkdir()
    before = tree(folder)
    assert_is(Checkpoints(folder).newest(read_only=True), 4)
    assert tree(folder) == before
    assert "is damaged" in capsys.readouterr().err
    empty(Checkpoints(folder)._paths()[0] / "manifest.json")
    before = tree(folder)
    with pytest.raises(RunError, match="all are damaged"):
        Checkpoints(folder).newest(read_only=True)
    assert tree(folder) == before


def test_a_process_killed_within_a_save_leaves_those_before(folder):
    save(Checkpoints(folder), 4)
    code = (
        "import os, signal, sys\n"
        "from byel_tf.training import checkpoints as module\n"
        "from tests.training.test_checkpoints import save\n"
        "module.close_on_disk = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save(module.Checkpoints(module.pathlib.Path(sys.argv[1])), 8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=CHECKOUT)
    assert done.returncode < 0
    assert len(list(folder.iterdir())) == 2  # the run's next start removes it
    assert_is(Checkpoints(folder).newest(), 4)


def test_what_others_have_put_there_is_left_alone(folder):
    folder.mkdir(parents=True)
    strays = ["notes.txt", "step-5", "step-0000000005-epoch-000001.bak", ".partial-ab"]
    for name in strays:
        (folder / name).mkdir()
        (folder / name / "mine").write_text("x")
    save(Checkpoints(folder, keep=1), 4, 8)
    assert_is(Checkpoints(folder, keep=1).newest(), 8)
    assert {path.name for path in folder.iterdir()} == {
        *strays,
        "step-0000000008-epoch-000002",
    }
    for name in strays:
        assert (folder / name / "mine").read_text() == "x"


class FullFile:
    """A file whose disk is full."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def write(self, data):
        self._file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("full", FILES)
@pytest.mark.parametrize("before", [[], [4]])
def test_on_a_full_disk_those_before_stay_whole(folder, full, before, monkeypatch):
    def open_on_full_disk(path, mode="r", **options):
        file = builtins.open(path, mode, **options)  # noqa: SIM115
        return FullFile(file) if path.name == full and "w" in mode else file

    checkpoints = Checkpoints(folder)
    paths = save(checkpoints, *before)
    monkeypatch.setattr(module, "open", open_on_full_disk, raising=False)
    with pytest.raises(RunError, match="cannot write checkpoint .*No space") as caught:
        save(checkpoints, 8)
    kept = f"{paths[0]} is whole" if paths else "there is none before it"
    assert kept in str(caught.value) and "\n" not in str(caught.value)
    assert list(folder.iterdir()) == paths  # and nothing half-written
    monkeypatch.undo()
    save(checkpoints, 8)
    assert_is(Checkpoints(folder).newest(), 8)


def test_a_real_limit_is_met_as_a_full_disk_is(folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    code = (
        "import pathlib, sys\n"
        "from byel_tf.program import run_program\n"
        "from byel_tf.training.checkpoints import Checkpoints\n"
        "import numpy as np\n"
        "def main(argv):\n"
        "    checkpoints = Checkpoints(pathlib.Path(argv[1]))\n"
        "    checkpoints.save({}, {'step': 1, 'epochs': 0})\n"
        "    checkpoints.save({'a': np.zeros(999)}, {'step': 2, 'epochs': 0})\n"
        "sys.exit(run_program(main, ['p', sys.argv[1]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=CHECKOUT,
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot write checkpoint" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["step-0000000001-epoch-000000"]
    assert Checkpoints(folder).newest().numbers == {"step": 1, "epochs": 0}


def test_those_of_an_older_release_are_refused(folder):
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_text("model_checkpoint_path: 'step-8'")
    (folder / "step-8.index").write_bytes(b"x")
    (folder / "step-8.data-00000-of-00001").write_bytes(b"x")
    before = tree(folder)
    with pytest.raises(RunError, match=r"a release before 0\.2") as caught:
        Checkpoints(folder).newest()
    assert "\n" not in str(caught.value)
    assert tree(folder) == before


def test_those_of_a_newer_release_are_refused(folder, monkeypatch):
    monkeypatch.setattr(module, "_FORMAT", 2)
    save(Checkpoints(folder), 4)
    monkeypatch.undo()
    before = tree(folder)
    with pytest.raises(RunError, match="the format 2, this release reads 1"):
        Checkpoints(folder).newest()
    assert tree(folder) == before


def test_a_pickle_is_not_unpacked(folder):
    """Of a run that somebody else has made, nothing is executed."""
    checkpoints = Checkpoints(folder)
    checkpoints.save({"a": np.array([{}], object)}, {"step": 1, "epochs": 0})
    with pytest.raises(RunError, match="all are damaged"):
        checkpoints.newest()
