"""Rows of Parquet tables, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from byel_tf.errors import RunError

_MAGIC = b"PAR1"
_BATCH = 1024


def is_parquet(path: str) -> bool:
    """Whether a file is a Parquet table, by its first bytes.

    Raises:
      OSError: If it cannot be read.
    """
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_rows(path: str) -> Iterator[list[str]]:
    """The names of the columns, then every row; what is missing is empty.

    Columns of what is no text, number or truth value, as pictures, are empty.

    Args:
      path: The file.

    Raises:
      RunError: If it cannot be read.
    """
    import pyarrow  # a second, which other tables need not wait for
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            yield list(schema.names)
            readable = [name for name in schema.names if _is_plain(schema, name)]
            places = [schema.names.index(name) for name in readable]
            for batch in file.iter_batches(_BATCH, columns=readable):
                columns = [_texts(batch.column(name)) for name in readable]
                for values in zip(*columns, strict=True):
                    row = [""] * len(schema.names)
                    for place, value in zip(places, values, strict=True):
                        row[place] = value
                    yield row
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path} is no whole Parquet table: {reason}") from error


def unreadable_columns(path: str) -> list[str]:
    """Columns that hold what no text can be, as the pictures of `datasets`.

    Raises:
      RunError: If it cannot be read.
    """
    schema = _schema(path)
    return [name for name in schema.names if not _is_plain(schema, name)]


def class_names(path: str, column: str) -> list[str]:
    """What a column's numbers from 0 mean, where the package datasets has noted it.

    It is in the schema's metadata, by the key `huggingface`: `{"info": {"features":
    {"label": {"names": […], "_type": "ClassLabel"}}}}` (`datasets.features.Features.
    arrow_schema`).

    Raises:
      RunError: If the file cannot be read.
    """
    noted = (_schema(path).metadata or {}).get(b"huggingface")
    try:
        names = json.loads(noted)["info"]["features"][column]["names"]
    except (TypeError, ValueError, LookupError):
        return []
    is_list = isinstance(names, list) and all(isinstance(n, str) for n in names)
    return names if is_list else []


def _schema(path: str):
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_schema(path)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path} is no whole Parquet table: {reason}") from error


def _is_plain(schema, name: str) -> bool:
    import pyarrow.types as types

    kind = schema.field(schema.names.index(name)).type
    if types.is_dictionary(kind):
        kind = kind.value_type
    return any(
        is_kind(kind)
        for is_kind in (
            types.is_string,
            types.is_large_string,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_null,
        )
    )


def _texts(column) -> list[str]:
    return ["" if value is None else str(value) for value in column.to_pylist()]
