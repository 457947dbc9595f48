"""How an evaluation is done."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from byel_tf.evaluation.intervals import DEFAULT_RESAMPLES
from byel_tf.progress import progress

#: Most images of a split that probes, temperature and domain gap learn from.
DEFAULT_PROBE_IMAGES = 20_000


@dataclasses.dataclass(frozen=True)
class Settings:
    """How an evaluation is done.

    Attributes:
      split: The split that is scored.
      batch_size: Images at a time.
      probe_images: Most images of a split that probes, temperature and domain gap
        learn from.
      resamples: Number of resamples for the intervals.
      seed: Decides what is drawn.
      classes: The only ones that count; none for all that a data set has.
    """

    split: str = "test"
    batch_size: int = 256
    probe_images: int = DEFAULT_PROBE_IMAGES
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 1
    classes: tuple[str, ...] = ()


@contextlib.contextmanager
def bar(count: int, what: str) -> Iterator[Callable[[int], object]]:
    """Shows how far predictions are.

    Args:
      count: Images to predict.
      what: Of what.

    Yields:
      A function that takes the number of images done.
    """
    with progress(count, "image", what) as shown:
        yield shown.update
