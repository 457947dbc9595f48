import json

import pytest

from benchmarks import convolutions
from byel_tf.errors import RunError

TINY = ["--batch_size=4", "--size=8", "--channels=8", "--rounds=2", "--calls=1"]


def test_all_ways_are_timed(tmp_path, capsys):
    output = tmp_path / "r.json"
    flags = [f"--output={output}", "--precision=float32", *TINY]
    convolutions.main(["convolutions", *flags])
    found = json.loads(output.read_text())["convolutions"]
    assert len(found) == 10
    assert found[0]["convolution"] == "3×3, 8 → 8 px, 8 → 8"
    assert found[1]["convolution"] == "3×3, 8 → 4 px, 8 → 16"
    for one in found:
        assert len(one["processor_milliseconds"]) == 4
    assert "exchanged" in capsys.readouterr().out


def test_a_wrong_gradient_is_found(tmp_path, monkeypatch):
    def wrong(*arguments):
        return 1.5 * convolutions._by_kernel(*arguments)

    monkeypatch.setattr(convolutions, "_by_products", wrong)
    flags = [f"--output={tmp_path / 'r.json'}", "--precision=float32", *TINY]
    with pytest.raises(RunError, match="'products'"):
        convolutions.main(["convolutions", *flags])
