"""Command-line programs."""

import importlib.util
import sys

# What would otherwise be a stack trace. In the words of old Pythons as well.
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit(
        "byel_tf runs on Python 3.10 to 3.13, for which there are the releases of "
        "TensorFlow that it works with; this is Python {}.{} ({})".format(
            *sys.version_info[:2], sys.executable
        )
    )
if importlib.util.find_spec("absl") is None:
    raise SystemExit(
        f"this Python ({sys.executable}) has not the packages that byel_tf needs: use "
        "that of the environment they were installed in, or install them with pip "
        "install -r requirements.txt"
    )
