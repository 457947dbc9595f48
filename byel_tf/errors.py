"""What a user can cause, told in one line."""


class UsageError(Exception):
    """A flag or argument that cannot be meant; programs exit with code 2."""


class RunError(Exception):
    """An input or a run that failed; programs exit with code 1."""


class WorkerLost(RunError):
    """Another worker of a run has ended; the same commands continue, with code 75."""
