import numpy as np
import pytest

from byel_tf.augment.spectrum import NUM_OCTAVES, jitter_spectrum, octave_shares


def mirrored_spectrum(plane):
    """Fourier transform, complex128, of a picture and its mirror images."""
    rows = np.concatenate([plane, plane[::-1]])
    return np.fft.fft2(np.concatenate([rows, rows[:, ::-1]], axis=1))


@pytest.mark.parametrize("channels", [1, 3])
def test_is_a_radial_gain_of_the_spectrum_and_keeps_phases_and_mean(
    generator, make_images, channels
):
    images = 0.45 + 0.1 * make_images(batch=4, channels=channels)  # nothing clips
    gains = generator.uniform(-0.5, 0.5, (4, NUM_OCTAVES)).astype(np.float32)
    result = jitter_spectrum(images, gains).numpy()
    v, u = np.meshgrid(np.fft.fftfreq(24) * 12, np.fft.fftfreq(20) * 10, indexing="ij")
    octave = np.log2(np.maximum(np.hypot(u, v), 1))
    for i, channel in np.ndindex(4, channels):
        before = mirrored_spectrum(images[i, :, :, channel].astype(np.float64))
        after = mirrored_spectrum(result[i, :, :, channel].astype(np.float64))
        low = np.floor(octave).astype(int)
        part = np.sin(np.pi / 2 * (octave - low)) ** 2
        expected = np.exp(gains[i][low] * (1 - part) + gains[i][low + 1] * part)
        expected[0, 0] = 1
        np.testing.assert_allclose(after, before * expected, atol=1e-3)


def test_no_gain_is_the_identity_and_the_result_is_clipped(make_images):
    images = make_images(batch=2)
    nothing = jitter_spectrum(images, np.zeros((2, NUM_OCTAVES), np.float32))
    np.testing.assert_allclose(nothing, images, atol=1e-6)
    strong = np.full((2, NUM_OCTAVES), 2.0, np.float32)
    result = jitter_spectrum(images, strong).numpy()
    assert result.min() == 0 and result.max() == 1


def test_octaves_share_each_frequency():
    shares = octave_shares(48, 40)
    np.testing.assert_allclose(shares[:, 1:].sum(axis=0), 1, atol=1e-6)
    assert (shares[:, 0] == 0).all()
