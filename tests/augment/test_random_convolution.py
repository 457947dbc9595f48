import numpy as np
import pytest

from byel_tf.augment.random_convolution import SIZES, draw_filters, random_convolution


@pytest.fixture
def seeds(generator):
    return generator.random(12, dtype=np.float32)


def expected(image, filters, share):
    """One image, tap by tap, in float64."""
    height, width, channels = image.shape
    image = image.astype(np.float64)
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], "symmetric")
    made = np.zeros_like(image)
    for row, column in np.ndindex(5, 5):
        shifted = padded[row : row + height, column : column + width]
        made += shifted @ filters[row, column].astype(np.float64)
    deviation, filtered = image.std(axis=(0, 1)), made.std(axis=(0, 1))
    gain = deviation / np.maximum(filtered, 0.1 * deviation + 1e-6)
    made = (made - made.mean(axis=(0, 1))) * gain + image.mean(axis=(0, 1))
    return np.clip(image * share + made * (1 - share), 0, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_blends_with_the_filtered_picture_of_the_same_mean_and_deviation(
    make_images, seeds, channels
):
    images = make_images(batch=12, channels=channels)
    sizes = np.arange(12, dtype=np.int32) % 3
    share = np.linspace(0, 1, 12, dtype=np.float32)
    result = random_convolution(images, share, sizes, seeds).numpy()
    filters = draw_filters(seeds, sizes, channels).numpy()
    for i in range(12):
        np.testing.assert_allclose(
            result[i], expected(images[i], filters[i], share[i]), atol=1e-5
        )
    np.testing.assert_array_equal(result[-1], images[-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_filters_have_their_size_and_a_positive_sum(generator, channels):
    seeds = generator.random(300, dtype=np.float32)
    for number, size in enumerate(SIZES):
        filters = draw_filters(seeds, np.full(300, number), channels).numpy()
        assert filters.shape == (300, 5, 5, channels, channels)
        edge = (5 - size) // 2
        inside = np.zeros((5, 5), bool)
        inside[edge : 5 - edge, edge : 5 - edge] = True
        assert (filters[:, ~inside] == 0).all()
        assert (filters[:, inside] != 0).all()
        assert (filters.sum(axis=(1, 2, 3)) > 0).all()
        np.testing.assert_allclose((filters**2).sum(axis=(1, 2, 3)), 1, atol=1e-4)
    # Apart from the sign that the sum decides, weights are of both signs.
    assert 0.3 < (filters < 0).mean() < 0.5


def test_a_flat_picture_stays(seeds):
    images = np.full((12, 9, 9, 3), 0.4, np.float32)
    sizes = np.full(12, 2, np.int32)
    result = random_convolution(images, np.zeros(12, np.float32), sizes, seeds)
    np.testing.assert_allclose(result, images, atol=1e-5)
