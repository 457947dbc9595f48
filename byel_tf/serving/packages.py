"""The optional packages that convert, and that run what was converted."""

import importlib
import types

from byel_tf.errors import UsageError

REQUIREMENTS_FILE = "requirements-export.txt"


def import_package(module: str, package: str) -> types.ModuleType:
    """Imports an optional module.

    Args:
      module: Its name.
      package: The package that has it.

    Raises:
      UsageError: If it is not installed, or does not work with what is.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, AttributeError) as error:
        # A release that misses a name of another package's raises AttributeError.
        reason = " ".join(str(error).split())
        raise UsageError(
            f"the package {package} is needed and cannot be imported ({reason}): "
            f"pip install -r {REQUIREMENTS_FILE}"
        ) from error
