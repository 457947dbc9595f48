import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment.noise import add_noise, unit_noise

MASK = 2**32 - 1


def lowbias32(value):
    value ^= value >> 16
    value = value * 0x7FEB352D & MASK
    value ^= value >> 15
    value = value * 0x846CA68B & MASK
    return value ^ value >> 16


def expected_noise(uniform, count):
    key = lowbias32(int(np.float32(uniform).view(np.uint32)))
    values = []
    for position in range(1, count + 1):
        mixed = (key ^ lowbias32(position)) * 0x7FEB352D & MASK
        mixed = (mixed ^ mixed >> 15) * 0x846CA68B & MASK
        values.append((mixed.bit_count() - 16) / np.sqrt(8))
    return values


def test_is_the_documented_hash(generator):
    uniforms = generator.random(3, dtype=np.float32)
    expected = [expected_noise(u, 50) for u in uniforms]
    np.testing.assert_allclose(
        unit_noise(tf.constant(uniforms), 50), expected, atol=1e-6
    )


def test_same_values_on_host_in_graphs_and_under_xla(generator):
    uniforms = tf.constant(generator.random(8, dtype=np.float32))
    host = unit_noise(uniforms, 300).numpy()
    for compiled in (False, True):
        function = tf.function(unit_noise, jit_compile=compiled)
        np.testing.assert_array_equal(function(uniforms, 300), host)


def test_looks_normal_and_independent(generator):
    uniforms = np.sort(generator.random(64, dtype=np.float32))
    noise = unit_noise(tf.constant(uniforms), 3000).numpy().astype(np.float64)
    error = 1 / np.sqrt(noise.size)
    assert abs(noise.mean()) < 4 * error
    assert noise.var() == pytest.approx(1.0, abs=6 * error)
    assert (noise**4).mean() == pytest.approx(3 - 1 / 16, abs=40 * error)
    for lag in (1, 3, 144):
        # Neighbouring channels, columns and rows of a 48 x 48 image.
        assert abs((noise[:, lag:] * noise[:, :-lag]).mean()) < 5 * error
    assert abs((noise[1:] * noise[:-1]).mean()) < 5 * error
    per_position = noise.mean(axis=0) * np.sqrt(64)
    assert per_position.var() == pytest.approx(1.0, abs=0.12)


def test_neighbouring_seeds_differ():
    first = np.float32(0.25)
    seeds = tf.constant([first, np.nextafter(first, np.float32(1))])
    noise = unit_noise(seeds, 5000).numpy()
    assert abs(np.corrcoef(noise)[0, 1]) < 0.06


@pytest.mark.parametrize("channels", [1, 3])
def test_scales_the_noise_and_clips(make_images, generator, channels):
    images = make_images(batch=3, channels=channels)
    uniforms = tf.constant(generator.random(3, dtype=np.float32))
    deviation = np.float32([0.0, 0.02, 0.3])
    result = add_noise(tf.constant(images), uniforms, tf.constant(deviation)).numpy()
    unit = unit_noise(uniforms, 12 * 10 * channels).numpy().reshape(images.shape)
    expected = images + unit * deviation[:, None, None, None].astype(np.float64)
    np.testing.assert_allclose(result, np.clip(expected, 0, 1), atol=1e-6)
    np.testing.assert_array_equal(result[0], images[0])
