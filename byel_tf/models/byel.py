"""BYEL: bootstrapping with an emotion classifier and emotion vector subtraction."""

from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.batch import Batch
from byel_tf.compat import keras
from byel_tf.losses import (
    action_unit_loss,
    bootstrap_loss,
    cosine_similarity,
    cross_entropy,
    l2_normalize,
    orthonormality_penalty,
)
from byel_tf.models.ema import update_moving_average
from byel_tf.models.emotion import EmotionClassifier
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.networks import OnlineNetwork, TargetNetwork
from byel_tf.models.step import (
    Trackers,
    compiled,
    current_loss_scale,
    reduce_and_apply,
)


class BYEL(keras.Model):
    """The model of stage 1 (arXiv 2207.10003, section 3); its step is the method.

    Two views of each image pass through the online and the target network, four
    passes in all, since batch-norm statistics belong to one view. The online
    prediction, with the emotion vector of its label subtracted, is drawn towards the
    target's projection of the other view; the emotion classifier reads the
    prediction before the subtraction. Then the target follows the online network.

    Without `emotion_classifier` this is BYOL (arXiv 2006.07733). With
    `action_unit_head` the online representations also learn the faces' action units.
    """

    def __init__(
        self,
        online: OnlineNetwork,
        target: TargetNetwork,
        views: Callable[[Batch], tuple[tf.Tensor, tf.Tensor]],
        target_momentum: Callable[[tf.Tensor], tf.Tensor],
        emotion_classifier: EmotionClassifier | None = None,
        subtract: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        bootstrap_weight: float = 1.0,
        classification_weight: float = 1.0,
        orthonormality_weight: float = 1.0,
        label_smoothing: float = 0.0,
        action_unit_head: keras.layers.Layer | None = None,
        action_unit_weight: float = 1.0,
        jit_compile: bool = False,
        name: str = "byel",
    ):
        """Puts the parts together; call it in the strategy's scope.

        Args:
          online: Built online network.
          target: Built target network; it becomes a copy of the online one.
          views: Makes the two augmented views (B, H, W, 3) of a batch.
          target_momentum: τ, (), as a function of the step, (), int64.
          emotion_classifier: Built classifier of the predictions, or None.
          subtract: `subtract_emotion_vector`, or None to bootstrap from the plain
            prediction.
          bootstrap_weight: Weight of the bootstrap loss.
          classification_weight: Weight of the classification loss.
          orthonormality_weight: Weight of the orthonormality penalty.
          label_smoothing: Share of each label spread over all classes.
          action_unit_head: Built layer from representations to the batches'
            action_units, or None. For training only.
          action_unit_weight: Weight of the action units' loss.
          jit_compile: Whether XLA compiles passes, losses and gradients.
          name: Name of the model.

        Raises:
          ValueError: If `subtract` is given without `emotion_classifier`.
        """
        super().__init__(name=name)
        if subtract is not None and emotion_classifier is None:
            raise ValueError(
                "subtraction takes its vectors from the emotion classifier. "
                "Received: emotion_classifier=None"
            )
        self.online = online
        self.target = target
        self.emotion_classifier = emotion_classifier
        self.action_unit_head = action_unit_head
        self.target_momentum = target_momentum
        self._views = views
        self._subtract = subtract
        self._loss_weights = (
            bootstrap_weight,
            classification_weight,
            orthonormality_weight,
            action_unit_weight,
        )
        self._label_smoothing = label_smoothing
        self.target.set_weights(
            self.online.encoder.get_weights() + self.online.projector.get_weights()
        )
        names = ["loss", "bootstrap_loss", "gradient_norm", "projection_deviation"]
        names += ["cosine_1_to_2", "cosine_2_to_1"]
        self.macro_f1 = None
        if emotion_classifier is not None:
            names += ["classification_loss", "orthonormality_penalty"]
            self.macro_f1 = MacroF1(emotion_classifier.num_classes)
        if action_unit_head is not None:
            names.append("action_unit_loss")
        self.trackers = Trackers(names)
        self._loss_and_gradients = compiled(self._compute_gradients, jit_compile)

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes: all but the target's."""
        variables = list(self.online.trainable_variables)
        if self.emotion_classifier is not None:
            variables += self.emotion_classifier.trainable_variables
        if self.action_unit_head is not None:
            variables += self.action_unit_head.trainable_variables
        return variables

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of each epoch."""
        return [*self.trackers, *([self.macro_f1] if self.macro_f1 else [])]

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on one replica's share of a batch; all replicas step together."""
        loss_scale = current_loss_scale(self.optimizer)
        gradients, scalars, logits = self._loss_and_gradients(batch, loss_scale)
        momentum = self.target_momentum(self.optimizer.iterations)
        scalars["gradient_norm"] = reduce_and_apply(
            self.optimizer, gradients, self.learned_variables, loss_scale
        )
        update_moving_average(
            self.target.trainable_variables, self.online.averaged_variables, momentum
        )
        self.trackers.update(scalars, tf.reduce_sum(batch["weight"]))
        if self.macro_f1 is not None:
            self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {metric.name: metric.result() for metric in self.metrics}

    def _compute_gradients(
        self, batch: Batch, loss_scale: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """Forward passes, losses and gradients of one replica; pure."""
        view_1, view_2 = self._views(batch)
        # Never one concatenated batch: batch-norm statistics belong to one view.
        target_1 = tf.stop_gradient(self.target(view_1, training=True))
        target_2 = tf.stop_gradient(self.target(view_2, training=True))
        with tf.GradientTape() as tape:
            representation_1 = self.online.encoder(view_1, training=True)
            representation_2 = self.online.encoder(view_2, training=True)
            projection_1, prediction_1 = self.online.project(
                representation_1, training=True
            )
            _, prediction_2 = self.online.project(representation_2, training=True)
            loss, scalars, logits = self._loss_terms(
                (representation_1, representation_2),
                (prediction_1, prediction_2),
                (target_1, target_2),
                batch,
            )
            scaled = loss * loss_scale
        gradients = tape.gradient(
            scaled, self.learned_variables, unconnected_gradients="zero"
        )
        scalars["projection_deviation"] = tf.reduce_mean(
            tf.math.reduce_std(l2_normalize(projection_1), axis=0)
        )
        return gradients, scalars, logits

    def _loss_terms(
        self,
        representations: tuple[tf.Tensor, tf.Tensor],
        predictions: tuple[tf.Tensor, tf.Tensor],
        targets: tuple[tf.Tensor, tf.Tensor],
        batch: Batch,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        """This replica's share of the total loss, and what is watched.

        Returns:
          The share, (), whose sum over replicas is the loss of the global batch;
          scalars, means over this replica's examples; logits of view 1, (B, K), or
          an empty tensor without classifier.
        """
        labels, weight = batch["label"], batch["weight"]
        share = tf.reduce_sum(weight)
        (
            bootstrap_weight,
            classification_weight,
            orthonormality_weight,
            action_unit_weight,
        ) = self._loss_weights

        from_1, from_2 = predictions
        if self._subtract is not None:
            vectors = self.emotion_classifier.emotion_vectors
            from_1 = self._subtract(from_1, vectors, labels)
            from_2 = self._subtract(from_2, vectors, labels)
        bootstrap = tf.reduce_sum(
            weight
            * (bootstrap_loss(from_1, targets[1]) + bootstrap_loss(from_2, targets[0]))
        )
        total = bootstrap_weight * bootstrap
        scalars = {
            "bootstrap_loss": bootstrap / share,
            "cosine_1_to_2": tf.reduce_mean(cosine_similarity(from_1, targets[1])),
            "cosine_2_to_1": tf.reduce_mean(cosine_similarity(from_2, targets[0])),
        }
        logits = tf.zeros([0, 0])
        if self.emotion_classifier is not None:
            logits = self.emotion_classifier(predictions[0], training=True)
            logits_2 = self.emotion_classifier(predictions[1], training=True)
            smoothing = self._label_smoothing
            classification = tf.reduce_sum(
                weight
                * (
                    cross_entropy(logits, labels, smoothing)
                    + cross_entropy(logits_2, labels, smoothing)
                )
            )
            penalty = orthonormality_penalty(self.emotion_classifier.emotion_vectors)
            # Every replica has the whole penalty; its share keeps the sum right.
            total += classification_weight * classification
            total += orthonormality_weight * share * penalty
            scalars["classification_loss"] = classification / share
            scalars["orthonormality_penalty"] = penalty
        if self.action_unit_head is not None:
            intensities = batch["action_units"]
            losses = [
                action_unit_loss(self.action_unit_head(representation), intensities)
                for representation in representations
            ]
            action_units = tf.reduce_sum(weight * tf.add_n(losses))
            total += action_unit_weight * action_units
            scalars["action_unit_loss"] = action_units / share
        scalars["loss"] = total / share
        return total, scalars, logits

    def classify(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, H, W, 3), uint8 → logits (B, K) of the emotion classifier."""
        _, prediction = self.online(fixed(images), training=False)
        return self.emotion_classifier(prediction, training=False)

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Macro F1 of the emotion classifier on images without augmentation."""
        logits = self.classify(batch["image"])
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {"macro_f1": self.macro_f1.result()}
