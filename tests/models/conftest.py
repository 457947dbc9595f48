"""Tiny models of both stages, and steppers of them that all tests share."""

import functools

import pytest
import tensorflow as tf

from byel_tf.augment.views import ready_views
from byel_tf.compat import keras
from byel_tf.models.action_units import build_action_unit_head
from byel_tf.models.bootstrap import Bootstrap
from byel_tf.models.byel import BYEL
from byel_tf.models.classifier import ExpressionClassifier
from byel_tf.models.emotion import EmotionClassifier, subtract_emotion_vector
from byel_tf.models.mlp import MLP
from byel_tf.models.movements import MovementVectors
from byel_tf.models.networks import OnlineNetwork, TargetNetwork
from byel_tf.models.normalization import batch_norm
from tests.models.stepping import CLASSES, UNITS, Stepper, scatter

REPRESENTATION, PROJECTION = 6, 8


def rising_momentum(step):
    """A τ that tells the step it is of."""
    return 0.5 + 0.125 * tf.cast(step, tf.float32)


def first_view(batch):
    return ready_views(batch)[:1]


def build_mlp(name, size, make_norm=batch_norm):
    built = MLP(16, PROJECTION, name, make_norm)
    built(tf.zeros([1, size]))
    return built


def build_emotions(make_norm=batch_norm):
    emotions = EmotionClassifier(CLASSES, make_norm, dtype="float32")
    emotions(tf.zeros([1, PROJECTION]))
    return emotions


def build_movements():
    vectors = MovementVectors(UNITS, dtype="float32")
    vectors(tf.zeros([1, PROJECTION]), tf.zeros([1, UNITS]))
    return vectors


def sgd():
    return keras.optimizers.SGD(0.1, momentum=0.9)


@pytest.fixture(scope="session")
def make_byel(tiny_encoder):
    """A function that makes a compiled BYEL of UNITS action units."""

    def make(
        optimizer=None,
        has_emotions=True,
        is_subtracted=True,
        is_scattered=True,
        target_momentum=rising_momentum,
        make_views=ready_views,
        make_norm=batch_norm,
        has_movements=False,
        is_standardized=False,
        **options,
    ):
        mlp = functools.partial(build_mlp, make_norm=make_norm)
        keras.utils.set_random_seed(3)
        online = OnlineNetwork(
            tiny_encoder(make_norm),
            mlp("projector", REPRESENTATION),
            mlp("predictor", PROJECTION),
        )
        norm = make_norm("direction_norm", dtype="float32")
        norm(tf.zeros([1, PROJECTION]))
        target = TargetNetwork(
            tiny_encoder(make_norm),
            mlp("projector", REPRESENTATION),
            norm if is_standardized else None,
        )
        emotions = build_emotions(make_norm) if has_emotions else None
        model = BYEL(
            online,
            target,
            make_views,
            target_momentum,
            emotions,
            subtract_emotion_vector if has_emotions and is_subtracted else None,
            **{
                "action_unit_head": build_action_unit_head(UNITS, REPRESENTATION),
                "max_bad_steps": 3,
                "movement_vectors": build_movements() if has_movements else None,
                **options,
            },
        )
        if is_scattered:
            scatter(model.learned_variables)
            scatter(model.target.following_variables)
        model.compile(optimizer or sgd())
        return model

    return make


@pytest.fixture(scope="session")
def make_classifier(tiny_encoder):
    """A function that makes a compiled classifier, averaged and with action units."""

    def make(
        optimizer=None,
        weight_ema=0.2,
        is_scattered=True,
        is_joint=False,
        has_movements=False,
        make_views=None,
        **options,
    ):
        keras.utils.set_random_seed(3)
        encoder = tiny_encoder()

        def build_bootstrap():
            return Bootstrap(
                encoder,
                build_mlp("projector", REPRESENTATION),
                build_mlp("predictor", PROJECTION),
                TargetNetwork(tiny_encoder(), build_mlp("projector", REPRESENTATION)),
                rising_momentum,
                build_emotions(),
                None if has_movements else subtract_emotion_vector,
                build_movements() if has_movements else None,
            )

        model = ExpressionClassifier(
            encoder,
            CLASSES,
            make_views or (ready_views if is_joint else first_view),
            build_bootstrap=build_bootstrap if is_joint else None,
            build_averaged_encoder=tiny_encoder if weight_ema else None,
            weight_ema=weight_ema,
            **{
                "action_unit_head": build_action_unit_head(UNITS, REPRESENTATION),
                "action_unit_weight": 0.7,
                "dropout": 0.5,
                "max_bad_steps": 3,
                **options,
            },
        )
        if is_scattered:
            scatter(model.learned_variables)
        model.compile(optimizer or sgd())
        return model

    return make


@pytest.fixture(scope="session")
def _stepper(make_byel, make_classifier, two_replicas):
    @functools.cache
    def make(name, replicas):
        make_model = {
            "byel": make_byel,
            "classifier": make_classifier,
            "joint": functools.partial(make_classifier, is_joint=True),
        }[name]
        strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
        with strategy.scope():
            return Stepper(make_model())

    return make


@pytest.fixture
def stepper(_stepper):
    """A function from "byel", "classifier" or "joint" and replicas to a stepper.

    Tracing takes seconds: every test gets the same one, set back to its start.
    """

    def get(name, replicas):
        made = _stepper(name, replicas)
        made.reset()
        return made

    return get
