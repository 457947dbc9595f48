"""What every policy promises, whatever it does to an image."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from byel_tf.augment import byol
from byel_tf.augment.fixed import fixed
from byel_tf.augment.names import POLICY_NAMES
from byel_tf.augment.policies import fixed as exported_fixed
from byel_tf.augment.policies import policy

SIZE = 20
LARGEST = np.float32(1.0 - 2.0**-24)

# Of the others both views are one.
each_view = pytest.mark.parametrize(
    ("name", "number"), [*((name, 0) for name in POLICY_NAMES), ("byol", 1)]
)
each_channels = pytest.mark.parametrize("channels", [1, 3])


@pytest.fixture
def make_batch(generator):
    def make(name, batch=16, size=SIZE, channels=3):
        images = generator.integers(
            0, 256, (batch, size, size, channels), dtype=np.uint8
        )
        shape = (batch, policy(name).num_uniforms)
        return images, generator.random(shape, dtype=np.float32)

    return make


@pytest.fixture(scope="module")
def graphs():
    """One traced function per view and channel count, of any batch size."""
    cache = {}

    def graph(name, number, channels=3):
        key = name, number, channels
        if key not in cache:
            chosen = policy(name)
            signature = [
                tf.TensorSpec([None, SIZE, SIZE, channels], tf.uint8),
                tf.TensorSpec([None, chosen.num_uniforms], tf.float32),
            ]
            cache[key] = tf.function(
                chosen.augmentations[number], input_signature=signature
            )
        return cache[key]

    return graph


def test_every_name_has_a_policy():
    for name in POLICY_NAMES:
        assert policy(name).name == name
        assert len(policy(name).augmentations) == 2
        assert dataclasses.is_dataclass(policy(name))
        with pytest.raises(dataclasses.FrozenInstanceError):
            policy(name).name = "other"


def test_an_unknown_name_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="reference, byol, faces.*name='simclr'"):
        policy("simclr")


def test_fixed_is_exported():
    assert exported_fixed is fixed


@each_view
@each_channels
@pytest.mark.parametrize("batch", [0, 1, 16])
def test_shape_and_range(graphs, make_batch, name, number, channels, batch):
    function = graphs(name, number, channels)
    images, uniforms = make_batch(name, batch, channels=channels)
    result = function(images, uniforms).numpy()
    assert result.shape == images.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert (result >= 0.0).all() and (result <= 1.0).all()
    static = function.get_concrete_function().output_shapes
    assert static.as_list() == [None, SIZE, SIZE, channels]


@each_view
def test_extreme_uniforms_and_pixels(graphs, make_batch, name, number):
    images, uniforms = make_batch(name)
    images[:8] = np.where(images[:8] < 128, 0, 255)
    uniforms[::2], uniforms[1::2] = 0.0, LARGEST
    result = graphs(name, number)(images, uniforms).numpy()
    assert np.isfinite(result).all()
    assert (result >= 0.0).all() and (result <= 1.0).all()


@each_view
def test_rows_depend_on_their_own_record_only(
    graphs, make_batch, generator, name, number
):
    function = graphs(name, number)
    images, uniforms = make_batch(name)
    result = function(images, uniforms).numpy()
    order = generator.permutation(len(images))
    shuffled = function(images[order], uniforms[order])
    np.testing.assert_allclose(shuffled, result[order], atol=1e-6)
    parts = [
        function(images[part], uniforms[part])
        for part in (slice(0, 1), slice(1, 7), slice(7, None))
    ]
    np.testing.assert_allclose(np.concatenate(parts), result, atol=1e-6)


@each_view
def test_calls_repeat_bit_for_bit(graphs, make_batch, name, number):
    images, uniforms = make_batch(name)
    first = graphs(name, number)(images, uniforms).numpy()
    np.testing.assert_array_equal(graphs(name, number)(images, uniforms), first)


@each_view
def test_other_uniforms_give_another_image(graphs, make_batch, name, number):
    images, uniforms = make_batch(name, batch=2)
    images[1] = images[0]
    result = graphs(name, number)(images, uniforms).numpy()
    assert np.abs(result[0] - result[1]).max() > 0.05


@each_view
def test_eager_graph_and_xla_agree(graphs, make_batch, name, number):
    images, uniforms = make_batch(name)
    view = policy(name).augmentations[number]
    graph = graphs(name, number)(images, uniforms).numpy()
    np.testing.assert_allclose(view(images, uniforms), graph, atol=1e-6)
    compiled = tf.function(view, jit_compile=True)
    np.testing.assert_allclose(compiled(images, uniforms), graph, atol=1e-5)


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_one_channel_compiles_too(graphs, make_batch, name):
    images, uniforms = make_batch(name, channels=1)
    number = int(name == "byol")
    compiled = tf.function(policy(name).augmentations[number], jit_compile=True)
    graph = graphs(name, number, channels=1)(images, uniforms)
    np.testing.assert_allclose(compiled(images, uniforms), graph, atol=1e-5)


@pytest.mark.parametrize("name", POLICY_NAMES)
@settings(deadline=None, max_examples=8)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_any_size_works(name, height, width):
    chosen = policy(name)
    images = np.full((2, height, width, 3), 100, np.uint8)
    uniforms = np.linspace(0.0, LARGEST, 2 * chosen.num_uniforms, dtype=np.float32)
    for view in chosen.augmentations:
        result = view(images, uniforms.reshape(2, -1)).numpy()
        assert result.shape == images.shape
        assert (result >= 0.0).all() and (result <= 1.0).all()


@pytest.mark.parametrize("name", ["reference", "faces"])
def test_both_views_are_alike(graphs, make_batch, name):
    first, second = policy(name).views
    assert first is second
    images, uniforms = make_batch(name)
    first, second = (graphs(name, number)(images, uniforms) for number in (0, 1))
    np.testing.assert_array_equal(first, second)


def test_only_the_second_view_of_byol_solarises(graphs, make_batch):
    images, uniforms = make_batch("byol")
    column = byol.Draws._fields.index("solarise")
    results = []
    for number in (0, 1):
        for value in (0.0, 0.5):
            uniforms[:, column] = value
            results.append(graphs("byol", number)(images, uniforms).numpy())
    np.testing.assert_array_equal(results[0], results[1])
    assert np.abs(results[2] - results[3]).max() > 0.1


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_constant_grey_images_keep_their_structure(graphs, make_batch, name):
    """Geometry, blur and colour cannot invent structure; noise and erasing can."""
    images, uniforms = make_batch(name)
    images[:] = 90
    # BYOL's blur darkens the border, by one pixel at this size.
    result = graphs(name, 0)(images, uniforms).numpy()[:, 1:-1, 1:-1]
    spread = result.std(axis=(1, 2, 3)).max()
    assert spread < (0.5 if name == "faces" else 1e-3)


def test_rejects_a_wrong_number_of_uniforms(make_batch):
    images, uniforms = make_batch("byol")
    with pytest.raises(ValueError, match=r"\[batch, 15\].*uniforms.shape=\(16, 14\)"):
        policy("byol").augmentations[0](images, uniforms[:, :-1])


def test_rejects_uniforms_of_another_dtype(make_batch):
    images, uniforms = make_batch("byol")
    with pytest.raises(ValueError, match="uniforms.dtype=float64"):
        policy("byol").augmentations[0](images, uniforms.astype(np.float64))


def test_rejects_images_of_unknown_size():
    chosen = policy("faces")
    signature = [
        tf.TensorSpec([None, None, None, 3], tf.uint8),
        tf.TensorSpec([None, chosen.num_uniforms], tf.float32),
    ]
    with pytest.raises(ValueError, match="static height and width"):
        tf.function(
            chosen.augmentations[0], input_signature=signature
        ).get_concrete_function()


def test_rejects_float_images(make_batch):
    images, uniforms = make_batch("reference")
    with pytest.raises(ValueError, match="images.dtype=float32"):
        policy("reference").augmentations[0](images.astype(np.float32), uniforms)
