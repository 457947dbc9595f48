import pathlib
import platform
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
MODULES = (
    "byel_tf",
    "byel_tf.config",
    "byel_tf.flagging",
    "byel_tf.data.manifest",
    "byel_tf.data.prepare",
    "byel_tf.data.prepared_dataset",
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
)
# Each is imported as the first one of the project, in one process to save time.
CODE = """
import importlib, sys
for module in sys.argv[1:]:
    for name in [n for n in sys.modules if n.partition(".")[0] == "byel_tf"]:
        del sys.modules[name]
    importlib.import_module(module)
    for name in ("tensorflow", "tf_keras", "keras"):
        if name in sys.modules:
            sys.exit(f"{module} imports {name}")
"""


def test_tensorflow_is_not_imported():
    done = subprocess.run(
        [sys.executable, "-c", CODE, *MODULES],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# Keras 3 comes with TensorFlow where Keras 2 is a package of its own.
FIRST_STEP = """
import importlib.util, os, sys
os.environ.pop("TF_USE_LEGACY_KERAS", None)  # of these tests
from byel_tf.program import run_program

def main(argv):
    import byel_tf.training.run
    late = ["matplotlib", "sklearn"]
    late += ["keras"] if importlib.util.find_spec("tf_keras") else []
    print("loaded:", [name for name in late if name in sys.modules])

sys.exit(run_program(main, ["program"]))
"""


def test_a_first_step_waits_for_no_library_that_it_does_not_need():
    command = [sys.executable, "-c", FIRST_STEP]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "loaded: []\n"


ONEDNN = """
from byel_tf.compat import keras
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled())
"""


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="it is x86's library"
)
@pytest.mark.parametrize(("given", "used"), [(None, "True\n"), ("0", "False\n")])
def test_convolutions_are_those_of_onednn_on_every_x86(monkeypatch, given, used):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if given:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    command = [sys.executable, "-c", ONEDNN]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, used), done.stderr
