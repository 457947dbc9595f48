"""Predictions as tables: what columns they have, and the files they are written to."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from typing import IO, Protocol

import numpy as np
import pandas as pd

from byel_tf.csv_cells import neutral
from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError
from byel_tf.prediction.reading import Reading

_BOUNDS = ("left", "top", "right", "bottom")
_WHOLE_NUMBERS = ("faces", "face", *_BOUNDS)
#: All columns but those of the classes.
COLUMNS = (
    *("path", "label", "confidence", "time", *_WHOLE_NUMBERS),
    *("representation", "error"),
)
# Rows of a Parquet file that are compressed together, about.
_ROW_GROUP = 8192
_NO_PREDICTION = -1


class Writer(Protocol):
    """Writes tables one below the other."""

    def write(self, table: pd.DataFrame) -> None:
        """Writes a table, as `prediction_table` makes them."""

    def close(self) -> None:
        """Writes what is left."""


def prediction_table(
    readings: Sequence[Reading],
    errors: Sequence[str | None],
    outputs: dict[str, np.ndarray],
    classes: Sequence[str],
    action_units: Sequence[str] = (),
) -> pd.DataFrame:
    """A table of N predictions.

    Args:
      readings: What was read.
      errors: Why there is no prediction, None where there is one.
      outputs: probabilities (N, K), label (N,), and where wanted representation (N, R)
        and action_units (N, U).
      classes: Names of the K classes.
      action_units: Names of the U action units, where they are wanted.

    Returns:
      path, label, the probability of each class, confidence (the label's), the
      frame's time, what is known of faces, the intensity of each action unit and the
      representation as a list if wanted, error. Without prediction label,
      probabilities, confidence, intensities and representation are empty.
    """
    failed = np.array([error is not None for error in errors])
    probabilities = np.where(failed[:, None], np.nan, outputs["probabilities"])
    probabilities = probabilities.astype(np.float32)
    labels = [
        None if is_failed else label.decode()
        for label, is_failed in zip(outputs["label"], failed, strict=True)
    ]
    # Bytes of a name that are not UTF-8 are written as \udcXX.
    paths = [r.name.encode(errors="backslashreplace").decode() for r in readings]
    columns = {
        "path": pd.Series(paths, dtype=object),
        "label": pd.Series(labels, dtype=object),
        **{name: probabilities[:, k] for k, name in enumerate(classes)},
        "confidence": probabilities.max(axis=1),
        "time": np.array([r.time for r in readings], np.float64),
        "faces": _whole(r.faces for r in readings),
        "face": _whole(r.face for r in readings),
    }
    for place, name in enumerate(_BOUNDS):
        columns[name] = _whole(r.bounds and round(r.bounds[place]) for r in readings)
    for place, name in enumerate(action_units):
        intensities = outputs["action_units"][:, place]
        columns[name] = np.where(failed, np.nan, intensities).astype(np.float32)
    if "representation" in outputs:
        vectors = [
            None if is_failed else vector
            for vector, is_failed in zip(
                outputs["representation"].tolist(), failed, strict=True
            )
        ]
        columns["representation"] = pd.Series(vectors, dtype=object)
    columns["error"] = pd.Series(errors, dtype=object)
    return pd.DataFrame(columns)


def _whole(numbers: Iterable[int | None]) -> pd.Series:
    return pd.Series(list(numbers), dtype="Int32")


def require_columns(names: Sequence[str]) -> None:
    """Refuses a model with a class that is named as another column.

    Args:
      names: Of the columns that a model adds: classes, then action units.

    Raises:
      RunError: If there is one.
    """
    for name in names:
        if name in COLUMNS or list(names).count(name) > 1:
            raise RunError(
                f"the model has a class '{name}', which is the name of a column of "
                "the output as well: export it with another class name"
            )


class CsvWriter:
    """CSV with a header; a representation is a JSON list.

    Texts that a spreadsheet would run get an apostrophe in front
    (`byel_tf.csv_cells`).
    """

    def __init__(self, stream: IO[bytes], names: Sequence[str]):
        """Begins.

        Args:
          stream: What is written to.
          names: The model's classes, and action units where wanted.
        """
        require_columns(names)
        self._stream = stream
        self._header = True

    def write(self, table: pd.DataFrame) -> None:
        """As `Writer`."""
        if "representation" in table:
            lists = table["representation"].map(_json_list, na_action="ignore")
            table = table.assign(representation=lists)
        table = _neutral(table.rename(columns=neutral), ("path", "label", "error"))
        # All texts quoted: csv leaves a lone carriage return bare before Python 3.13.
        text = table.to_csv(
            index=False,
            header=self._header,
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,
        )
        self._header = False
        self._stream.write(text.encode())
        self._stream.flush()

    def close(self) -> None:
        """As `Writer`."""


def _neutral(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The table with texts in it that no spreadsheet runs."""
    cells = {name: table[name].map(neutral, na_action="ignore") for name in columns}
    return table.assign(**cells)


def _json_list(vector: list[float]) -> str:
    return json.dumps([float(text) for text in np.float32(vector).astype(str)])


class JsonLinesWriter:
    """A JSON object a line; what is empty is null."""

    def __init__(self, stream: IO[bytes], names: Sequence[str]):
        """Begins, as `CsvWriter`."""
        require_columns(names)
        self._stream = stream

    def write(self, table: pd.DataFrame) -> None:
        """As `Writer`."""
        # float32 needs 9 digits; they are counted from the point.
        text = table.to_json(
            orient="records", lines=True, double_precision=15, force_ascii=False
        )
        self._stream.write(text.encode())
        self._stream.flush()

    def close(self) -> None:
        """As `Writer`."""


class ParquetWriter:
    """Parquet, in groups of some thousand rows."""

    def __init__(self, stream: IO[bytes], names: Sequence[str]):
        """Begins, as `CsvWriter`."""
        import pyarrow.parquet

        require_columns(names)
        self._arrow = pyarrow
        self._stream = stream
        self._writer = None
        self._tables: list[pd.DataFrame] = []
        self._rows = 0

    def write(self, table: pd.DataFrame) -> None:
        """As `Writer`."""
        self._tables.append(table)
        self._rows += len(table)
        if self._rows >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """As `Writer`."""
        if self._tables:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        rows = pd.concat(self._tables, ignore_index=True)
        self._tables, self._rows = [], 0
        schema = self._schema(rows.columns)
        table = self._arrow.Table.from_pandas(rows, schema, preserve_index=False)
        if self._writer is None:
            self._writer = self._arrow.parquet.ParquetWriter(self._stream, schema)
        self._writer.write_table(table)

    def _schema(self, columns: Sequence[str]):
        arrow = self._arrow
        kinds = dict.fromkeys(("path", "label", "error"), arrow.string())
        kinds.update(dict.fromkeys(_WHOLE_NUMBERS, arrow.int32()))
        kinds["time"] = arrow.float64()
        kinds["representation"] = arrow.list_(arrow.float32())
        return arrow.schema(
            [(name, kinds.get(name, arrow.float32())) for name in columns]
        )


class LsdWriter:
    """Submission to the Learning from Synthetic Data challenge of the 4th ABAW.

    The header `image,expression`, and for every image its name without folders and
    the number of the most probable of the six expressions; -1 without prediction, as
    in the data set's own lists. (Public code that wrote submissions:
    github.com/sylyoung/ABAW4-HUST-ANT LSD/ensemble_pred.py.)
    """

    def __init__(self, stream: IO[bytes], classes: Sequence[str]):
        """Begins.

        Args:
          stream: What is written to.
          classes: The model's classes, which are matched by name.

        Raises:
          RunError: If one of the six expressions is not among them.
        """
        found = {ClassNames(DEFAULT_CLASSES).index(name): name for name in classes}
        missing = [
            name for k, name in enumerate(DEFAULT_CLASSES) if found.get(k) is None
        ]
        if missing:
            raise RunError(
                f"--format=lsd needs a model of {', '.join(DEFAULT_CLASSES)}; this "
                f"one has no {', '.join(missing)} (it has {', '.join(classes)})"
            )
        self._columns = [found[k] for k in range(len(DEFAULT_CLASSES))]
        self._stream = stream
        self._stream.write(b"image,expression\n")

    def write(self, table: pd.DataFrame) -> None:
        """As `Writer`."""
        probabilities = table[self._columns].to_numpy()
        numbers = np.nan_to_num(probabilities).argmax(axis=1)
        numbers[table["error"].notna()] = _NO_PREDICTION
        rows = pd.DataFrame(
            {"image": table["path"].str.rpartition("/")[2], "expression": numbers}
        )
        rows = _neutral(rows, ("image",))
        text = rows.to_csv(index=False, header=False, lineterminator="\n")
        self._stream.write(text.encode())
        self._stream.flush()

    def close(self) -> None:
        """As `Writer`."""


WRITERS = {
    "csv": CsvWriter,
    "parquet": ParquetWriter,
    "jsonl": JsonLinesWriter,
    "lsd": LsdWriter,
}
