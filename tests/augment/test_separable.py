import numpy as np
import tensorflow as tf

from byel_tf.augment.separable import resample


def test_applies_rows_and_columns_per_image(make_images, generator):
    images = make_images(batch=3, height=6, width=5)
    rows = generator.dirichlet(np.ones(6), (3, 4)).astype(np.float32)
    columns = generator.dirichlet(np.ones(5), (3, 7)).astype(np.float32)
    result = resample(tf.constant(images), tf.constant(rows), tf.constant(columns))
    expected = np.einsum(
        "byh,bxw,bhwc->byxc", *(a.astype(np.float64) for a in (rows, columns, images))
    )
    np.testing.assert_allclose(result, expected, atol=1e-6)
