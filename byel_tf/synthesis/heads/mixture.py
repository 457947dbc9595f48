"""Several heads in one data set, each for a share of the persons."""

from __future__ import annotations

import dataclasses
import math
import os

from byel_tf.errors import UsageError

# The golden ratio: its multiples spread evenly over a circle, however many there are.
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclasses.dataclass(frozen=True)
class HeadMixture:
    """Heads and their shares.

    Attributes:
        names: Of the heads, as for `load_head`; each once.
        shares: Of the persons, above 0; what counts is their proportion.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> HeadMixture:
        """Reads `ict-facekit:2,makehuman:1`, or one head's name.

        Args:
            text: Names with shares behind colons, 1 where there is none. A folder that
                exists is one head, whatever its name.

        Raises:
            UsageError: If a share is not a positive number or a head comes twice.
        """
        if os.path.isdir(os.path.expanduser(text)):
            return cls((text,), (1.0,))
        heads: dict[str, float] = {}
        for part in text.split(","):
            name, separator, share = part.rpartition(":")
            is_path = os.path.isdir(os.path.expanduser(part))
            if not separator or is_path or share[:1] in ("/", "\\"):  # of a drive
                name, share = part, "1"
            wrong = f"--head={text}: "
            try:
                value = float(share)
            except ValueError:
                value = math.nan
            if not 0 < value < math.inf:
                raise UsageError(
                    f"{wrong}the share '{share}' of {name or 'no head'} is not a "
                    "number above 0: give shares as in ict-facekit:2,makehuman:1"
                )
            name = name.strip()
            if name in heads:
                raise UsageError(f"{wrong}{name} is given twice: give each head once")
            if not name and "," in text:
                raise UsageError(
                    f"{wrong}a head's name is missing: give heads as in "
                    "ict-facekit:2,makehuman:1"
                )
            heads[name] = value
        return cls(tuple(heads), tuple(heads.values()))

    def of_person(self, person: int) -> str:
        """The head of person number `person`, the same in every set of this mixture.

        In any row of persons the heads' numbers differ from their shares by few.
        """
        place = (person + 0.5) * _GOLDEN % 1.0 * sum(self.shares)
        for name, share in zip(self.names, self.shares, strict=True):
            place -= share
            if place < 0:
                return name
        return self.names[-1]

    def described(self, names: list[str]) -> str:
        """The mixture in words, with other names for its heads, in their order."""
        if len(names) == 1:
            return names[0]
        pairs = zip(names, self.shares, strict=True)
        return ",".join(f"{name}:{share:g}" for name, share in pairs)
