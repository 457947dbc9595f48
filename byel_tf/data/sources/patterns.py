"""Regular expressions by which users find a class or a person in a name."""

from __future__ import annotations

import re

from byel_tf.errors import UsageError


class NamePattern:
    """A regular expression whose group is what is looked for.

    Attributes:
      mismatch: Why a name without the pattern is rejected.
    """

    def __init__(self, flag: str, pattern: str, group: str) -> None:
        """Compiles the pattern.

        Args:
          flag: Name of the flag that gave it, for messages.
          pattern: The regular expression; it is searched for, not matched whole.
          group: Name of the group that counts; without one so named, the only group.

        Raises:
          UsageError: If it cannot be compiled, or it is not clear which group counts.
        """
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            raise UsageError(
                f"--{flag}={pattern}: no regular expression: {error}"
            ) from error
        self._group: str | int = group
        if group not in self._pattern.groupindex:
            if self._pattern.groups != 1:
                raise UsageError(
                    f"--{flag}={pattern}: mark the {group} by one group, as in "
                    f"(\\w+)_, or by a group named (?P<{group}>…); received "
                    f"{self._pattern.groups} groups"
                )
            self._group = 1
        self.mismatch = f"name does not match --{flag}"

    def span(self, name: str) -> tuple[int, int]:
        """Where in a name `find` found what it found."""
        found = self._pattern.search(name)
        return found.span(self._group) if found else (0, 0)

    def find(self, name: str) -> str | None:
        """What the group matches in a name, or None where it matches nothing."""
        found = self._pattern.search(name)
        return (found.group(self._group) or None) if found else None
