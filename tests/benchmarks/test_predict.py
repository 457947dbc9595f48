import json
import sys

import pytest
import tensorflow as tf

from benchmarks.predict import main
from byel_tf.serving.export import ServingModule, export_saved_model


class Mean(tf.Module):
    """A classifier by brightness."""

    def __call__(self, images, training):
        del training
        mean = tf.reduce_mean(images, axis=(1, 2, 3))[:, None]
        return mean, tf.concat([mean, 0.5 - mean], axis=1)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_ratio_and_memory(tmp_path, capsys):
    export = tmp_path / "export" / "1"
    module = ServingModule(Mean(), ("dark", "bright"), 8)
    export_saved_model(export, module, {"classes": ["dark", "bright"]})
    command = [
        "predict",
        f"--model={export}",
        f"--output={tmp_path / 'result.json'}",
        f"--folder={tmp_path / 'images'}",
        "--counts=30",
        "--compared=30",
        "--size=16",
        "--workers=1",
        "--repeats=2",
    ]
    main(command)
    result = json.loads((tmp_path / "result.json").read_text())
    comparison = result["comparison"]
    assert len(comparison["model_seconds"]) == len(comparison["files_seconds"]) == 2
    assert comparison["ratio"] > 0
    assert comparison["processor_time_ratio"] > 0
    assert 100 < result["runs"]["30"]["peak_memory_mb"] < 5000
    assert result["runs"]["30"]["seconds"] > 0
    out = capsys.readouterr().out
    assert "30 images: the model alone" in out
    assert "start included; at most" in out
