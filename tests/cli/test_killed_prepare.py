"""`prepare` killed at any moment, with the real program and real processes."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
COUNT = 1500


@pytest.fixture
def source(tmp_path):
    generator = np.random.default_rng(3)
    for number in range(COUNT):
        folder = tmp_path / "images" / ("fear", "anger")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (20, 20, 3), np.uint8)
        file = folder / f"{number:05d}.{('jpg', 'tiff')[number % 50 == 0]}"
        Image.fromarray(pixels).save(file)
    (tmp_path / "images" / "fear" / "bad.jpg").write_bytes(b"text")
    return tmp_path / "images"


def start(source, output):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "byel_tf.cli.prepare", f"--source={source}"),
            *(f"--output={output}", "--workers=2", "--shard_bytes=60000"),
        ],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def progress_of(output):
    """Something that changes whenever the run has got a little further."""
    folder = output.with_name(f".{output.name}.preparing")
    try:
        return tuple(
            sorted(
                (str(path), path.stat().st_size)
                for path in folder.rglob("*")
                if path.suffix not in (".open", ".entries")
            )
        )
    except FileNotFoundError:  # just renamed
        return None


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_killed_again_and_again(source, tmp_path):
    whole = start(source, tmp_path / "whole")
    assert whole.wait() == 0, whole.stdout.read()
    output = tmp_path / "out"
    kills = steps = resumed = 0
    while not output.exists():
        process = start(source, output)
        before = progress_of(output)
        steps += 1
        left = steps
        while process.poll() is None and left:
            now = progress_of(output)
            if now is not None and now != before:
                before, left = now, left - 1
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        text = process.stdout.read()
        assert process.returncode in (0, -signal.SIGKILL), text
        resumed += "going on with" in text
    assert kills >= 3
    assert contents(output) == contents(tmp_path / "whole")
    assert resumed >= 2
    # Killed after the renaming, it leaves the folder it was about to remove.
    assert start(source, output).wait() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "images",
        "out",
        "whole",
    ]
