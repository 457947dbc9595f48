"""`prepare` where others have put something: into the source, or beside the output."""

import csv
import json
import os
import sqlite3

import numpy as np
import pytest
from PIL import Image

from byel_tf.cli import inspect, prepare
from byel_tf.data.record import parse
from byel_tf.data.tfrecord import read_frames
from byel_tf.locks import locked_folder
from byel_tf.program import run_program


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def picture(tmp_path):
    """Writes a picture of noise."""
    generator = np.random.default_rng(5)

    def write(path):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (6, 5, 3), np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def run(capsys):
    """Runs a program's main; returns its code, what it prints and its errors."""

    def run_main(program, *arguments):
        capsys.readouterr()
        code = run_program(program.main, ["prepare.py", *arguments])
        return (code, *capsys.readouterr())

    return run_main


@pytest.fixture
def import_of(run):
    """Prepares a source; returns what was printed, names taken and the tables."""

    def prepared(source, *more, output="out"):
        arguments = (f"--source={source}", f"--output={output}", "--splits=train")
        code, out, err = run(prepare, *arguments, "--workers=1", *more)
        assert (code, err) == (0, "")
        assert run(inspect, output, "--verify")[0] == 0
        names = [
            parse(frame).filename
            for shard in sorted(os.listdir(output))
            if shard.endswith(".tfrecord")
            for frame in read_frames(os.path.join(output, shard))
        ]
        return out, sorted(names), table(output, "outside"), table(output, "rejected")

    return prepared


def table(folder, name):
    path = os.path.join(folder, f"{name}.csv")
    if not os.path.exists(path):
        return None
    with open(path, newline="", encoding="utf-8") as file:
        return dict(list(csv.reader(file))[1:])


# What is beside the output.


@pytest.fixture
def source(picture):
    for number in range(6):
        picture(f"images/anger/{number}.png")
        picture(f"images/fear/{number}.png")
    return "images"


@pytest.mark.parametrize("name", ["dataset", "work.sqlite", "work.sqlite-wal", ""])
def test_links_in_anothers_working_folder(run, source, tmp_path, name):
    private = tmp_path / "private"
    private.mkdir()
    (private / "letter.txt").write_text("dear")
    folder = tmp_path / ".out.preparing"
    if name:
        folder.mkdir()
    (folder / name).symlink_to(private)
    code, _, err = run(prepare, f"--source={source}", "--output=out")
    assert code == 1
    assert err.count("\n") == 1 and str(folder) in err
    assert "remove it, or choose another output" in err
    assert [path.name for path in private.iterdir()] == ["letter.txt"]
    assert (private / "letter.txt").read_text() == "dear"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["notes.txt", "dataset/notes.txt", "dataset/a/b"])
def test_what_others_left_there_stays(run, source, tmp_path, name):
    file = tmp_path / ".out.preparing" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    code, _, err = run(prepare, f"--source={source}", "--output=out")
    assert (code, "which this program did not write" in err) == (1, True)
    assert file.read_text() == "mine"


def test_leftovers_of_a_finished_run_go_by_name(run, import_of, source, tmp_path):
    import_of(source)
    folder = tmp_path / ".out.preparing"
    folder.mkdir()
    (folder / "work.sqlite").touch()
    code, _, err = run(prepare, f"--source={source}", "--output=out")
    assert (code, "not an empty folder" in err) == (1, True)
    assert not folder.exists()
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert run(prepare, f"--source={source}", "--output=out")[0] == 1
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_second_program_hears_who_is_at_it(run, source, tmp_path):
    with locked_folder(tmp_path / ".out.preparing", "busy"):
        code, _, err = run(prepare, f"--source={source}", "--output=out")
    assert code == 1
    assert f"process {os.getpid()} on " in err
    assert "is preparing the same data set, in " in err


