"""In what order images come, one after the other."""

import numpy as np

ORDERS = ("random", "dirichlet", "sorted")

# Concentration of the classes over the stretches of a Dirichlet order, as in Gong et
# al., NOTE: Robust Continual Test-time Adaptation Against Temporal Correlation, NeurIPS
# 2022, which takes 0.1 as well.
_CONCENTRATION = 0.1
_STRETCHES = 20


def order_images(
    labels: np.ndarray, order: str, rng: np.random.Generator
) -> np.ndarray:
    """Positions of the images in the order in which they come.

    Args:
      labels: Class indices, (N,), int.
      order: "random"; "dirichlet": each class is spread over stretches of time by a
        Dirichlet distribution, so that a few classes prevail at a time; "sorted": class
        after class, in a random order of the classes.
      rng: Draws.

    Returns:
      A permutation, (N,), int.
    """
    shuffled = rng.permutation(len(labels))
    if order == "random":
        return shuffled
    classes = rng.permutation(np.unique(labels))
    of_class = [shuffled[labels[shuffled] == label] for label in classes]
    if order == "sorted":
        return np.concatenate(of_class)
    stretches = [[] for _ in range(_STRETCHES)]
    for members in of_class:
        shares = rng.dirichlet(np.full(_STRETCHES, _CONCENTRATION))
        ends = np.round(np.cumsum(shares) * len(members)).astype(int)
        parts = np.split(members, ends[:-1])
        for stretch, part in zip(stretches, parts, strict=True):
            stretch.append(part)
    return np.concatenate([rng.permutation(np.concatenate(s)) for s in stretches])
