"""Tasks and results as JSON: what lies in a folder that others can write to is data.

Nothing that is read can run code, as unpickling would: dataclasses are made by their
names in a fixed list.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.manifest import Shard
from byel_tf.data.preparation.convert import Conversion, Finding
from byel_tf.data.preparation.shards import ChangedFile, ShardTask
from byel_tf.data.sources.item import Item
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box

_CLASSES = {
    one.__name__: one
    for one in (Box, Conversion, Finding, ImageLimits, Item, Shard, ShardTask)
}
_ERRORS = {one.__name__: one for one in (ChangedFile, RunError, OSError)}


def encode(value: Any) -> str:
    """A line of text for a task, a result, or what went wrong.

    Raises:
      TypeError: If it is of another kind.
    """
    return json.dumps(_to_json(value), ensure_ascii=True)


def decode(line: str | bytes) -> Any:
    """What `encode` wrote.

    Raises:
      RunError: If it is no such line.
    """
    try:
        return _from_json(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            "the staging folder holds what this program did not write: give another "
            "as --beam_staging"
        ) from error


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_to_json(one) for one in value]}
    if isinstance(value, OSError):
        return {"OSError": [value.errno, value.strerror or str(value)]}
    if type(value).__name__ in _ERRORS:
        return {type(value).__name__: [str(value)]}
    if _CLASSES.get(type(value).__name__) is type(value):
        fields = dataclasses.fields(value)
        found = {one.name: _to_json(getattr(value, one.name)) for one in fields}
        return {type(value).__name__: found}
    raise TypeError(f"{type(value).__name__} cannot be exchanged")


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind in ("list", "tuple"):
        made = [_from_json(one) for one in content]
        return made if kind == "list" else tuple(made)
    if kind in _ERRORS:
        return _ERRORS[kind](*content)
    return _CLASSES[kind](**{key: _from_json(one) for key, one in content.items()})
