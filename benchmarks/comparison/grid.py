"""The arms of `benchmarks.pays`, and what each may cost."""

import dataclasses
from collections.abc import Sequence

from benchmarks.comparison.variants import Variant
from byel_tf.errors import UsageError
from byel_tf.training.cost import encoder_passes

#: What the second picture of a face shows.
PAIRS = ("none", "label", "expression", "neutral")
_STANDARD, _UNITS = ("--standardize_targets",), ("--subtraction=action_units",)
_TWO_PERSONS = ("label", "expression")
#: What learns: the objective and other flags of each, and the pairs that mean something
#: to it.
OBJECTIVES = {
    "supervised": ("supervised", (), ("none", "expression")),
    # Smoothed labels teach no answer that is as sure as its threshold.
    "fixmatch": ("fixmatch", ("--label_smoothing=0",), ("none",)),
    "joint": ("joint", (), PAIRS),
    "byel": ("byel", (), PAIRS),
    "byol": ("byol", (), PAIRS),
    "joint_standard": ("joint", _STANDARD, _TWO_PERSONS),
    "byel_standard": ("byel", _STANDARD, _TWO_PERSONS),
    "byol_standard": ("byol", _STANDARD, _TWO_PERSONS),
    "joint_units": ("joint", _UNITS, ("neutral",)),
    "byel_units": ("byel", _UNITS, ("neutral",)),
}
#: Every arm: what learns, and what its pairs show.
ARMS = tuple(
    f"{objective}-{pairs}"
    for objective, (_, _, known) in OBJECTIVES.items()
    for pairs in known
)
#: What all arms are compared to.
CONTROL = "supervised-none"
# What learns from labels sees both pictures of these pairs.
_SAME_PICTURES = "supervised-expression"


def controls(arm: str) -> tuple[str, ...]:
    """What an arm is compared to: the control, and supervised on its pictures."""
    if arm.endswith("-expression"):
        return CONTROL, _SAME_PICTURES
    return (CONTROL,)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training of the grid, but for its seed.

    Attributes:
      objective: Of `OBJECTIVES`.
      pairs: Of `PAIRS`.
      share: Of the persons that are labelled, in (0, 1].
      budget: Most encoder passes, in supervised epochs over all images.
      pretrain_part: Share of the budget for stage 1, where there is one, in (0, 1).
    """

    objective: str
    pairs: str
    share: float
    budget: int
    pretrain_part: float

    @property
    def arm(self) -> str:
        """What is compared at one share and budget."""
        return f"{self.objective}-{self.pairs}"

    @property
    def name(self) -> str:
        """Name of its variant."""
        return f"{self.arm}-share{self.share:g}-budget{self.budget}"

    def epochs(self) -> dict[str, int]:
        """Epochs of the stages that it has, within the budget."""
        objective, _, _ = OBJECTIVES[self.objective]
        left = self.budget * encoder_passes("finetune", "supervised", "none")
        epochs = {}
        if objective in ("byel", "byol"):
            each = encoder_passes("pretrain", objective, self.pairs)
            epochs["pretrain_epochs"] = int(left * self.pretrain_part / each)
            left -= epochs["pretrain_epochs"] * each
        each = encoder_passes("finetune", objective, self.pairs)
        epochs["finetune_epochs"] = left // each
        return epochs

    def variant(self, flagfiles: Sequence[str], data: str, faces: int) -> Variant:
        """The training as a variant.

        Args:
          flagfiles: The recipe that all cells of its label share have in common.
          data: Folder of the data sets, one for each kind of second pictures.
          faces: Number of faces that are drawn where there is none.
        """
        objective, flags, _ = OBJECTIVES[self.objective]
        drawn = self.pairs if self.pairs in ("expression", "neutral") else "none"
        flags = (
            f"--objective={objective}",
            *flags,
            f"--train_data=synthetic={data}/{drawn}",
            f"--synthesize_train={faces}",
            f"--synthesize_pairs={drawn}",
            f"--pairs={'label' if self.pairs == 'label' else 'auto'}",
            f"--label_share={self.share:g}",
            *(f"--{name}={n}" for name, n in self.epochs().items()),
        )
        return Variant(self.name, tuple(flagfiles), flags)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where arms are compared to each other.

    Attributes:
      share: Of the persons that are labelled, in (0, 1].
      budget: As of `Cell`.
      pretrain_part: As of `Cell`.
      arms: Of `ARMS`; their controls are trained as well.
    """

    share: float
    budget: int
    pretrain_part: float
    arms: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """One for each arm and control, those that others are compared to first."""
        needed = {CONTROL, *self.arms}.union(*map(controls, self.arms))
        return [
            Cell(*arm.split("-"), self.share, self.budget, self.pretrain_part)
            for arm in ARMS
            if arm in needed
        ]


def grid(places: Sequence[Place]) -> list[Cell]:
    """The cells of all places, the cheapest first.

    Raises:
      UsageError: If a budget is too small.
    """
    places = sorted(places, key=lambda place: place.budget)
    cells = [cell for place in places for cell in place.cells]
    for cell in cells:
        if 0 in cell.epochs().values():
            raise UsageError(
                f"a budget of {cell.budget} is less than an epoch of each stage of "
                f"{cell.arm}: give a larger one"
            )
    return cells


def is_meant(arm: str, share: float) -> bool:
    """False for what needs the labels of all faces, or faces without one."""
    objective, _, _ = arm.partition("-")
    _, flags, _ = OBJECTIVES[objective]
    return objective != "fixmatch" if share == 1 else flags != _UNITS
