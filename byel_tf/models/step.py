"""What the models of both stages share around the method in their `train_step`."""

import math
from collections.abc import Sequence

import tensorflow as tf

from byel_tf.batch import Batch, label_weight
from byel_tf.compat import keras
from byel_tf.models.macro_f1 import MacroF1
from byel_tf.models.normalization import is_mean_of_replicas, share_statistics

#: Loss or gradient of so many steps in a row may be no numbers.
MAX_BAD_STEPS = 10

# Means over the examples whose label is known.
_OF_LABELS = {"classification_loss", "emotion_loss", "action_unit_loss"}


class StageModel(keras.Model):
    """A Keras model whose step sends gradients, and nothing else, between replicas.

    A step whose loss or gradient is not finite changes nothing and is counted; after
    `max_bad_steps` of them in a row nothing is changed any more.

    A subclass has the method: `train_step`; `loss_and_gradients`, the passes, loss and
    gradients of one replica, without Python state or I/O; `follow`, which moves what
    follows the learned variables; `learned_variables`, which the optimizer changes; and
    `networks`, the parts that have weights, by name.

    `fit`, `evaluate` and callbacks work as with any Keras model. Metrics are read
    outside of the step, since each reading sums over replicas, and inference uses the
    mean of the replicas' batch-norm statistics, which is what is saved.

    Attributes:
      macro_f1: Of training in `train_step`, of validation in `test_step`; or None.
      means: Mean of each of the step's scalars since the last reset, by name.
      bad_steps: How many of the steps since the last reset changed nothing.
      bad_steps_in_a_row: As many as there were last, (), int64.
    """

    def __init__(
        self,
        means: Sequence[str],
        macro_f1: MacroF1 | None,
        max_bad_steps: int,
        jit_compile: bool,
        name: str,
    ):
        """Makes the metrics; call it in the strategy's scope.

        Args:
          means: Names of the scalars.
          macro_f1: The metric, or None without labels.
          max_bad_steps: Least number of bad steps in a row that stops learning.
          jit_compile: Whether XLA compiles passes, losses and gradients.
          name: Name of the model.
        """
        super().__init__(name=name, autocast=False)
        self.macro_f1 = macro_f1
        self.max_bad_steps = max_bad_steps
        self.means = {key: keras.metrics.Mean(name=key) for key in means}
        self.bad_steps = keras.metrics.Sum(name="bad_steps")
        self.bad_steps_in_a_row = tf.Variable(0, trainable=False, dtype=tf.int64)
        # `compile(jit_compile=True)` would also compile the all-reduce and fails under
        # MirroredStrategy; an inner function around the pure part does not. Replicas
        # cannot speak to each other in it, as synchronised batch norm has to.
        self._compiled = self.loss_and_gradients
        if jit_compile:
            self._compiled = tf.function(
                self.loss_and_gradients, jit_compile=True, autograph=False
            )

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets at the start of each epoch."""
        others = [self.macro_f1] if self.macro_f1 else []
        return [*self.means.values(), self.bad_steps, *others]

    def compile(self, optimizer="adam", **kwargs):
        """As any Keras model's, and makes the optimizer's variables."""
        super().compile(optimizer=optimizer, **kwargs)
        with self.distribute_strategy.scope():
            if isinstance(self.optimizer, keras.optimizers.legacy.Optimizer):
                # By itself it would make them within the branch that applies.
                self.optimizer._create_all_weights(self.learned_variables)
            else:
                self.optimizer.build(self.learned_variables)

    def make_train_function(self, force=False):
        """Keras' own; metrics are read after the step instead of in it."""
        if self.train_function is None or force:
            step = super().make_train_function(force)

            def step_and_read(iterator):
                step(iterator)
                return self.get_metrics_result()

            self.train_function = step_and_read
        return self.train_function

    def make_test_function(self, force=False):
        """Keras' own, with statistics shared first and metrics read after."""
        share_statistics(self.distribute_strategy, self.variables)
        if self.test_function is None or force:
            step = super().make_test_function(force)

            def step_and_read(iterator):
                step(iterator)
                return {"macro_f1": self.macro_f1.result()}

            self.test_function = step_and_read
        return self.test_function

    def make_predict_function(self, force=False):
        """Keras' own, with statistics shared first."""
        share_statistics(self.distribute_strategy, self.variables)
        return super().make_predict_function(force)

    def loss_scale(self) -> tf.Tensor:
        """The optimizer's loss scale, (), float32; 1 without one."""
        if isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer):
            return tf.cast(self.optimizer.loss_scale, tf.float32)
        return tf.constant(1.0)

    def statistics(self) -> list[tf.Tensor]:
        """This replica's batch-norm statistics, which the passes change."""
        return [tf.identity(variable) for variable in self._statistics_variables()]

    def _statistics_variables(self) -> list[tf.Variable]:
        return [
            variable for variable in self.variables if is_mean_of_replicas(variable)
        ]

    def update(
        self,
        gradients: Sequence[tf.Tensor],
        loss_scale: tf.Tensor,
        momentum: tf.Tensor | Sequence[tf.Tensor],
        statistics: Sequence[tf.Tensor],
        wishes: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Sums gradients over replicas, then changes the variables of all alike.

        Call it in replica context.

        Args:
          gradients: This replica's gradients of loss · loss scale.
          loss_scale: As `loss_scale` gave it.
          momentum: τ of what follows, (), float32, as `follow` takes it.
          statistics: As `statistics` gave them before the passes; they come back where
            the step changes nothing.
          wishes: What this replica wishes, numbers of any meaning, which go along with
            the gradients; None for none.

        Returns:
          Norm of the whole gradient, (), float32; whether anything was changed, (),
          bool; and the sum of the replicas' "wishes", where there are any.
        """
        context = tf.distribute.get_replica_context()
        heard = {} if wishes is None else {"wishes": tf.identity(wishes)}
        if context.num_replicas_in_sync > 1:
            sent = [*gradients, *heard.values()]
            sent = context.all_reduce(tf.distribute.ReduceOp.SUM, sent)
            gradients, summed = sent[: len(gradients)], sent[len(gradients) :]
            heard = dict(zip(heard, summed, strict=True))
        if isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer):
            gradients = [gradient / loss_scale for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        is_finite = tf.math.is_finite(norm)
        # A scaled loss may overflow: the optimizer then skips the step by itself and
        # lowers the scale, until that is 1.
        is_bad = ~is_finite & (loss_scale <= 1.0)
        is_changed = context.merge_call(
            self._update_replicas,
            args=(gradients, momentum, statistics, is_finite, is_bad),
        )
        return norm, is_changed, heard

    def _update_replicas(
        self, strategy, gradients, momentum, statistics, is_finite, is_bad
    ):
        """The update of all replicas, outside of them; nothing is summed here."""
        (is_finite, *_), (is_bad, *_) = map(
            strategy.experimental_local_results, (is_finite, is_bad)
        )
        (before, *_) = strategy.experimental_local_results(self.bad_steps_in_a_row)
        before = tf.identity(before)
        is_over = before >= self.max_bad_steps
        in_a_row = tf.where(is_bad | is_over, before + 1, 0)
        strategy.extended.update(
            self.bad_steps_in_a_row,
            lambda variable, value: variable.assign(value),
            args=(in_a_row,),
        )

        def change():
            strategy.extended.call_for_each_replica(
                self._update_replica, args=(gradients, momentum)
            )
            return True

        def skip():
            strategy.extended.call_for_each_replica(
                self._restore_replica, args=(statistics,)
            )
            if isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer):
                # It lowers its scale, but counts what it does not apply.
                iterations = tf.identity(self.optimizer.iterations)
                strategy.extended.call_for_each_replica(self._apply_nothing)
                self.optimizer.iterations.assign(iterations)
            return False

        return tf.cond(is_finite & ~is_over, change, skip)

    def _update_replica(
        self,
        gradients: list[tf.Tensor],
        momentum: tf.Tensor | Sequence[tf.Tensor],
    ) -> None:
        self._apply(gradients)
        self.follow(momentum)

    def _restore_replica(self, statistics: list[tf.Tensor]) -> None:
        pairs = zip(self._statistics_variables(), statistics, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    def _apply_nothing(self) -> None:
        # Not the step's gradients: those are finite where learning has ended.
        self._apply([tf.fill(tf.shape(v), math.nan) for v in self.learned_variables])

    def _apply(self, gradients: list[tf.Tensor]) -> None:
        """Applies gradients that are already summed."""
        pairs = list(zip(gradients, self.learned_variables, strict=True))
        if isinstance(self.optimizer, keras.optimizers.legacy.Optimizer):
            self.optimizer.apply_gradients(
                pairs, experimental_aggregate_gradients=False
            )
        else:
            self.optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)

    def count(
        self,
        scalars: dict[str, tf.Tensor],
        batch: Batch,
        is_counted: tf.Tensor,
        logits: tf.Tensor | None = None,
    ) -> None:
        """Adds one step to the metrics, on this replica.

        Args:
          scalars: This replica's mean of each, over its examples.
          batch: Its share of the batch.
          is_counted: Whether the step changed anything, (), bool.
          logits: (B, K), where there are any.
        """
        weight = tf.where(is_counted, batch["weight"], 0.0)
        labelled = tf.where(is_counted, label_weight(batch), 0.0)
        # 0 where there are only filling examples, or none with a label.
        share_of_all, share_of_labelled = map(tf.reduce_sum, (weight, labelled))
        for name, value in scalars.items():
            share = share_of_labelled if name in _OF_LABELS else share_of_all
            # A mean over no examples is NaN; its weight of 0 would not hide that.
            value = tf.where(share > 0, value, tf.zeros_like(value))
            self.means[name].update_state(value, sample_weight=share)
        context = tf.distribute.get_replica_context()
        replicas = tf.cast(context.num_replicas_in_sync, tf.float32)
        self.bad_steps.update_state((1.0 - tf.cast(is_counted, tf.float32)) / replicas)
        if logits is not None and self.macro_f1 is not None:
            self.macro_f1.update_state(batch["label"], logits, labelled)


def poisoned(gradients: Sequence[tf.Tensor], loss: tf.Tensor) -> list[tf.Tensor]:
    """Makes a gradient NaN where the loss is not finite, though it was itself.

    All replicas then know of it by the sum of the gradients alone.

    Args:
      gradients: One replica's gradients.
      loss: Its loss, ().
    """
    smallest = min(
        range(len(gradients)), key=lambda i: gradients[i].shape.num_elements()
    )
    poison = tf.where(tf.math.is_finite(loss), 0.0, math.nan)
    gradients = list(gradients)
    gradients[smallest] += tf.cast(poison, gradients[smallest].dtype)
    return gradients
