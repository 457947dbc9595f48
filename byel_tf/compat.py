"""The one file that knows which Keras and which add-ons are installed.

TensorFlow up to 2.15 carries Keras 2 itself; from 2.16 on `tf.keras` is Keras 3,
whose `fit` does not run under MultiWorkerMirroredStrategy, and Keras 2 lives on as
the package tf-keras. Both speak the same API: `from byel_tf.compat import keras`.
"""

import contextlib
import os
import platform
import sys
import types
import warnings
from collections.abc import Iterator

from byel_tf.cache_folders import provide_folder
from byel_tf.errors import UsageError

_ARE_REMARKS_WANTED = "TF_CPP_MIN_LOG_LEVEL" in os.environ
if not _ARE_REMARKS_WANTED:
    # Where a worker is lost, all others' parts of TensorFlow say so, at great length.
    _is_one_of_several = {"TF_CONFIG", "SLURM_STEP_NODELIST"} & set(os.environ)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3" if _is_one_of_several else "2"


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keeps the native libraries' remarks off the screen.

    Those at import come before any log level is read, and would stand above every error
    line. Whoever sets TF_CPP_MIN_LOG_LEVEL sees them.
    """
    if _ARE_REMARKS_WANTED:
        yield
        return
    try:
        kept = os.dup(2)
    except OSError:  # a process started without standard error
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


# Without a home, Keras makes a folder that is called ~ in the present one.
if os.path.expanduser("~") == "~":
    provide_folder("KERAS_HOME", "~")

# On x86 TensorFlow takes oneDNN's kernels by itself only where there is AVX-512's VNNI
# or AMX; with AVX2 alone a training step takes 3.5 times as long without them.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# So that several programs share a GPU; read when the first of its memory is taken.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

with without_remarks():
    import tensorflow as tf

    # The remarks on missing drivers come with the first look at devices.
    tf.config.list_physical_devices()

tf.get_logger().setLevel("ERROR")

if tuple(int(part) for part in tf.__version__.split(".")[:2]) < (2, 16):
    from keras.src.saving.legacy.saved_model import utils as _saving
    from tensorflow import keras  # noqa: F401
else:
    import tf_keras as keras  # noqa: F401
    from tf_keras.src.saving.legacy.saved_model import utils as _saving


def without_layer_functions() -> contextlib.AbstractContextManager[None]:
    """Where `tf.saved_model.save` stores of Keras layers no more than variables.

    By default it traces and stores every layer's call, in training and without, so that
    Keras could build the model again: most of the time, and of the graph.
    """
    return _saving.keras_option_scope(save_traces=False)


def tensorflow_addons() -> types.ModuleType:
    """Imports tensorflow-addons, or says why that cannot work here.

    Raises:
      UsageError: If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its end-of-life notice, on every import
            import tensorflow_addons
    except ImportError as error:
        raise UsageError(
            "tensorflow-addons is not installed, and exists only for Python 3.11 or "
            "older on x86-64 Linux and macOS (this is Python "
            f"{sys.version_info.major}.{sys.version_info.minor}): choose another "
            "optimizer"
        ) from error
    return tensorflow_addons
