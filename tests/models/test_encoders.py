import numpy as np
import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.errors import UsageError
from byel_tf.models.encoders import (
    build_encoder,
    luminance,
    normalize,
    require_encoder,
)


def test_resnet_by_its_name():
    encoder = build_encoder("resnet18", image_size=32, width=0.25, stem="small")
    assert encoder.representation_size == 128
    assert encoder(tf.zeros([3, 32, 32, 3])).shape == (3, 128)
    assert encoder.backbone.pool is None


def test_network_of_keras_applications():
    encoder = build_encoder("MobileNetV2", image_size=32)
    assert encoder(tf.ones([2, 32, 32, 3])).shape == (2, encoder.representation_size)
    norms = [
        layer
        for layer in encoder.submodules
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 52
    # Its own is 0.999, which a thousand steps would not be rid of.
    assert {layer.momentum for layer in norms} == {0.9}


def test_application_preprocesses_as_it_was_made_to():
    encoder = build_encoder("MobileNetV2", image_size=32)
    np.testing.assert_allclose(
        encoder.standardize(tf.constant([[0.0, 0.5, 1.0]])), [[-1, 0, 1]], atol=1e-6
    )


@pytest.mark.parametrize("normalization", ["imagenet", "per_image"])
def test_grey_resnet_sees_one_channel(rng, normalization):
    encoder = build_encoder(
        "resnet18", image_size=16, width=0.0625, channels=1, normalization=normalization
    )
    assert encoder.backbone.stem.kernel.shape[2] == 1
    images = rng.uniform(size=(3, 16, 16, 3)).astype(np.float32)
    grey = images @ [[0.2989], [0.587], [0.114]]
    if normalization == "imagenet":
        grey = (grey - 0.4589) / 0.2256
    else:
        mean, deviation = (f(grey, axis=(1, 2, 3)) for f in (np.mean, np.std))
        grey = (grey - mean[:, None, None, None]) / deviation[:, None, None, None]
    np.testing.assert_allclose(encoder.standardize(images), grey, atol=1e-3)
    assert encoder(images).shape == (3, encoder.representation_size)


def test_grey_application_sees_three_equal_channels(rng):
    encoder = build_encoder("MobileNetV2", image_size=32, channels=1)
    images = rng.uniform(size=(2, 4, 4, 3)).astype(np.float32)
    grey = images @ [[0.2989], [0.587], [0.114]]
    expected = np.repeat(2 * grey - 1, 3, axis=-1)
    np.testing.assert_allclose(encoder.standardize(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "weights", "width", "reason"),
    [
        ("resnet19", "none", 1.0, "--encoder=resnet19 is unknown"),
        ("resnet18", "imagenet", 1.0, "needs a network of keras.applications"),
        ("MobileNetV2", "none", 0.5, "has its own width"),
    ],
)
def test_encoders_that_do_not_exist_are_refused(name, weights, width, reason):
    with pytest.raises(UsageError, match=reason):
        require_encoder(name, weights, width, "imagenet", "imagenet")


def test_images_are_standardised_in_float32_under_mixed_precision(rng):
    # Contrast that eight bits of precision would round away.
    images = (0.5 + rng.uniform(0, 0.004, size=(2, 16, 16, 3))).astype(np.float32)
    seen = []
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        encoder = build_encoder("resnet18", image_size=16, width=0.0625)
        standardize = encoder.standardize
        encoder.standardize = lambda x: seen.append(x) or standardize(x)
        assert encoder(images).dtype == tf.bfloat16
    finally:
        keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(seen[0], images)


def test_image_too_small_for_an_application_is_refused():
    with pytest.raises(UsageError, match="does not take --image_size=32"):
        build_encoder("InceptionV3", image_size=32)


def test_luminance_against_numpy(rng):
    images = rng.uniform(size=(2, 4, 4, 3))
    expected = images @ [[0.2989], [0.587], [0.114]]
    np.testing.assert_allclose(luminance(images), expected, rtol=1e-12)


def test_imagenet_normalization(rng):
    images = rng.uniform(size=(2, 4, 4, 3)).astype(np.float32)
    expected = (images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(normalize(images, "imagenet"), expected, rtol=1e-5)


def test_imagenet_normalization_of_grey_images(rng):
    images = rng.uniform(size=(2, 4, 4, 1)).astype(np.float32)
    weights = np.array([0.2989, 0.587, 0.114])
    mean, deviation = weights @ [0.485, 0.456, 0.406], weights @ [0.229, 0.224, 0.225]
    expected = (images - mean) / deviation
    np.testing.assert_allclose(normalize(images, "imagenet"), expected, atol=1e-5)


def test_per_image_normalization(rng):
    images = rng.uniform(size=(3, 8, 8, 3)).astype(np.float32)
    out = normalize(images, "per_image").numpy()
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=(1, 2, 3)), 1, atol=1e-5)
    assert np.isfinite(normalize(tf.zeros([1, 4, 4, 3]), "per_image").numpy()).all()
