"""How a model is adapted, and when it is left as it was."""

import dataclasses

METHODS = ("statistics", "entropy", "prototypes", "prior")


@dataclasses.dataclass(frozen=True)
class MethodSettings:
    """What the methods are told; the defaults are first guesses, see docs/adapt.md.

    Attributes:
      source_images: N₀ of `statistics`, which `entropy` begins with, too.
      depth: Share of the batch norm layers that `statistics` adapts, the first ones.
      epochs: Passes of `entropy` over the images.
      learning_rate: Adam's, of `entropy`.
      supports: Of `prototypes`, most images of a class; 0 for all.
      exponent: τ of `prior`.
      floor: Of `prior`, least share of a class as a part of its share in training.
      batch_size: Images at a time.
      seed: Decides the order in which `entropy` sees the images.
    """

    source_images: int = 256
    depth: float = 0.5
    epochs: int = 2
    learning_rate: float = 1e-3
    supports: int = 0
    exponent: float = 0.25
    floor: float = 0.25
    batch_size: int = 200
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class Source:
    """What the methods know of the model besides its weights.

    Attributes:
      temperature: What divides the logits before the softmax so that its probabilities
        were right on held-out images of its training's kind: an export's own is never
        below 1, and leaves a model less sure than it should be.
      shares: Class shares that it was trained on, (K,).
    """

    temperature: float
    shares: tuple[float, ...]
