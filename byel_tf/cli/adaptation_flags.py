"""Flags of adaptation, those of `adapt` and of `evaluate --adapt_with`."""

import dataclasses

from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.settings import MethodSettings
from byel_tf.flagging import option


@dataclasses.dataclass(frozen=True)
class MethodFlags:
    """What the methods are told."""

    source_images: int = option(
        MethodSettings.source_images,
        "statistics, entropy: the source's statistics count as those of so many "
        "images more.",
        lower=0,
        upper=10**9,
    )
    depth: float = option(
        MethodSettings.depth,
        "statistics, entropy: share of the batch norm layers whose statistics are "
        "mixed, the first ones.",
        lower=0.01,
        upper=1,
    )
    epochs: int = option(
        MethodSettings.epochs, "entropy: passes over the images.", lower=1, upper=1000
    )
    learning_rate: float = option(
        MethodSettings.learning_rate, "entropy: Adam's.", lower=1e-9, upper=1
    )
    supports: int = option(
        MethodSettings.supports, "prototypes: most images of a class; 0: all.", lower=0
    )
    exponent: float = option(
        MethodSettings.exponent,
        "prior: τ, how far towards the estimated shares, 1 being all the way.",
        lower=0,
        upper=1,
    )
    floor: float = option(
        MethodSettings.floor,
        "prior: least share of a class, as a part of its share in training.",
        lower=0.001,
        upper=1,
    )
    batch_size: int = option(
        MethodSettings.batch_size, "Images at a time.", lower=2, upper=65536
    )
    seed: int = option(
        MethodSettings.seed,
        "entropy: decides the images' order.",
        lower=0,
        upper=2**31 - 1,
    )

    def settings(self) -> MethodSettings:
        """What they say."""
        return MethodSettings(**dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class GuardFlags:
    """What keeps from harm, else the source's weights are kept, wholly or partly."""

    guard: bool = option(True, "Whether it does; else all is taken as it comes.")
    images_per_class: int = option(
        Guard.images_per_class,
        "Fewer images than so many for each class are refused, with the guard and "
        "without.",
        lower=1,
    )
    diversity: float = option(
        Guard.diversity,
        "Not for prior: least effective number of classes by the estimated shares, as "
        "a part of their number.",
        lower=0,
        upper=1,
    )
    prior_diversity: float = option(
        Guard.prior_diversity, "The same for prior.", lower=0, upper=1
    )
    confidence: float = option(
        Guard.confidence,
        "Not for prior: least mean greatest probability of the source at the "
        "temperature that was fitted in training.",
        lower=0,
        upper=1,
    )
    consistency: float = option(
        Guard.consistency,
        "For prior: greatest distance of the estimated class shares from those of the "
        "source's labels, in total variation.",
        lower=0,
        upper=1,
    )
    agreement: float = option(
        Guard.agreement,
        "Least share of images that keep their label.",
        lower=0,
        upper=1,
    )

    def limits(self) -> Guard:
        """The limits, whether they are kept or not."""
        limits = dataclasses.asdict(self)
        del limits["guard"]
        return Guard(**limits)

    def used(self) -> Guard | None:
        """The guard, if there is to be one."""
        return self.limits() if self.guard else None
