"""JSON files that others may have changed, read as far as they are as expected."""

import json
import os
import pathlib
from typing import Any

#: A type, or a union of types; a tuple of shapes, of which one has to fit; a list of
#: one shape, that of each entry of an array; an object's shapes by name, or by `str`
#: that of all its entries.
Shape = Any


def read_object(path: str | os.PathLike, shape: dict) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
      path: The file.
      shape: That of the object.

    Returns:
      The object; empty where there is none that can be read, or it has another shape.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if has_shape(content, shape) else {}


def has_shape(value: Any, shape: Shape) -> bool:
    """Whether a value has a shape; an entry that an object lacks has any."""
    if isinstance(shape, tuple):
        return any(has_shape(value, one) for one in shape)
    if isinstance(shape, list):
        (of_entry,) = shape
        return isinstance(value, list) and all(has_shape(v, of_entry) for v in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            has_shape(entry, shape.get(name, shape.get(str, object)))
            for name, entry in value.items()
        )
    return isinstance(value, shape)
