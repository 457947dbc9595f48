import json

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.image_transforms import TRANSFORMS
from benchmarks.views import main
from byel_tf.augment.names import POLICY_NAMES
from byel_tf.errors import UsageError


def test_rates_and_ratios(tmp_path, capsys):
    flags = ["--policies=faces", "--image_size=16", "--batch_size=8", "--notorch"]
    output = f"--output={tmp_path / 'r.json'}"
    main(
        [
            "views",
            output,
            *flags,
            "--rounds=2",
            "--batches=2",
            "--random_convolution=0.5",
        ]
    )
    faces = json.loads((tmp_path / "r.json").read_text())["views"]["faces"]
    assert set(faces["views_per_second"]) == {"byel_tf", "tf.image", "plain"}
    assert faces["times_as_fast_as"]["tf.image"]["median"] > 0
    assert "byel_tf / tf.image" in capsys.readouterr().out


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_transforms_of_single_images_change_them_within_their_range(name):
    images = np.random.default_rng(1).integers(0, 256, (16, 24, 24, 3), np.uint8)
    transform = tf.function(TRANSFORMS[name])
    views = np.stack([transform(image) for image in images])
    assert views.shape == images.shape
    assert views.dtype == np.float32
    assert views.min() >= 0 and views.max() <= 1
    changed = np.abs(views - images / 255).max(axis=(1, 2, 3))
    assert (changed > 0.05).mean() > 0.8


def test_an_unknown_policy_names_the_known_ones():
    with pytest.raises(UsageError, match="'blur' is none of reference"):
        main(["views", "--output=x", "--policies=blur"])
