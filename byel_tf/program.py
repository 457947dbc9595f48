"""A program's main with its exit codes, its signals and one line for each failure."""

import contextlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from byel_tf.errors import RunError, UsageError, WorkerLost
from byel_tf.flagging import one_line, program_name


def run_program(
    main: Callable[[Sequence[str]], None],
    argv: Sequence[str],
    interrupted: int = 130,
) -> int:
    """Runs a program's main; what a user caused is one line, not a stack trace.

    Args:
      main: Takes the command line; raises UsageError or RunError.
      argv: The command line, the program's name first.
      interrupted: The exit code when it is told to end.

    Returns:
      The exit code: 0, 1 for a failure, 2 for wrong usage, or `interrupted`.
    """
    program = program_name(argv[0])
    if importlib.util.find_spec("tf_keras"):
        # TensorFlow's import otherwise loads Keras 3, which no program needs: 2 s.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def say(message: str) -> None:
        print(f"{program}: {one_line(message)}", file=sys.stderr)

    try:
        with _interrupted_by_signals():
            main(argv)
    except UsageError as error:
        say(str(error))
        return 2
    except WorkerLost as error:
        say(str(error))
        return interrupted
    except RunError as error:
        say(str(error))
        return 1
    except OSError as error:  # a full disk, a folder without permission
        where = "" if error.filename is None else f"{error.filename}: "
        say(f"{where}{error.strerror or error}")
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("byel_tf"):
            raise
        say(
            f"{error.name} is not installed for this Python ({sys.executable}): pip "
            "install -r requirements.txt"
        )
        return 1
    except MemoryError as error:
        say(f"not enough memory: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return interrupted
    return 0


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Within it, being told to end, or losing the terminal, is as Ctrl-C.

    Otherwise what is half-written would be left behind.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            # What is ignored, as under nohup, stays so.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
