import sys

import pytest

from byel_tf.errors import UsageError
from byel_tf.launching.gpus import count_gpus, share_gpus

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A function that puts a stand-in for NVIDIA's program first on PATH."""

    def install(gpus, code=0):
        listed = "".join(
            f"GPU {n}: NVIDIA A100 (UUID: GPU-{n})\n  MIG 1g.5gb Device 0: (UUID: M)\n"
            for n in range(gpus)
        )
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}END\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_without_a_driver(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert count_gpus() == 0
    assert share_gpus(2, {}) == [{}, {}]


def test_a_driver_that_fails(driver):
    driver(2, code=9)
    assert count_gpus() == 0


@pytest.mark.parametrize(
    ("gpus", "workers", "expected"),
    [
        (0, 3, [None, None, None]),
        (2, 1, ["0,1"]),
        (2, 2, ["0", "1"]),
        (8, 4, ["0,1", "2,3", "4,5", "6,7"]),
    ],
)
def test_each_worker_gets_its_part(driver, gpus, workers, expected):
    driver(gpus)
    shares = share_gpus(workers, {})
    assert [share.get("CUDA_VISIBLE_DEVICES") for share in shares] == expected


@pytest.mark.parametrize(("gpus", "text"), [(1, "1 GPU"), (3, "3 GPUs")])
def test_what_does_not_divide(driver, gpus, text):
    driver(gpus)
    with pytest.raises(
        UsageError, match=f"^{text} cannot be shared out evenly among 2"
    ):
        share_gpus(2, {})


@pytest.mark.parametrize("chosen", ["", "0", "0,1"])
def test_what_the_user_set_stays(driver, chosen):
    driver(3)
    assert share_gpus(2, {"CUDA_VISIBLE_DEVICES": chosen}) == [{}, {}]
