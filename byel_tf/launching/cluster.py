"""Where the workers of one machine find each other: ports and `TF_CONFIG`."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator, Sequence

from byel_tf.errors import RunError, UsageError

#: Where workers are reached.
HOST = "127.0.0.1"

_LAST_PORT = 65535


def tf_config(ports: Sequence[int], index: int) -> str:
    """What TensorFlow reads of its cluster, and of the worker's place in it.

    Args:
      ports: Of all workers, in their order; on `HOST`.
      index: The worker's, from 0; that of the chief is 0.

    Returns:
      The value of `TF_CONFIG`, JSON.
    """
    workers = [f"{HOST}:{port}" for port in ports]
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


@contextlib.contextmanager
def reserved_ports(count: int, first: int = 0) -> Iterator[list[int]]:
    """Ports on which nothing listens, each another.

    On Linux they are held within it: whoever asks for any free port, or connects from
    one, gets another, while a server that takes an address anew (`SO_REUSEADDR`, as
    TensorFlow's does) can listen there. On other systems such a server could not, and
    the ports are only found.

    Args:
      count: How many.
      first: The first of consecutive ones; 0 for any.

    Yields:
      The ports.

    Raises:
      UsageError: If there are not so many from the first one on.
      RunError: If one is in use.
    """
    if first and first + count - 1 > _LAST_PORT:
        raise UsageError(
            f"--port={first} with {count} workers needs ports up to "
            f"{first + count - 1}, the last one is {_LAST_PORT}: choose a smaller one"
        )
    wanted = range(first, first + count) if first else [0] * count
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(_bound_socket(port)) for port in wanted]
        ports = [bound.getsockname()[1] for bound in sockets]
        if not sys.platform.startswith("linux"):
            held.close()
        yield ports


def _bound_socket(port: int) -> socket.socket:
    """A socket that has a port of all addresses, as TensorFlow's server will.

    Raises:
      RunError: If another has it.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("", port))
    except OSError as error:
        bound.close()
        reason = (error.strerror or str(error)).lower()
        raise RunError(
            f"port {port} cannot be had ({reason}): choose others with --port, or "
            "leave it out for free ones"
        ) from error
    return bound