def test_the_working_folder_holds_nothing_but_its_own(source, run, tmp_path):
    """Every name that a run gives is one that the next takes for its own."""
    from byel_tf.data import prepare as module

    seen = set()

    def watch(name):
        real = getattr(module, name)

        def watched(*arguments, **more):
            result = real(*arguments, **more)
            folder = tmp_path / ".out.preparing"
            seen.update(str(path.relative_to(folder)) for path in folder.rglob("*"))
            return result

        return watched

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_list", "_examine", "write_entries", "write_shard"):
            patch.setattr(module, name, watch(name))
        patch.setattr(module, "write_description", watch("write_description"))
        patch.setattr(
            module, "run_tasks", lambda f, tasks, _: ((t, f(t)) for t in tasks)
        )
        (tmp_path / "images/anger/link.png").symlink_to(tmp_path / "images/fear/1.png")
        picture = tmp_path / "elsewhere.png"
        (tmp_path / "images/fear/0.png").rename(picture)
        (tmp_path / "images/fear/0.png").symlink_to(picture)
        code, *_ = run(
            prepare, f"--source={source}", "--output=out", "--shard_bytes=900"
        )
    assert code == 0
    own = module._WORKING_FILES
    assert {name for name in seen if not own.fullmatch(name)} == {".lock"}
    assert {"dataset/outside.csv", "dataset/dataset.json", "work.sqlite"} <= seen
    assert any(name.endswith(".entries") for name in seen)
    assert own.fullmatch("dataset/train-00000-of-00010.tfrecord.open")
    assert own.fullmatch("dataset/train-00000-of-00010.open")  # fetched
    for name in ("a.entries", "dataset/x.open", "dataset/a/b", "work.sqlite2"):
        assert not own.fullmatch(name)


# What a source leads to.


def test_links_out_of_a_folder(import_of, source, picture, tmp_path):
    private = picture("private/me.png")
    alike = picture("images of mine/me.png")  # its name begins as the source's
    os.symlink(alike, os.path.join(source, "anger", "alike.png"))
    inside = os.path.join(source, "fear", "1.png")
    os.symlink(private, os.path.join(source, "anger", "file.png"))
    os.symlink(private.parent, os.path.join(source, "anger", "folder"))
    os.symlink(os.path.abspath(inside), os.path.join(source, "anger", "twice.png"))
    os.symlink("nowhere.png", os.path.join(source, "anger", "nowhere.png"))
    out, names, outside, rejected = import_of(source)
    assert len(names) == 16
    assert outside == {
        "anger/alike.png": str(alike),
        "anger/file.png": str(private),
        "anger/folder/me.png": str(private),
    }
    assert "3 images lie outside the source, as anger/" in out
    assert "from outside the source: 3, listed in outside.csv" in out
    manifest = json.loads((tmp_path / "out/dataset.json").read_text())
    assert manifest["outside"]["count"] == 3

    out, names, outside, rejected = import_of(source, "--outside=reject", output="b")
    assert len(names) == 13 and outside is None
    reason = "outside the source; --outside=list takes it"
    assert [name for name, why in rejected.items() if why == reason] == [
        "anger/alike.png",
        "anger/file.png",
        "anger/folder/me.png",
    ]
    assert "outside" not in json.loads((tmp_path / "b/dataset.json").read_text())


def test_paths_out_of_a_list(import_of, picture, tmp_path):
    secret = picture("secret/me.png")
    rows = [picture(f"set/{n}.png").name for n in range(4)]
    rows += [
        "../secret/me.png",
        str(secret),
        "../set/1.png",
        "sub/../0.png",
        "gone.png",
    ]
    (tmp_path / "set/sub").mkdir()
    content = "".join(f"{row},anger\n" for row in rows)
    (tmp_path / "set/list.csv").write_text(f"path,label\n{content}")
    out, names, outside, rejected = import_of("set/list.csv")
    assert outside == {"../secret/me.png": str(secret), str(secret): str(secret)}
    assert list(rejected) == ["gone.png"]
    assert "as ../secret/me.png, which is " in out
    _, names, outside, _ = import_of("set/list.csv", f"--root={tmp_path}/set/sub/..",
                                     "--outside=reject", output="b")  # fmt: skip
    assert (len(names), outside) == (6, None)
    # The folder that the user names is where they are expected.
    (tmp_path / "set/absolute.csv").write_text(f"path,label\n{secret},anger\n")
    _, _, outside, _ = import_of("set/absolute.csv", "--root=secret", output="c")
    assert outside is None


