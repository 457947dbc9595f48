"""Models that come with the package, found by name where a model's path is asked for.

Each is a folder here, an export as `byel export --weights=float16` writes it. How they
are made again is said by their flagfiles and in docs/predict.md.
"""

import pathlib

from byel_tf.errors import RunError

#: Names of the models.
NAMES = ("people", "people7")

_FOLDER = pathlib.Path(__file__).resolve().parent
# What every export has.
_MARK = "saved_model.pb"


def pretrained_folder(name: str) -> pathlib.Path:
    """The export of a model that comes with the package.

    Args:
      name: One of `NAMES`.

    Raises:
      RunError: If this copy of the package came without it.
    """
    folder = _FOLDER / name
    if not (folder / _MARK).is_file():
        raise RunError(
            f"the model {name} did not come with this copy of byel_tf ({folder} holds "
            f"no export): install a release, or train it by flags/{name}.cfg and give "
            "its run's folder"
        )
    return folder


def is_pretrained(folder: pathlib.Path) -> bool:
    """Whether a folder is that of a model which comes with the package."""
    return folder.resolve().parent == _FOLDER
