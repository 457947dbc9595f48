"""Random convolutions and spectrum jitter as options of the `faces` policy."""

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.augment import face_crops, textures
from byel_tf.augment.policies import policy
from tests.augment.test_face_crops import QUIET

BATCH, SIZE = 200, 16


def uniforms(generator, chosen):
    """Of quiet views, whose textures are drawn."""
    drawn = generator.random((BATCH, chosen.num_uniforms), dtype=np.float32)
    drawn[:, : len(QUIET)] = QUIET
    return drawn


@pytest.mark.parametrize(
    ("option", "column"), [("random_convolution", 0), ("spectrum_jitter", 4)]
)
def test_changes_the_share_of_the_views_that_was_asked_for(generator, option, column):
    chosen = policy("faces", **{option: 0.3})
    images = generator.integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
    drawn = uniforms(generator, chosen)
    drawn[:, len(QUIET) + column] = (np.arange(BATCH) + 0.5) / BATCH
    drawn[:, len(QUIET) + 2] = 0.9  # no filter of one tap
    result = chosen.augmentations[0](images, drawn).numpy()
    changed = np.abs(result - images / 255).max(axis=(1, 2, 3)) > 1e-3
    assert changed.sum() == pytest.approx(0.3 * BATCH, abs=2)
    assert not changed[60:].any()


def test_without_them_the_policy_and_its_uniforms_are_the_plain_ones():
    assert policy("faces", 0.0, 0.0) is policy("faces")
    assert policy("faces").num_uniforms == len(face_crops.Draws._fields)
    extended = policy("faces", 0.5, 0.5)
    assert extended.num_uniforms == len(face_crops.Draws._fields) + len(
        textures.Draws._fields
    )


def test_of_faces_alone():
    with pytest.raises(ValueError, match="only the policy 'faces'.*name='byol'"):
        policy("byol", random_convolution=0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_agree_in_graphs_and_under_xla_for_any_batch(generator, channels):
    chosen = policy("faces", 0.7, 0.7)
    view = chosen.augmentations[1]
    signature = [
        tf.TensorSpec([None, SIZE, SIZE, channels], tf.uint8),
        tf.TensorSpec([None, chosen.num_uniforms], tf.float32),
    ]
    images = generator.integers(0, 256, (9, SIZE, SIZE, channels), dtype=np.uint8)
    drawn = generator.random((9, chosen.num_uniforms), dtype=np.float32)
    eager = view(images, drawn).numpy()
    assert eager.min() >= 0 and eager.max() <= 1
    for is_compiled in (False, True):
        function = tf.function(view, input_signature=signature, jit_compile=is_compiled)
        if not is_compiled:  # XLA compiles each size anew
            np.testing.assert_allclose(function(images, drawn), eager, atol=1e-5)
        few = function(images[4:7], drawn[4:7])
        np.testing.assert_allclose(few, eager[4:7], atol=1e-5)
        assert function(images[:0], drawn[:0]).shape == (0, SIZE, SIZE, channels)
