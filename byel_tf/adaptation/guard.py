"""What keeps an adaptation from harm, where no image has a label to see it by."""

import dataclasses

import numpy as np
from scipy import stats

from byel_tf.adaptation.shares import effective_classes


@dataclasses.dataclass(frozen=True)
class Guard:
    """Limits of what is adapted to, and of what it may change.

    Attributes:
      images_per_class: Fewer images than so many for each class are too few.
      diversity: Least effective number of classes, by estimated shares, as a part of
        the number of classes; below it the images differ from the training's in their
        class shares, which statistics, entropy and prototypes take for a difference of
        their looks.
      prior_diversity: The same for `prior`: images of few classes are more likely to be
        a part of what comes, one class after the other.
      confidence: Least mean greatest probability, which is the accuracy to be expected
        of calibrated ones; below it the model's own labels are wrong too often to learn
        from.
      consistency: For `prior`, greatest distance (total variation) of the estimated
        class shares from those of the model's own labels; above it the estimate tells
        of the model's mistakes rather than of the images.
      steadiness: Of images that come one after the other, least p-value of the
        chi-squared test that the model's labels are as frequent in their first half as
        in the second.
      agreement: Least share of images whose label stays: what goes wrong is bounded by
        what changes.
    """

    images_per_class: int = 15
    diversity: float = 0.85
    prior_diversity: float = 0.6
    confidence: float = 0.8
    consistency: float = 0.08
    steadiness: float = 0.01
    agreement: float = 0.93

    def least_images(self, classes: int) -> int:
        """How many images are enough."""
        return self.images_per_class * classes

    def against_images(
        self, method: str, probabilities: np.ndarray, shares: np.ndarray
    ) -> str | None:
        """Why nothing is to be learned from images; None where all is well.

        Args:
          method: Name of the method.
          probabilities: The source's, (N, K).
          shares: Estimated class shares of the images, (K,).
        """
        is_prior = method == "prior"
        diversity = self.prior_diversity if is_prior else self.diversity
        classes, least = effective_classes(shares), diversity * len(shares)
        if classes < least:
            return (
                f"label shift: the estimated class shares are as diverse as "
                f"{classes:.1f} equally frequent classes of {len(shares)}, at least "
                f"{least:.1f} are needed"
            )
        if is_prior:
            return self._against_shares(probabilities, shares)
        confidence = float(probabilities.max(axis=1).mean())
        if confidence < self.confidence:
            return (
                f"the model is not sure of these images: mean confidence "
                f"{confidence:.3f}, at least {self.confidence:g} is needed"
            )
        return None

    def _against_shares(
        self, probabilities: np.ndarray, shares: np.ndarray
    ) -> str | None:
        """Why estimated shares are not to be believed."""
        labels = np.bincount(probabilities.argmax(axis=1), minlength=len(shares))
        distance = float(np.abs(shares - labels / labels.sum()).sum() / 2)
        if distance <= self.consistency:
            return None
        return (
            f"the estimated class shares are {distance:.3f} from those of the model's "
            f"labels, at most {self.consistency:g} is allowed"
        )

    def against_order(self, labels: np.ndarray) -> str | None:
        """Why nothing is to be learned from what comes; None where all is well.

        Args:
          labels: The source's, (N,), in the order in which the images came.
        """
        halves = np.array_split(labels, 2)
        table = np.stack([np.bincount(h, minlength=labels.max() + 1) for h in halves])
        table = table[:, table.any(axis=0)]
        if table.shape[1] < 2:
            return None
        chance = stats.chi2_contingency(table, correction=False).pvalue
        if chance >= self.steadiness:
            return None
        return (
            f"the classes change while images come: the second half would be so "
            f"different with a chance of {chance:.1g}, at least {self.steadiness:g} is "
            "needed"
        )

    def against_change(self, before: np.ndarray, after: np.ndarray) -> str | None:
        """Why an adapted model is not to be taken; None where all is well.

        Args:
          before: The source's probabilities, (N, K).
          after: Those of the adapted model.
        """
        agreement = float(np.mean(before.argmax(axis=1) == after.argmax(axis=1)))
        if agreement < self.agreement:
            return (
                f"only {agreement:.3f} of the images keep their label, at least "
                f"{self.agreement:g} are needed"
            )
        return None
