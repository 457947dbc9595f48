import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.image_processing import photograph
from byel_tf.synthesis.sampling import sample_face


@pytest.fixture
def picture():
    generator = np.random.default_rng(0)
    smooth = np.linspace(0.2, 0.8, 64)[:, None] * np.ones((64, 64))
    colour = np.stack([smooth * 1.1, smooth, smooth * 0.8], axis=-1)
    return (colour + 0.05 * generator.normal(size=(64, 64, 1))).astype(np.float32)


@pytest.fixture
def process(synthetic, picture):
    plain = {
        "blur": 0.0, "sharpening": 0.0, "gamma": 1.0, "contrast": 0.0,
        "brightness": 0.5, "saturation": 1.0, "cast": 0.0, "resolution": 1.0,
        "noise": 0.0, "equalize": 0, "jpeg_quality": 0.0,
    }  # fmt: skip

    def processed(size=64, **changes):
        face = sample_face(synthetic, "fear", 1, 0)
        image = dataclasses.replace(face.image, **{**plain, **changes})
        values = picture[:size, :size]
        return photograph(values, dataclasses.replace(face, image=image)).astype(float)

    return processed


def detail(picture):
    return np.abs(np.diff(picture, axis=1)).mean()


def test_plain_camera_keeps_the_picture(process, picture):
    np.testing.assert_allclose(process(), np.clip(picture, 0, 1) * 255, atol=0.51)


def test_blur_resolution_and_sharpening(process):
    plain = detail(process())
    assert detail(process(blur=1.0)) < 0.6 * plain
    assert detail(process(resolution=0.5)) < 0.8 * plain
    assert detail(process(sharpening=1.0)) > 1.3 * plain


def test_gamma(process, picture):
    expected = np.clip(picture, 0, 1) ** 2 * 255
    np.testing.assert_allclose(process(gamma=2.0), expected, atol=0.51)


def test_contrast_and_brightness_of_the_middle(process):
    middle = process(contrast=0.12, brightness=0.4)[10:58, 10:54] / 255
    luma = middle @ [0.299, 0.587, 0.114]
    assert luma.std() == pytest.approx(0.12, rel=0.15)
    assert luma.mean() == pytest.approx(0.4, abs=0.01)


def test_no_saturation_is_grey(process):
    assert np.ptp(process(saturation=0.0, noise=0.03, cast=0.3), axis=2).max() <= 1


def test_cast_warms(process):
    cold, warm = process(cast=-0.3), process(cast=0.3)
    assert (warm[..., 0].mean() > cold[..., 0].mean()) and (
        warm[..., 2].mean() < cold[..., 2].mean()
    )


def test_noise_has_its_deviation(process):
    noisy = (process(noise=0.04) - process()) / 255
    assert noisy.std() == pytest.approx(0.04, rel=0.1)


def test_equalized_spreads_over_the_range(process):
    assert np.ptp(process(equalize=1).mean(axis=2)) > np.ptp(process().mean(axis=2))


def test_jpeg(process):
    fine, coarse = process(jpeg_quality=95.0), process(jpeg_quality=10.0)
    plain = process()
    assert 0 < np.abs(fine - plain).mean() < np.abs(coarse - plain).mean()


def test_least_size(process):
    everything = {
        "blur": 1.0, "sharpening": 1.0, "contrast": 0.2, "resolution": 0.5,
        "noise": 0.1, "equalize": 1, "jpeg_quality": 20.0,
    }  # fmt: skip
    assert process(size=16, **everything).shape == (16, 16, 3)
