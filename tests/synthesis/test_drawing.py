import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from byel_tf.errors import RunError
from byel_tf.synthesis import drawing as module
from byel_tf.synthesis.drawing import (
    WORKING_FILES,
    Drawing,
    draw_faces,
    encode_png,
)
from byel_tf.worker_pool import DIED
from byel_tf.working_folder import WorkingFolder

CLASSES = ("anger", "happiness", "neutral")
COUNT = 14  # three tasks, of a person each


def drawing(**changes):
    values = {
        "head": "built-in", "domain": "synthetic", "classes": CLASSES, "size": 16,
        "seed": 3, "grey": False,
    }  # fmt: skip
    return Drawing(**{**values, **changes})


def working(folder):
    path = folder / "working"
    path.mkdir(exist_ok=True)
    return WorkingFolder(path, WORKING_FILES)


@pytest.fixture(scope="module", autouse=True)
def _small_tasks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PERSONS_A_TASK", 1)
        yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = working(tmp_path_factory.mktemp("faces"))
    return list(draw_faces(drawing(), range(COUNT), 1, folder))


def test_same_pictures_on_two_processes(pictures, tmp_path):
    assert list(draw_faces(drawing(), range(COUNT), 2, working(tmp_path))) == pictures


def test_fewer_faces_are_the_first_ones(pictures, tmp_path):
    assert list(draw_faces(drawing(), range(7), 1, working(tmp_path))) == pictures[:7]


def test_goes_on_where_it_was_broken_off(pictures, tmp_path, monkeypatch, capsys):
    started = draw_faces(drawing(), range(COUNT), 1, working(tmp_path))
    for _ in range(8):  # into the second task
        next(started)
    started.close()
    drawn = []
    original = module._draw_task
    monkeypatch.setattr(
        module, "_draw_task", lambda d, task: drawn.append(task) or original(d, task)
    )
    assert list(draw_faces(drawing(), range(COUNT), 1, working(tmp_path))) == pictures
    assert drawn == [range(12, 14)]
    assert "12 of 14 faces are there" in capsys.readouterr().out


def test_damaged_work_is_drawn_again(pictures, tmp_path):
    started = draw_faces(drawing(), range(COUNT), 1, working(tmp_path))
    next(started)
    started.close()
    (file,) = (tmp_path / "working").glob("*.faces")
    content = bytearray(file.read_bytes())
    content[500] ^= 1
    for damaged in (bytes(content), bytes(content[:-3]), b""):
        file.write_bytes(damaged)
        again = draw_faces(drawing(), range(COUNT), 1, working(tmp_path))
        assert next(again) == pictures[0]
        again.close()


@pytest.mark.parametrize("changes", [{"seed": 4}, {"heads": "built-in (other data)"}])
def test_work_on_another_drawing_is_not_used(pictures, tmp_path, changes, capsys):
    started = draw_faces(drawing(**changes), range(COUNT), 1, working(tmp_path))
    next(started)
    started.close()
    assert list(draw_faces(drawing(), range(COUNT), 1, working(tmp_path))) == pictures
    assert "going on" not in capsys.readouterr().out


def test_killed_process_leaves_what_the_next_one_uses(pictures, tmp_path):
    program = (
        "import pathlib\n"
        "from tests.synthesis.test_drawing import COUNT, draw_faces, drawing, working\n"
        "from byel_tf.synthesis import drawing as module\n"
        "module._PERSONS_A_TASK = 1\n"
        f"folder = working(pathlib.Path({str(tmp_path)!r}))\n"
        "for _ in draw_faces(drawing(), range(COUNT), 1, folder): pass\n"
        "print('finished')\n"
    )
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(module.__file__)))
    environment = {**os.environ, "PYTHONPATH": checkout}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE
    )
    while process.poll() is None and not list((tmp_path / "working").glob("*.faces")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(draw_faces(drawing(), range(COUNT), 1, working(tmp_path))) == pictures


def test_lost_worker_is_told_in_one_line(tmp_path, monkeypatch):
    def run_tasks(function, tasks, workers):
        del function, workers
        yield from ((task, DIED) for task in tasks)

    monkeypatch.setattr(module, "run_tasks", run_tasks)
    with pytest.raises(RunError, match="give fewer --workers"):
        list(draw_faces(drawing(), range(COUNT), 2, working(tmp_path)))


def test_png():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    picture = Image.open(io.BytesIO(encode_png(pixels)))
    assert picture.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(picture), pixels)
    grey = Image.open(io.BytesIO(encode_png(pixels, grey=True)))
    assert grey.mode == "L"
    expected = pixels @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(np.asarray(grey), expected, atol=1)
