import pathlib
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "module",
    [
        "byel_tf",
        "byel_tf.config",
        "byel_tf.flagging",
        "byel_tf.data.manifest",
        "byel_tf.data.prepare",
        "byel_tf.data.verify",
        "byel_tf.data.writer",
        "byel_tf.faces.detector",
        "byel_tf.launching.team",
        "byel_tf.synthesis.dataset",
        "byel_tf.cli.adapt",
        "byel_tf.cli.evaluate",
        "byel_tf.cli.export",
        "byel_tf.cli.inspect",
        "byel_tf.cli.launch",
        "byel_tf.cli.predict",
        "byel_tf.cli.prepare",
        "byel_tf.cli.synthesize",
        "byel_tf.cli.train",
        "train_main",
    ],
)
def test_tensorflow_is_not_imported(module):
    code = (
        f"import sys, {module}\n"
        "print([m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
