"""Who is shown by each record of a split."""

import numpy as np

from byel_tf.data.records import SplitRecords


def persons_and_labels(records: SplitRecords) -> tuple[np.ndarray, np.ndarray]:
    """The person and the label of each record, which are read whole for it.

    Args:
      records: Those of a split.

    Returns:
      Names of persons, (count,), of which an image of nobody known has one of its own;
      labels, (count,), int64.

    Raises:
      RunError: If a file is missing or broken.
    """
    persons, labels = [], []
    for position in range(len(records)):
        record = records.parse(position)
        persons.append(record.subject or f"file {record.filename}")
        labels.append(record.label)
    return np.array(persons), np.array(labels, np.int64)
