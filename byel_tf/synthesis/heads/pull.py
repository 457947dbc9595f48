"""What a movement does to the skin where a head's own data have nothing for it."""

import dataclasses

BOTH, UPPER_LIP, LOWER_LIP = "both", "upper", "lower"


@dataclasses.dataclass(frozen=True)
class Pull:
    """A patch of skin that moves.

    Attributes:
        centre: Its middle seen from the front, x and y, cm.
        radii: Where the movement falls to 1/e, cm.
        way: The movement of the middle, cm.
        lip: Which side of the mouth's opening it moves.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    way: tuple[float, float, float]
    lip: str = BOTH
