import io
import pathlib

import numpy as np
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
    stack = np.stack([PIXELS, PIXELS])
    assert len(as_images(stack)) == len(as_images(stack[..., 0])) == 2
    assert list(as_images(str(n) for n in range(2))) == ["0", "1"]


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
