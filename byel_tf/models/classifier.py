"""The model of stage 2: encoder, dropout, one dense layer."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from byel_tf.augment.fixed import fixed
from byel_tf.augment.views import MakeViews
from byel_tf.batch import Batch, label_weight
from byel_tf.compat import keras
from byel_tf.losses import action_unit_loss
from byel_tf.models.bootstrap import Bootstrap
from byel_tf.models.consistency import Consistency
from byel_tf.models.dropout import record_dropout
from byel_tf.models.ema import update_moving_average, warmed_up_momentum
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.networks import ExpressionNetwork
from byel_tf.models.step import MAX_BAD_STEPS, StageModel, poisoned
from byel_tf.models.terms import emotion_losses


class ExpressionClassifier(StageModel):
    """Representation → dropout → K logits, trained whole with cross-entropy.

    With `build_bootstrap` the same passes also learn as BYEL does, in one stage; see
    `Bootstrap` for what that costs. With `consistency` it is FixMatch.

    Attributes:
      network: The network that learns.
      averaged: A second one, whose weights are the moving average of the first one's;
        None without averaging.
      bootstrap: What bootstraps, or None.
    """

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        make_views: MakeViews,
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
        jit_compile: bool = False,
        class_weights: Sequence[float] | None = None,
        flip_average: bool = False,
        build_averaged_encoder: Callable[[], keras.Model] | None = None,
        weight_ema: float = 0.0,
        action_unit_head: keras.layers.Layer | None = None,
        action_unit_weight: float = 1.0,
        build_bootstrap: Callable[[], Bootstrap] | None = None,
        consistency: Consistency | None = None,
        max_bad_steps: int = MAX_BAD_STEPS,
        name: str = "expression_classifier",
    ):
        """Puts the parts together; call it in the strategy's scope.

        Args:
          encoder: Built encoder, pre-trained or random.
          num_classes: K.
          make_views: Makes the augmented view (B, H, W, 3) of a batch, and a second
            one where it bootstraps, or where views are to agree: a weak and a strong
            one then.
          dropout: Share of the representation dropped in training.
          label_smoothing: Share of each label spread over all classes.
          jit_compile: Whether XLA compiles pass, loss and gradients.
          class_weights: Weight of each class in the classification loss, (K,), of mean
            1 over the training images; None for 1 each.
          flip_average: Whether outputs at inference are means over an image and its
            mirror image.
          build_averaged_encoder: Makes a built encoder of the same kind, to hold
            averaged weights; None for no averaging.
          weight_ema: Momentum τ of the average after its warm-up, in [0, 1).
          action_unit_head: Built layer from representations to the batches'
            action_units, or None. For training only.
          action_unit_weight: Weight of the action units' loss.
          build_bootstrap: Makes what bootstraps with the encoder; None for supervised
            training.
          consistency: The term of agreeing views, or None.
          max_bad_steps: Steps in a row without finite gradients that end learning.
          name: Name of the model.
        """
        means = ["loss", "gradient_norm"]
        if action_unit_head is not None:
            means += ["classification_loss", "action_unit_loss"]
        network = ExpressionNetwork(encoder, num_classes, flip_average)
        # After the network, which so begins as it would without.
        bootstrap = build_bootstrap() if build_bootstrap is not None else None
        if bootstrap is not None:
            means = list(dict.fromkeys([*means, "classification_loss"]))
            means += bootstrap.means
        if consistency is not None:
            means = list(dict.fromkeys([*means, "classification_loss"]))
            means += consistency.means
        macro_f1 = MacroF1(num_classes)
        super().__init__(means, macro_f1, max_bad_steps, jit_compile, name)
        self.network, self.bootstrap = network, bootstrap
        self.averaged = None
        if build_averaged_encoder is not None:
            # After the network, which so begins as it would without averaging.
            self.averaged = ExpressionNetwork(
                build_averaged_encoder(),
                num_classes,
                flip_average,
                name="averaged_network",
            )
            self.averaged.set_weights(self.network.get_weights())
        self.action_unit_head = action_unit_head
        self._consistency = consistency
        self._make_views = make_views
        self._dropout = dropout
        self._label_smoothing = label_smoothing
        self._weight_ema = float(weight_ema)
        self._action_unit_weight = action_unit_weight
        self._class_weights = class_weights

    @property
    def encoder(self) -> keras.Model:
        """The encoder that learns."""
        return self.network.encoder

    @property
    def head(self) -> keras.layers.Layer:
        """The dense layer that learns."""
        return self.network.head

    @property
    def inference_network(self) -> ExpressionNetwork:
        """What is validated and exported: the average where there is one."""
        return self.network if self.averaged is None else self.averaged

    @property
    def networks(self) -> dict[str, keras.layers.Layer]:
        """The parts that have weights, by name."""
        parts = {
            "network": self.network,
            "averaged": self.averaged,
            "action_unit_head": self.action_unit_head,
            **(self.bootstrap.networks if self.bootstrap is not None else {}),
        }
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def learned_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer changes."""
        variables = self.encoder.trainable_variables + self.head.trainable_variables
        if self.action_unit_head is not None:
            variables += self.action_unit_head.trainable_variables
        if self.bootstrap is not None:
            variables += self.bootstrap.learned_variables
        return variables

    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Images (B, H, W, 3) in [0, 1] → representations (B, R), logits (B, K)."""
        return self.inference_network(images, training=training)

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
        gradients, scalars, logits = self._compiled(batch, loss_scale)
        step = self.optimizer.iterations
        momentum = [warmed_up_momentum(step, self._weight_ema)]
        if self.bootstrap is not None:
            momentum.append(self.bootstrap.target_momentum(step))
        scalars["gradient_norm"], is_changed, heard = self.update(
            gradients, loss_scale, momentum, statistics, wishes
        )
        self.count(scalars, batch, is_changed, logits)
        return heard

    def follow(self, momentum: Sequence[tf.Tensor]) -> None:
        """Moves averaged weights, and a target network, towards those that learn.

        Args:
          momentum: τ of the average, (), and of the target where there is one.
        """
        average, *target = momentum
        if self.averaged is not None:
            update_moving_average(
                _averaged_variables(self.averaged),
                _averaged_variables(self.network),
                average,
            )
        if self.bootstrap is not None:
            self.bootstrap.follow(self.encoder, *target)

    def loss_and_gradients(
        self, batch: Batch, loss_scale: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """Forward pass, loss and gradients of one replica; pure.

        Args:
          batch: Its share of the batch.
          loss_scale: What the loss is multiplied with, ().

        Returns:
          Gradients of the learned variables; scalars, means over the examples; logits,
          (B, K).
        """
        view, *others = self._make_views(batch)
        if self.bootstrap is not None:
            target = self.bootstrap.target(*others, training=True)
            target = tf.stop_gradient(target)
        weight = label_weight(batch)
        share = tf.reduce_sum(batch["weight"])
        scalars = {}
        with tf.GradientTape() as tape:
            representation = self.encoder(view, training=True)
            dropped = record_dropout(representation, batch["key"], self._dropout)
            logits = self.head(dropped)
            loss = emotion_losses(
                [logits], batch, self._label_smoothing, self._class_weights
            )
            labelled_share = tf.reduce_sum(weight)
            if "classification_loss" in self.means:
                scalars["classification_loss"] = tf.math.divide_no_nan(
                    loss, labelled_share
                )
            if self.action_unit_head is not None:
                predicted = self.action_unit_head(representation)
                losses = action_unit_loss(predicted, batch["action_units"])
                action_units = tf.reduce_sum(weight * losses)
                scalars["action_unit_loss"] = tf.math.divide_no_nan(
                    action_units, labelled_share
                )
                loss += self._action_unit_weight * action_units
            if self._consistency is not None:
                strong = self.encoder(*others, training=True)
                strong = record_dropout(strong, batch["key"], self._dropout)
                added, watched = self._consistency.loss(
                    self.head(representation), self.head(strong), batch
                )
                loss += added
                scalars |= watched
            if self.bootstrap is not None:
                added, watched = self.bootstrap.loss(representation, target, batch)
                loss += added
                scalars |= watched
            scaled = loss * loss_scale
        gradients = tape.gradient(
            scaled, self.learned_variables, unconnected_gradients="zero"
        )
        gradients = poisoned(gradients, loss)
        return gradients, {"loss": loss / share, **scalars}, logits

    def classify(self, images: tf.Tensor) -> tf.Tensor:
        """Images (B, H, W, 3), uint8 → logits (B, K)."""
        _, logits = self(fixed(images), training=False)
        return logits

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Counts images without augmentation into macro F1; returns nothing."""
        logits = self.classify(batch["image"])
        self.macro_f1.update_state(batch["label"], logits, batch["weight"])
        return {}


def _averaged_variables(network: ExpressionNetwork) -> list[tf.Variable]:
    """The weights that training changes, moving statistics of batch norm included.

    The statistics are those of the raw weights' activations; of a network whose
    weights are an average over recent steps they are best told by the average over
    the same steps. Integers count what an untrained layer has seen.
    """
    return [v for v in network.weights if v.dtype.is_floating]
