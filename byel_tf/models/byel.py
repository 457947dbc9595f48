"""BYEL: bootstrapping with an emotion classifier and emotion vector subtraction."""

import functools
import operator
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.augment.views import MakeViews
from byel_tf.batch import Batch, label_weight, of_view
from byel_tf.compat import keras
from byel_tf.losses import (
    action_unit_loss,
    bootstrap_loss,
    cosine_similarity,
    l2_normalize,
    orthonormality_penalty,
)
from byel_tf.models.ema import update_moving_average
from byel_tf.models.emotion import EmotionClassifier
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.movements import MovementVectors
from byel_tf.models.networks import OnlineNetwork, TargetNetwork
from byel_tf.models.projection_deviation import ProjectionDeviation
from byel_tf.models.step import MAX_BAD_STEPS, StageModel, poisoned
from byel_tf.models.terms import Subtract, emotion_losses, without_expression

#: Which view's prediction is drawn towards the target's projection of which.
BOTH_WAYS, ONE_WAY = ((0, 1), (1, 0)), ((0, 1),)


class BYEL(StageModel):
    """The model of stage 1 (arXiv 2207.10003, section 3); its step is the method.

    Two views of each image pass through the online and the target network, four
    passes in all, since batch-norm statistics belong to one view. The online
    prediction, with the emotion vector of its label subtracted, is drawn towards the
    target's projection of the other view; the emotion classifier reads the
    prediction before the subtraction. Then the target follows the online network.

    Where not all labels are known, what needs one is learned from those examples
    alone, and nothing is subtracted from the others' predictions.

    Where view 2 is the same face at rest, only view 1 is predicted from, `ONE_WAY`:
    its class, and its movements where `movement_vectors` are subtracted, are not those
    of view 2. That takes 4 encoder passes a step, a backward pass counted as two, in
    place of 8.

    Without `emotion_classifier` this is BYOL (arXiv 2006.07733). With
    `action_unit_head` the online representations also learn the faces' action units.
    """

    def __init__(
        self,
        online: OnlineNetwork,
        target: TargetNetwork,
        make_views: MakeViews,
        target_momentum: Callable[[tf.Tensor], tf.Tensor],
        emotion_classifier: EmotionClassifier | None = None,
        subtract: Subtract | None = None,
        bootstrap_weight: float = 1.0,
        classification_weight: float = 1.0,
        orthonormality_weight: float = 1.0,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        action_unit_head: keras.layers.Layer | None = None,
        action_unit_weight: float = 1.0,
        movement_vectors: MovementVectors | None = None,
        directions: Sequence[tuple[int, int]] = BOTH_WAYS,
        jit_compile: bool = False,
        max_bad_steps: int = MAX_BAD_STEPS,
        name: str = "byel",
    ):
        """Puts the parts together; call it in the strategy's scope.

        Args:
          online: Built online network.
          target: Built target network; it becomes a copy of the online one.
          make_views: Makes the two augmented views (B, H, W, 3) of a batch.
          target_momentum: τ, (), as a function of the step, (), int64.
          emotion_classifier: Built classifier of the predictions, or None.
          subtract: `subtract_emotion_vector`, or None to bootstrap from the plain
            prediction.
          bootstrap_weight: Weight of the bootstrap loss.
          classification_weight: Weight of the classification loss.
          orthonormality_weight: Weight of the orthonormality penalty.
          label_smoothing: Share of each label spread over all classes.
          class_weights: Weight of each class in the classification loss, (K,), of mean
            1 over the training images; None for 1 each.
          action_unit_head: Built layer from representations to the batches'
            action_units, or None. For training only.
          action_unit_weight: Weight of the action units' loss.
          movement_vectors: Built vectors of the action units, which are subtracted, or
            None.
          directions: `BOTH_WAYS` or `ONE_WAY`.
          jit_compile: Whether XLA compiles passes, losses and gradients.
          max_bad_steps: Steps in a row without finite gradients that end learning.
          name: Name of the model.

        Raises:
          ValueError: If `subtract` is given without `emotion_classifier`.
        """
        if subtract is not None and emotion_classifier is None:
            raise ValueError(
                "subtraction takes its vectors from the emotion classifier. "
                "Received: emotion_classifier=None"
            )
        means = ["loss", "bootstrap_loss", "gradient_norm"]
        means += [_cosine_name(*direction) for direction in directions]
        macro_f1 = None
        if emotion_classifier is not None:
            means += ["classification_loss", "orthonormality_penalty"]
            macro_f1 = MacroF1(emotion_classifier.num_classes)
        if action_unit_head is not None:
            means.append("action_unit_loss")
        super().__init__(means, macro_f1, max_bad_steps, jit_compile, name)
        self.online = online
        self.target = target
        self.emotion_classifier = emotion_classifier
        self.action_unit_head = action_unit_head
        self.movement_vectors = movement_vectors
        self._directions = directions
        self.target_momentum = target_momentum
        self._make_views = make_views
        self._subtract = subtract
        self._loss_weights = (
            bootstrap_weight,
            classification_weight,
            orthonormality_weight,
            action_unit_weight,
        )
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        self.target.copy_from(self.online.encoder, self.online.projector)
        self.projection_deviation = ProjectionDeviation(
            self.online.projector.output_layer.units
        )

    @property
    def networks(self) -> dict[str, keras.layers.Layer]:
        """The parts that have weights, by name."""
        parts = {
            "online": self.online,
            "target": self.target,
            "emotion_classifier": self.emotion_classifier,
            "action_unit_head": self.action_unit_head,
            "movement_vectors": self.movement_vectors,
        }
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes: all but the target's."""
        return [
            variable
            for name, part in self.networks.items()
            if name != "target"
            for variable in part.trainable_variables
        ]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of each epoch."""
        return [*super().metrics, self.projection_deviation]

    def train_step(
        self, batch: Batch, wishes: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """One step on one replica's share of a batch; all replicas step together.

        Args:
          batch: That share.
          wishes: As of `update`.

        Returns:
          The sum of all replicas' "wishes", if there are any; metrics are read when
          they are shown.
        """
        loss_scale, statistics = self.loss_scale(), self.statistics()
        gradients, scalars, projections, logits = self._compiled(batch, loss_scale)
        momentum = self.target_momentum(self.optimizer.iterations)
        scalars["gradient_norm"], is_changed, heard = self.update(
            gradients, loss_scale, momentum, statistics, wishes
        )
        self.count(scalars, batch, is_changed, logits)
        is_counted = is_changed & (batch["weight"] > 0)
        self.projection_deviation.update_state(projections, is_counted)
        return heard

    def follow(self, momentum: tf.Tensor) -> None:
        """Moves the target network towards the online one."""
        update_moving_average(
            self.target.following_variables, self.online.averaged_variables, momentum
        )

    def loss_and_gradients(
        self, batch: Batch, loss_scale: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor, tf.Tensor | None]:
        """Forward passes, losses and gradients of one replica; pure.

        Args:
          batch: Its share of the batch.
          loss_scale: What the loss is multiplied with, ().

        Returns:
          Gradients of the learned variables; scalars, means over the examples;
          directions of the projections of view 1, (B, D); logits of view 1, (B, K),
          or None without classifier.
        """
        views = self._make_views(batch)
        predicted, seen = map(sorted, zip(*self._directions, strict=True))
        # Never one concatenated batch: batch-norm statistics belong to one view.
        targets = {
            i: tf.stop_gradient(self.target(views[i], training=True)) for i in seen
        }
        with tf.GradientTape() as tape:
            representations = [
                self.online.encoder(views[i], training=True) for i in predicted
            ]
            projections, predictions = zip(
                *(self.online.project(r, training=True) for r in representations),
                strict=True,
            )
            loss, scalars, logits = self._loss_terms(
                representations, predictions, targets, batch
            )
            scaled = loss * loss_scale
        gradients = tape.gradient(
            scaled, self.learned_variables, unconnected_gradients="zero"
        )
        gradients = poisoned(gradients, loss)
        return gradients, scalars, l2_normalize(projections[0]), logits

    def _loss_terms(
        self,
        representations: Sequence[tf.Tensor],
        predictions: Sequence[tf.Tensor],
        targets: Mapping[int, tf.Tensor],
        batch: Batch,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor | None]:
        """This replica's share of the total loss, and what is watched.

        Returns:
          The share, (), whose sum over replicas is the loss of the global batch;
          scalars, means over this replica's examples; logits of view 1, (B, K), or
          None without classifier.
        """
        weight = batch["weight"]
        labelled = label_weight(batch)
        share, labelled_share = tf.reduce_sum(weight), tf.reduce_sum(labelled)
        (
            bootstrap_weight,
            classification_weight,
            orthonormality_weight,
            action_unit_weight,
        ) = self._loss_weights

        rest = [
            without_expression(
                prediction,
                batch,
                self.emotion_classifier,
                self._subtract,
                self.movement_vectors,
            )
            for prediction in predictions
        ]
        pairs = {_cosine_name(i, j): (rest[i], targets[j]) for i, j in self._directions}
        losses = [bootstrap_loss(*pair) for pair in pairs.values()]
        bootstrap = tf.reduce_sum(weight * functools.reduce(operator.add, losses))
        total = bootstrap_weight * bootstrap
        scalars = {
            "bootstrap_loss": bootstrap / share,
        }
        for name, pair in pairs.items():
            scalars[name] = tf.reduce_sum(weight * cosine_similarity(*pair)) / share
        logits = None
        if self.emotion_classifier is not None:
            of_views = [
                self.emotion_classifier(one, training=True) for one in predictions
            ]
            logits = of_views[0]
            classification = emotion_losses(
                of_views, batch, self._label_smoothing, self._class_weights
            )
            penalty = orthonormality_penalty(self.emotion_classifier.emotion_vectors)
            # Every replica has the whole penalty; its share keeps the sum right.
            total += classification_weight * classification
            total += orthonormality_weight * share * penalty
            scalars["classification_loss"] = tf.math.divide_no_nan(
                classification, labelled_share
            )
            scalars["orthonormality_penalty"] = penalty
        if self.action_unit_head is not None:
            losses = [
                action_unit_loss(
                    self.action_unit_head(representation),
                    of_view(batch, "action_units", view),
                )
                for view, representation in enumerate(representations)
            ]
            action_units = tf.reduce_sum(labelled * tf.add_n(losses))
            total += action_unit_weight * action_units
            scalars["action_unit_loss"] = tf.math.divide_no_nan(
                action_units, labelled_share
            )
        scalars["loss"] = total / share
        return total, scalars, logits

    def classify(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, H, W, 3), uint8 → logits (B, K) of the emotion classifier.

        Raises:
          ValueError: If there is none, as in BYOL.
        """
        if self.emotion_classifier is None:
            raise ValueError(
                "without emotion classifier no image can be classified. "
                "Received: emotion_classifier=None"
            )
        _, prediction = self.online(fixed(images), training=False)
        return self.emotion_classifier(prediction, training=False)

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Counts images without augmentation into macro F1; returns nothing."""
        logits = self.classify(batch["image"])
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {}


def _cosine_name(view: int, target: int) -> str:
    return f"cosine_{view + 1}_to_{target + 1}"
