import io
import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.data.image_files import ImageLimits, RejectedImage, encode
from byel_tf.data.images import decode_and_resize
from byel_tf.serving.image_inputs import as_images, decode_images, encode_image

PIXELS = np.random.default_rng(3).integers(0, 256, (7, 5, 3), np.uint8)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def decoded(content):
    return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()


@pytest.mark.parametrize("as_path", [str, pathlib.Path])
def test_files_and_bytes_are_those_of_the_import(as_path, tmp_path):
    content = png(PIXELS)
    (tmp_path / "face.png").write_bytes(content)
    expected = encode(content, ImageLimits()).content
    assert encode_image(as_path(tmp_path / "face.png")) == expected
    assert encode_image(content) == encode_image(bytearray(content)) == expected


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "1", "I;16"])
def test_a_picture_is_what_its_file_is(mode):
    picture = Image.fromarray(PIXELS).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    file = io.BytesIO()
    picture.save(file, "TIFF")
    from_file = encode(file.getvalue(), ImageLimits()).content
    assert (decoded(encode_image(picture)) == decoded(from_file)).all()


def test_arrays_lose_nothing():
    assert (decoded(encode_image(PIXELS)) == PIXELS).all()
    assert (decoded(encode_image(PIXELS[::-1, ::2])) == PIXELS[::-1, ::2]).all()
    grey = decoded(encode_image(PIXELS[..., 0]))
    assert (grey == PIXELS[..., :1]).all()
    opaque = np.concatenate([PIXELS, np.full((7, 5, 1), 255, np.uint8)], axis=-1)
    assert (decoded(encode_image(opaque)) == PIXELS).all()
    opaque[0, 0, 3] = 0
    assert (decoded(encode_image(opaque))[0, 0] == 0).all()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("missing.png", "cannot be read: No such file or directory"),
        ("a\0b", "no file has such a name"),
        (b"text", "cannot be decoded"),
        (b"", "cannot be decoded"),
        (png(PIXELS)[:-20], "cannot be decoded"),
        (PIXELS.astype(np.float32), "expected an array of uint8.*float32 .7, 5, 3."),
        (PIXELS[None], r"received uint8 \[1, 7, 5, 3\]"),
        (PIXELS[:0], r"received uint8 \[0, 5, 3\]"),
        (Image.new("F", (4, 4)), "floating-point values"),
        (Image.new("L", (0, 4)), "no pixels"),
        (PIXELS > 9, r"received bool \[7, 5, 3\]"),
        (PIXELS.astype(np.uint16), "received uint16"),
        (PIXELS.astype(np.float64) / 255, r"255 \* array"),
        (np.moveaxis(PIXELS, -1, 0), r"received uint8 \[3, 7, 5\].*moveaxis"),
        (np.array(["a"], object), r"received object \[1\]"),
        (None, "received NoneType"),
        (7, "received int"),
    ],
)
def test_what_is_no_image(image, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RejectedImage, match=reason):
        encode_image(image)


def test_limits():
    limits = ImageLimits(max_pixels=34)
    for image in (PIXELS, Image.fromarray(PIXELS), png(PIXELS)):
        with pytest.raises(RejectedImage, match="more than 34 pixels"):
            encode_image(image, limits)
    with pytest.raises(RejectedImage, match="more than 65535 pixels a side"):
        encode_image(np.zeros((1, 65536), np.uint8))


def test_one_image_needs_no_list():
    for image in ("a.png", b"x", PIXELS, PIXELS[..., 0], Image.fromarray(PIXELS)):
        (found,) = as_images(image)
        assert found is image
    assert list(as_images(str(n) for n in range(2))) == ["0", "1"]


def several(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize(
    ("images", "count", "shape"),
    [
        (several(9, 8), 1, (9, 8)),
        (several(9, 8, 1), 1, (9, 8)),
        (several(9, 8, 3), 1, (9, 8, 3)),
        (several(9, 8, 4), 1, (9, 8, 4)),
        (several(3, 8, 3), 1, (3, 8, 3)),
        (several(1, 9, 8), 1, (9, 8)),
        (several(2, 9, 8), 2, (9, 8)),
        (several(5, 9, 8), 5, (9, 8)),
        (several(1, 9, 8, 3), 1, (9, 8, 3)),
        (several(3, 9, 8, 1), 3, (9, 8)),
        (several(4, 9, 8, 4), 4, (9, 8, 4)),
        (several(0, 9, 8, 3), 0, None),
        (np.array([]), 0, None),
        ([], 0, None),
        ([several(9, 8, 1), several(9, 8)], 2, (9, 8)),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_arrays_of_images(images, count, shape, kind):
    if isinstance(images, list):
        given = [kind(image) for image in images]
    else:
        given = kind(images)
    found = [Image.open(io.BytesIO(encode_image(i))) for i in as_images(given)]
    assert len(found) == count
    for image, expected in zip(found, images if count > 1 else [images], strict=False):
        expected = np.squeeze(np.asarray(expected))
        assert expected.shape == shape
        if image.mode == "RGB" and shape[-1] == 4:
            assert image.size == shape[1::-1]
        else:
            np.testing.assert_array_equal(np.asarray(image), expected)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (several(3, 9, 8), r"3 grey images or one.*newaxis.*moveaxis.*\[3, 9, 8\]"),
        (several(4, 9, 8), "4 grey images or one"),
        (several(5, 3, 9, 8), r"C \(1, 3 or 4\) last.*uint8 \[5, 3, 9, 8\]"),
        (several(9), r"Received: uint8 \[9\]"),
        (several(1, 2, 9, 8, 3), "Received: uint8"),
        (np.uint8(7), r"Received: uint8 \[\]"),
        (pd.DataFrame({"path": ["a"], "label": ["b"]}), "Of a table give the column"),
        ({"a": "a.png"}, "of a dictionary"),
    ],
)
def test_what_may_be_several_things(images, reason):
    with pytest.raises(ValueError, match=reason):
        as_images(images)


def test_columns_and_tensors_of_paths_and_files():
    content = png(PIXELS)
    assert list(as_images(pd.Series(["a.png", "b.png"], index=[7, 8]))) == [
        "a.png",
        "b.png",
    ]
    assert list(as_images(np.array(["a.png", "b.png"]))) == ["a.png", "b.png"]
    assert list(as_images(np.array("a.png"))) == ["a.png"]
    assert list(as_images(tf.constant([content, content]))) == [content, content]
    assert list(as_images(tf.constant(content))) == [content]
    assert encode_image(tf.constant(content)) == encode_image(content)


def test_decoded_images_are_those_of_training():
    content = png(PIXELS)
    pixels, errors = decode_images([content, b"text", PIXELS], 16)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (3, 16, 16, 3))
    expected = decode_and_resize(content, 16).numpy()
    assert (pixels[0] == expected).all()
    assert (pixels[2] == expected).all()
    assert not pixels[1].any()
    assert [bool(error) for error in errors] == [False, True, False]
    assert decode_images([], 16)[0].shape == (0, 16, 16, 3)
