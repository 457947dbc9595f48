"""Whether a converted model says what the SavedModel says, on real images."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from byel_tf.data.record import UNLABELLED
from byel_tf.errors import RunError

#: Greatest difference of a probability, for what computes in float32.
SAVED_MODEL_LIMIT = 1e-5
FLOAT_LIMIT = 1e-4
#: Greatest difference of an action unit's intensity, for what computes in float32.
UNIT_LIMIT = 1e-3
#: Greatest difference of the macro F1, for int8.
MACRO_F1_LIMIT = 0.01
#: Greatest difference of a probability, for weights in half precision.
HALF_LIMIT = 5e-3
#: Greatest difference of an action unit's intensity, for weights in half precision.
HALF_UNIT_LIMIT = 2e-2

_BATCH_SIZE = 64


@dataclasses.dataclass(frozen=True)
class CheckImages:
    """Images that the SavedModel has classified.

    Attributes:
      names: What errors call each, as "fer2013: happy/12.png".
      pixels: (N, S, S, 3), uint8, RGB.
      labels: Class indices, (N,); `UNLABELLED` where not known.
      probabilities: The SavedModel's, (N, K).
    """

    names: Sequence[str]
    pixels: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


def run_batches(
    model: Callable[[np.ndarray], Mapping[str, np.ndarray]], pixels: np.ndarray
) -> np.ndarray:
    """A model's probabilities, (N, K).

    Args:
      model: Takes images (B, S, S, 3), uint8.
      pixels: (N, S, S, 3), uint8.
    """

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(pixels), _BATCH_SIZE):
            yield model(pixels[start : start + _BATCH_SIZE])["probabilities"]

    return np.concatenate(list(batches()))


def require_equal(
    format_name: str,
    probabilities: np.ndarray,
    expected: np.ndarray,
    names: Sequence[str],
    limit: float,
    reference: str = "the SavedModel",
) -> dict[str, float | int]:
    """Refuses probabilities that differ, or another label.

    Where the expected probabilities of two labels are exactly equal, either is right.

    Args:
      format_name: What was converted to, for the error.
      probabilities: (N, K).
      expected: (N, K).
      names: What the error calls each image.
      limit: Greatest difference allowed.
      reference: What gave the expected ones, for the error.

    Returns:
      Numbers for the record: images, greatest difference, ties.

    Raises:
      RunError: With the image that differs most.
    """
    difference = _require_within(
        format_name, probabilities, expected, names, limit, reference
    )
    rows = np.arange(len(expected))
    labels, right = probabilities.argmax(axis=1), expected.argmax(axis=1)
    differs = labels != right
    ties = differs & (expected[rows, labels] == expected[rows, right])
    wrong = np.flatnonzero(differs & ~ties)
    if len(wrong):
        raise RunError(
            f"{format_name} is not written: it labels {len(wrong)} of {len(expected)} "
            f"images otherwise than {reference} ({names[wrong[0]]})"
        )
    return {
        "images": len(expected),
        "max_probability_difference": difference,
        "limit": limit,
        "labels_that_differ": 0,
        "exact_ties": int(ties.sum()),
    }


def require_close(
    format_name: str,
    probabilities: np.ndarray,
    expected: np.ndarray,
    names: Sequence[str],
    limit: float,
) -> dict[str, float | int]:
    """Refuses probabilities that differ; labels may where two are as good as equal.

    Args:
      format_name: As of `require_equal`, as are the others.
      probabilities: (N, K).
      expected: (N, K).
      names: What the error calls each image.
      limit: Greatest difference allowed.

    Returns:
      Numbers for the record: images, greatest difference, labels that differ.

    Raises:
      RunError: With the image that differs most.
    """
    difference = _require_within(
        format_name, probabilities, expected, names, limit, "the SavedModel"
    )
    differs = probabilities.argmax(axis=1) != expected.argmax(axis=1)
    return {
        "images": len(expected),
        "max_probability_difference": difference,
        "limit": limit,
        "labels_that_differ": int(differs.sum()),
    }


def _require_within(
    format_name: str,
    probabilities: np.ndarray,
    expected: np.ndarray,
    names: Sequence[str],
    limit: float,
    reference: str,
) -> float:
    """The greatest difference of a probability.

    Raises:
      RunError: If it is more than the limit, with the image.
    """
    # A NaN has no right to pass.
    differences = np.nan_to_num(np.abs(probabilities - expected), nan=np.inf).max(
        axis=1
    )
    worst = int(differences.argmax())
    if differences[worst] > limit:
        raise RunError(
            f"{format_name} is not written: its probabilities differ from those of "
            f"{reference} by up to {differences[worst]:.2g} ({names[worst]}), "
            f"{limit:g} is allowed"
        )
    return float(differences[worst])


def require_equal_action_units(
    format_name: str,
    intensities: np.ndarray,
    expected: np.ndarray,
    limit: float = UNIT_LIMIT,
) -> float:
    """Refuses intensities of action units that differ.

    Args:
      format_name: What was converted to, for the error.
      intensities: (N, U).
      expected: The SavedModel's, (N, U).
      limit: Greatest difference allowed.

    Returns:
      The greatest difference.

    Raises:
      RunError: If one differs.
    """
    difference = np.nan_to_num(np.abs(intensities - expected), nan=np.inf).max()
    if difference > limit:
        raise RunError(
            f"{format_name} is not written: its action units differ from those of the "
            f"SavedModel by up to {difference:.2g}, {limit:g} is allowed"
        )
    return float(difference)


def require_equal_macro_f1(
    format_name: str, probabilities: np.ndarray, images: CheckImages
) -> dict[str, float | int]:
    """Refuses a macro F1 that differs by more than `MACRO_F1_LIMIT`.

    Args:
      format_name: What was converted to, for the error.
      probabilities: The converted model's, (N, K).
      images: The images, some of them with labels.

    Returns:
      Numbers for the record.

    Raises:
      RunError: If it differs, or nothing has a label.
    """
    from sklearn.metrics import f1_score  # a second that loading an export saves

    labelled = images.labels != UNLABELLED
    if not labelled.any():
        raise RunError(
            f"{format_name} is not written: no image of --data has a label to compute "
            "macro F1 from"
        )
    labels = images.labels[labelled]
    predicted = [
        p[labelled].argmax(axis=1) for p in (probabilities, images.probabilities)
    ]
    scores = [
        float(f1_score(labels, p, average="macro", zero_division=0)) for p in predicted
    ]
    difference = scores[0] - scores[1]
    if not np.isfinite(probabilities).all() or abs(difference) > MACRO_F1_LIMIT:
        raise RunError(
            f"{format_name} is not written: its macro F1 is {scores[0]:.4f} on "
            f"{len(labels)} images, the SavedModel's {scores[1]:.4f}; a difference of "
            f"{MACRO_F1_LIMIT:g} is allowed"
        )
    errors = np.abs(probabilities - images.probabilities)
    return {
        "images": len(labels),
        "macro_f1": scores[0],
        "saved_model_macro_f1": scores[1],
        "limit": MACRO_F1_LIMIT,
        "labels_that_differ": int((predicted[0] != predicted[1]).sum()),
        "max_probability_difference": float(errors.max()),
        "mean_probability_difference": float(errors.mean()),
    }
