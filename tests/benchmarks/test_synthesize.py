import json

import pytest

from benchmarks.synthesize import main
from byel_tf.errors import UsageError


def test_times_every_size(tmp_path, capsys):
    output = tmp_path / "times.json"
    main(["synthesize", f"--output={output}", "--count=6"])
    result = json.loads(output.read_text())
    assert set(result["milliseconds"]) == {"64 px grey", "64 px RGB", "112 px RGB"}
    assert min(result["milliseconds"].values()) > 0
    assert result["memory_mb"]["last"] >= result["memory_mb"]["first"] > 0
    assert "112 px RGB" in capsys.readouterr().out


def test_comparison_needs_the_same_head(tmp_path):
    with pytest.raises(UsageError, match="--head=built-in: --prototype needs"):
        main(["synthesize", f"--output={tmp_path}/t.json", f"--prototype={tmp_path}"])