def test_a_layout_of_links(import_of, picture, tmp_path):
    """The folder in which a layout keeps its images may be a link itself."""
    for number in range(3):
        picture(f"private/train_0000{number}_aligned.jpg")
    (tmp_path / "raf/EmoLabel").mkdir(parents=True)
    (tmp_path / "raf/Image").mkdir()
    (tmp_path / "raf/Image/aligned").symlink_to(tmp_path / "private")
    lines = "".join(f"train_0000{number}.jpg 5\n" for number in range(3))
    (tmp_path / "raf/EmoLabel/list_patition_label.txt").write_text(lines)
    assert len(import_of("raf")[2]) == 3
    listed = "raf/EmoLabel/list_patition_label.txt"
    assert len(import_of(listed, output="b")[2]) == 3
    (tmp_path / "raf/EmoLabel/list_patition_label.txt").rename(
        tmp_path / "raf/list.txt"
    )
    (tmp_path / "raf/Image/aligned").rename(tmp_path / "raf/aligned")
    assert len(import_of("raf/list.txt", output="beside")[2]) == 3
    (tmp_path / "raf/list.txt").rename(tmp_path / listed)
    (tmp_path / "raf/aligned").rename(tmp_path / "raf/Image/aligned")
    (tmp_path / "raf/Image/aligned").unlink()
    (tmp_path / "private").rename(tmp_path / "raf/Image/aligned")
    assert import_of("raf", output="c")[2] is None
    assert import_of(listed, output="d")[2] is None


def test_addresses_in_a_local_table(run, tmp_path):
    rows = ("gs://mine/a.png", "gs://mine/../yours/b.png", "gs://mine.not/c.png")
    content = "".join(f"{row},anger\n" for row in rows)
    (tmp_path / "list.csv").write_text(f"path,label\n{content}")
    arguments = ("--source=list.csv", "--dry_run", "--splits=train")
    code, out, err = run(prepare, *arguments)
    assert (code, err) == (0, "")
    assert "3 images lie outside the source, as gs://mine/a.png" in out
    _, out, _ = run(prepare, *arguments, "--root=gs://mine")
    assert "2 images lie outside the source, as gs://mine/../yours/b.png" in out
    _, out, _ = run(prepare, *arguments, "--root=gs://mine", "--outside=reject")
    assert "2 × outside the source" in out and "images lie" not in out


def test_a_table_of_pixels_may_be_a_link(import_of, tmp_path):
    (tmp_path / "elsewhere.csv").write_text("emotion,pixels\n0,1 2 3 4\n2,1 2 3 5\n")
    (tmp_path / "fer").mkdir()
    (tmp_path / "fer/fer2013.csv").symlink_to(tmp_path / "elsewhere.csv")
    _, names, outside, _ = import_of("fer")
    assert (len(names), outside) == (2, None)


def test_a_link_that_changes_between_two_runs(run, import_of, source, picture):
    private = picture("private/me.png")
    link = os.path.join(source, "anger", "link.png")
    inside = os.path.abspath(os.path.join(source, "fear", "1.png"))
    os.symlink(inside, link)
    import_of(source, output="whole")
    from byel_tf.data import prepare as module

    def broken_off(*arguments, **more):
        raise KeyboardInterrupt

    arguments = (f"--source={source}", "--output=out", "--splits=train", "--workers=1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_write_shards", broken_off)
        assert run(prepare, *arguments)[0] == 130
    with sqlite3.connect(".out.preparing/work.sqlite") as work:
        assert work.execute("SELECT count(*) FROM images").fetchone() == (13,)
    work.close()
    os.unlink(link)
    os.symlink(private, link)
    out, names, outside, _ = import_of(source)
    assert "starting anew" in out
    assert outside == {"anger/link.png": str(private)}


def test_the_table_of_them_is_verified(run, import_of, source, picture):
    private = picture("private/me.png")
    os.symlink(private, os.path.join(source, "anger", "file.png"))
    import_of(source)
    with open("out/outside.csv", "a") as file:
        file.write('"anger/1.png","/etc"\n')
    code, out, _ = run(inspect, "out", "--verify")
    assert (code, "outside.csv: SHA-256: expected " in out) == (1, True)
    os.unlink("out/outside.csv")
    code, out, _ = run(inspect, "out", "--verify")
    assert (code, "outside.csv: is missing" in out) == (1, True)
    import_of(source, "--outside=reject", output="b")
    with open("b/outside.csv", "w") as file:
        file.write("path,leads to\n")
    code, out, _ = run(inspect, "b", "--verify")
    assert (code, "outside.csv: dataset.json does not name it" in out) == (1, True)


def test_how_large_pictures_may_be(run, import_of, source):
    import_of(source, "--max_pixels=70000000")
    with open("out/dataset.json") as file:
        assert json.load(file)["source"]["max_pixels"] == 70_000_000
    for more in ((), ("--verify",)):
        arguments = ("out", "--max_pixels=29", "--output=sheets", *more)
        code, *texts = run(inspect, *arguments)
        assert code == 1
        assert "more than 29 pixels" in "".join(texts)
    assert run(inspect, "out", "--max_pixels=30", "--output=sheets")[0] == 0
