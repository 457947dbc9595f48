"""Optimizers by name."""

from collections.abc import Sequence

import tensorflow as tf

from byel_tf.compat import keras, tensorflow_addons
from byel_tf.errors import UsageError
from byel_tf.optimizers.adam import Adam
from byel_tf.optimizers.lars import LARS
from byel_tf.optimizers.schedules import OneCycle, WarmupCosine

LearningRate = float | keras.optimizers.schedules.LearningRateSchedule

_ADDONS = {
    "lamb": "LAMB",
    "lazy_adam": "LazyAdam",
    "novograd": "NovoGrad",
    "rectified_adam": "RectifiedAdam",
    "yogi": "Yogi",
}

_SCHEDULES = {"warmup_cosine": WarmupCosine, "one_cycle": OneCycle}

_WITHOUT_DECAY = ("lazy_adam", "yogi")


def require_optimizer(
    flag: str, name: str, weight_decay: float, has_exclusions: bool
) -> None:
    """Refuses an optimizer that cannot be made, before anything is read or built.

    Args:
      flag: "pretrain" or "finetune", the flags' prefix.
      name: Name of the optimizer.
      weight_decay: λ.
      has_exclusions: Whether some variables are to skip it.

    Raises:
      UsageError: If it needs tensorflow-addons and that is not installed, or does
        not take these options.
    """
    if name not in _ADDONS:
        return
    tensorflow_addons()
    if weight_decay and name in _WITHOUT_DECAY:
        raise UsageError(
            f"--{flag}_optimizer={name} has no weight decay: give "
            f"--{flag}_weight_decay=0"
        )
    if has_exclusions:
        raise UsageError(
            f"--{flag}_optimizer={name} cannot leave variables out of its decay: "
            f"give --no{flag}_exclude_bias_and_norm"
        )


def build_learning_rate(
    schedule: str, peak: float, warmup_steps: float, total_steps: int
) -> LearningRate:
    """Makes a learning rate by the name of its schedule.

    Args:
      schedule: "constant", "warmup_cosine" or "one_cycle".
      peak: Highest learning rate.
      warmup_steps: Steps of the warm-up; cut to `total_steps`.
      total_steps: Steps of the whole stage, at least 1.

    Raises:
      ValueError: If the schedule is unknown.
    """
    if schedule == "constant":
        return peak
    if schedule not in _SCHEDULES:
        raise ValueError(f"unknown schedule. Received: schedule={schedule!r}")
    return _SCHEDULES[schedule](peak, min(warmup_steps, total_steps), total_steps)


def build_optimizer(
    name: str,
    learning_rate: LearningRate,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    trust_coefficient: float = 1e-3,
    trust_ratio: str = "update",
    exclude: Sequence[tf.Variable] = (),
    jit_compile: bool = False,
) -> keras.optimizers.Optimizer:
    """Makes an optimizer; call it in the strategy's scope.

    Args:
      name: lars, sgd, adam, adamw, or one of tensorflow-addons: lamb, lazy_adam,
        novograd, rectified_adam, yogi.
      learning_rate: Number or Keras schedule.
      momentum: For lars and sgd.
      weight_decay: λ. LARS adds it to the gradient; sgd, adam and adamw decay apart
        from the gradient; lamb, novograd, rectified_adam take it as their own.
      trust_coefficient: LARS' η.
      trust_ratio: LARS' ratio.
      exclude: Variables that skip weight decay, and LARS' scaling.
      jit_compile: Whether XLA compiles the update; by itself Keras does so on GPUs.

    Raises:
      UsageError: If an add-on is named and tensorflow-addons is not installed.
      ValueError: If the name is unknown.
    """
    if name == "lars":
        return LARS(
            learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            trust_coefficient=trust_coefficient,
            trust_ratio=trust_ratio,
            exclude=exclude,
            jit_compile=jit_compile,
        )
    if name in _ADDONS:
        return _build_addon(name, learning_rate, weight_decay)
    decay = weight_decay or None
    options = {"weight_decay": decay, "jit_compile": jit_compile}
    if name == "sgd":
        optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum, **options)
    elif name in ("adam", "adamw"):  # Keras' decay is decoupled in both
        optimizer = Adam(learning_rate, **options)
    else:
        raise ValueError(f"unknown optimizer. Received: name={name!r}")
    if decay and exclude:
        optimizer.exclude_from_weight_decay(var_list=list(exclude))
    return optimizer


def _build_addon(
    name: str, learning_rate: LearningRate, weight_decay: float
) -> keras.optimizers.Optimizer:
    optimizer = getattr(tensorflow_addons().optimizers, _ADDONS[name])
    if name in _WITHOUT_DECAY:
        return optimizer(learning_rate=learning_rate)
    decay = "weight_decay_rate" if name == "lamb" else "weight_decay"
    return optimizer(learning_rate=learning_rate, **{decay: weight_decay})
