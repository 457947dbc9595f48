"""Waiting for other machines without going deaf."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_SECONDS_BETWEEN_LOOKS = 0.2


def patiently(wait: Callable[[], T]) -> T:
    """What a function returns, which may wait long within TensorFlow.

    It runs in a thread of its own: the main thread goes on hearing signals, which
    Python tells it between two of its own steps only.
    """
    found: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            found.append((wait(), None))
        except BaseException as error:  # raised again below, where it is waited for
            found.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_SECONDS_BETWEEN_LOOKS)
    result, error = found[0]
    if error is not None:
        raise error
    return result
