"""The report of an evaluation: what it says, and its pictures."""

import os

from byel_tf.cache_folders import provide_folder

# Here, before any module of it imports matplotlib, which would complain.
provide_folder(
    "MPLCONFIGDIR",
    os.environ.get("XDG_CONFIG_HOME") or "~/.config",
    os.environ.get("XDG_CACHE_HOME") or "~/.cache",
)
