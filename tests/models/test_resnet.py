import pytest
import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.encoders import build_encoder
from byel_tf.models.normalization import batch_norm
from byel_tf.models.resnet import ResNet


@pytest.mark.parametrize(
    ("name", "width", "stem", "size"),
    [("resnet18", 0.25, "small", 128), ("resnet34", 0.125, "imagenet", 64)],
)
def test_resnet_gives_representations(name, width, stem, size):
    network = ResNet(name, width, stem)
    assert network.representation_size == size
    assert network(tf.zeros([3, 32, 32, 3])).shape == (3, size)


@pytest.mark.parametrize(
    ("name", "parameters"),
    # Those of torchvision's networks without their last layer.
    [("resnet18", 11_176_512), ("resnet34", 21_284_672), ("resnet50", 23_508_032)],
)
def test_resnet_has_the_published_size(name, parameters):
    network = ResNet(name)
    network(tf.zeros([1, 32, 32, 3]))
    sizes = [v.shape.num_elements() for v in network.trainable_variables]
    assert sum(sizes) == parameters


def test_every_batch_norm_is_made_by_what_was_handed_down():
    made = []

    def make_norm(name):
        made.append(batch_norm(name))
        return made[-1]

    encoder = build_encoder(
        "resnet50", image_size=16, width=0.0625, make_norm=make_norm
    )
    found = [
        layer
        for layer in encoder.submodules
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(found) == 53
    assert {id(layer) for layer in found} == {id(layer) for layer in made}


@pytest.mark.parametrize("options", [("resnet19",), ("resnet18", 1.0, "other")])
def test_unknown_depths_and_stems_are_refused(options):
    with pytest.raises(ValueError, match="Received: depth="):
        ResNet(*options)
