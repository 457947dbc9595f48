import json
import pathlib
import sys

import pytest

from benchmarks.end_to_end import _cases, main
from benchmarks.pictures import make_dataset
from byel_tf.flagging import parse
from tests import small_network

TINY = ("--image_size=16", "--batch_size=8", "--width=0.0625", "--precision=float32")


@pytest.fixture(scope="module", autouse=True)
def _small_network():
    with small_network.there():
        yield


def command(tmp_path, *flags):
    config = pathlib.Path("flags/facekit.cfg").read_text()
    config = config.replace("=resnet18", f"={small_network.NAME}")
    (tmp_path / "small.cfg").write_text(config + "--xla=off\n")
    paths = {"output": "r.json", "folder": "data", "config": "small.cfg"}
    paths = [f"--{name}={tmp_path / path}" for name, path in paths.items()]
    return ["end_to_end", *paths, *flags]


def test_share_of_the_bare_step(tmp_path, capsys):
    flags = ("--objectives=supervised", "--policies=faces", "--counts=40", "--sizes=24")
    main(command(tmp_path, *TINY, *flags, "--rounds=2", "--steps=3", "--skipped=1"))
    (one,) = json.loads((tmp_path / "r.json").read_text())["runs"]
    assert (one["images"], one["pixels"]) == (40, 24)
    assert one["loop_ms"]["median"] > 0
    assert one["share"]["median"] > 0
    assert "40 images of 24 px: share" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_watched(tmp_path, capsys):
    main(command(tmp_path, "--objectives=supervised", "--memory_steps=40"))
    looks = json.loads((tmp_path / "r.json").read_text())["memory"]
    assert [one["step"] for one in looks] == list(range(2, 41, 2))
    assert all(one["megabytes"] > 50 for one in looks)
    assert "over the second half:" in capsys.readouterr().out


def test_cases_vary_one_thing_at_a_time():
    from benchmarks.end_to_end import EndToEndOptions

    flags = ["--policies=faces,byol", "--counts=10,20", "--sizes=32,64", "--output=x"]
    (options,) = parse(["end_to_end", "--objectives=byel", *flags], EndToEndOptions)
    cases = _cases(options)
    assert ("byel", "faces", 20, 32) in cases
    assert ("byel", "byol", 10, 64) in cases
    assert ("byel", "byol", 20, 32) not in cases
    assert ("byel", "faces", 20, 64) not in cases
    assert len(set(cases)) == len(cases) == 5


def test_dataset_is_made_once(tmp_path):
    made = make_dataset(tmp_path, 70, 16, "png")
    assert made.manifest.splits["train"].count == 70
    assert made.manifest.image_sizes == {"16x16": 70}
    times = [file.stat().st_mtime_ns for file in made.path.iterdir()]
    again = make_dataset(tmp_path, 70, 16, "png")
    assert [file.stat().st_mtime_ns for file in again.path.iterdir()] == times
