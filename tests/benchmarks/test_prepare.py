import json
import sys

import pytest

from benchmarks.prepare import main


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_rates_and_memory(tmp_path, capsys):
    command = [
        "prepare",
        f"--output={tmp_path / 'result.json'}",
        f"--folder={tmp_path / 'images'}",
        "--count=60",
        "--size=16",
        "--repeats=1",
    ]
    main(command)
    result = json.loads((tmp_path / "result.json").read_text())
    (measured,) = result["counts"].values()
    assert set(measured) == {
        "images_per_second",
        "read_files_per_second",
        "ratio",
        "peak_memory_mb",
    }
    assert all(value > 0 for value in measured.values())
    assert 30 < measured["peak_memory_mb"] < 3000
    assert "60 images" in capsys.readouterr().out
    images = sorted((tmp_path / "images").rglob("*.jpg"))
    assert len(images) == 60
    assert [path.name for path in (tmp_path / "images" / "60").iterdir()] == ["16"]
    before = [path.stat().st_mtime_ns for path in images]
    main(command)
    assert [path.stat().st_mtime_ns for path in images] == before
