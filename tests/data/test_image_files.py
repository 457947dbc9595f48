import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.data import image_files
from byel_tf.data.image_files import RejectedImage, read_image


@pytest.fixture
def read(tmp_path):
    """Reads bytes as an image file."""

    def read_bytes(content):
        file = tmp_path / "image"
        file.write_bytes(content)
        return read_image(file, "image", 1, "fear")

    return read_bytes


def decoded(record):
    """The picture as training sees it; the record must describe it truly."""
    image = tf.io.decode_image(record.encoded, channels=3, expand_animations=False)
    assert image.shape == (record.height, record.width, 3)
    assert record.encoded.startswith(
        {"png": b"\x89PNG", "jpeg": b"\xff\xd8"}[record.format]
    )
    return image.numpy()


def png(width, height, depth, colour_type, pixels, extra=b""):
    """A PNG file of raw pixel bytes, rows without filter."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row for row in pixels)
    parts = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_files_pass_through(read, encode, picture, file_format, mode):
    content = encode(Image.fromarray(picture).convert(mode), file_format)
    record = read(content)
    assert record.encoded == content
    assert (record.format, record.width, record.height) == (file_format.lower(), 10, 12)
    assert (record.label, record.class_name, record.filename) == (1, "fear", "image")
    decoded(record)


@pytest.mark.parametrize(
    "options",
    [
        {"file_format": "JPEG", "progressive": True},
        {"file_format": "JPEG", "subsampling": 0, "quality": 95},
        {"file_format": "JPEG", "exif": b"Exif\0\0broken"},
        {"file_format": "PNG", "dpi": (72, 72)},
    ],
)
def test_variants_pass_through(read, encode, picture, options):
    content = encode(picture, **options)
    assert read(content).encoded == content


def test_trailing_bytes_pass_through(read, encode, picture):
    for file_format in ("JPEG", "PNG"):
        content = encode(picture, file_format) + b"a camera's remarks"
        assert read(content).encoded == content


def test_alpha_is_put_on_black(read, encode, picture):
    alpha = np.full(picture.shape[:2] + (1,), 255, np.uint8)
    alpha[:4] = 0
    alpha[4:6] = 128
    record = read(encode(np.concatenate([picture, alpha], axis=-1)))
    expected = np.round(picture * (alpha / 255.0))
    np.testing.assert_allclose(decoded(record), expected, atol=1)


def test_palette(read, encode, picture):
    palette = Image.fromarray(picture).quantize(16)
    record = read(encode(palette))
    np.testing.assert_array_equal(decoded(record), np.asarray(palette.convert("RGB")))


def test_palette_with_a_transparent_colour(read, encode):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([200, 100, 50, 10, 20, 30])
    record = read(encode(image, transparency=1))
    assert decoded(record).tolist() == [
        [[200, 100, 50], [0, 0, 0]],
        [[0, 0, 0], [200, 100, 50]],
    ]


def test_transparent_colour_of_rgb(read):
    pixels = [bytes([1, 2, 3, 4, 5, 6])]
    content = png(2, 1, 8, 2, pixels, [(b"tRNS", struct.pack(">HHH", 1, 2, 3))])
    assert decoded(read(content)).tolist() == [[[0, 0, 0], [4, 5, 6]]]


def test_sixteen_bit_grey_is_scaled_not_clipped(read):
    values = np.array([[0, 128, 200, 257, 32768, 65535]], ">u2")
    record = read(png(6, 1, 16, 0, [values.tobytes()]))
    assert decoded(record)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_sixteen_bit_colour_passes_through(read):
    values = np.array([[0, 256, 65535]], ">u2")
    content = png(1, 1, 16, 2, [values.tobytes()])
    record = read(content)
    assert record.encoded == content
    assert decoded(record).tolist() == [[[0, 1, 255]]]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, [0, 0, 0, 255, 255, 0, 255, 255]),
        (2, [0, 85, 170, 255]),
        (4, [17, 187]),
    ],
)
def test_few_bits_of_grey(read, depth, expected):
    record = read(png(len(expected), 1, depth, 0, [bytes([0b00011011])]))
    assert decoded(record)[0, :, 0].tolist() == expected


def test_cmyk(read, encode, picture):
    image = Image.fromarray(picture).convert("CMYK")
    record = read(encode(image, "JPEG", quality=100))
    assert record.format == "png"
    np.testing.assert_allclose(decoded(record).astype(int), picture, atol=40)
    assert np.abs(decoded(record).astype(int) - picture).mean() < 6


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_rotation_is_undone(read, encode, picture, file_format, orientation):
    upright = Image.fromarray(picture)
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"quality": 100, "subsampling": 0} if file_format == "JPEG" else {}
    content = encode(upright.transpose(stored), file_format, exif=exif, **lossless)
    shown = decoded(read(content)).astype(int)
    assert shown.shape == picture.shape
    assert np.abs(shown - picture).mean() < (4 if file_format == "JPEG" else 1e-9)


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_exif_without_rotation_passes_through(read, encode, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(picture, "JPEG", exif=exif)
    assert read(content).encoded == content


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_other_formats_become_png(read, encode, picture, file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encode(picture, file_format, **options)
    record = read(content)
    assert record.format == "png"
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(decoded(record), expected)


def test_first_frame_of_an_animation(read, encode, picture):
    frames = [Image.fromarray(255 - picture)]
    for file_format in ("GIF", "PNG"):
        content = encode(picture, file_format, save_all=True, append_images=frames)
        image = Image.open(io.BytesIO(content))
        assert image.n_frames == 2
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(decoded(read(content)), expected)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_truncated_at_every_length(read, encode, picture, file_format):
    content = encode(picture, file_format)
    for length in range(len(content)):
        with pytest.raises(RejectedImage):
            read(content[:length])


def test_jpeg_without_its_end(read, encode, picture):
    """Pillow decodes it, TensorFlow doesn't."""
    content = encode(picture, "JPEG")[:-2] + bytes(1000)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(content)
    with pytest.raises(RejectedImage, match="the file ends too early"):
        read(content)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_is_taken_can_be_decoded(read, encode, picture, file_format):
    content = encode(picture, file_format)
    generator = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            damaged[generator.integers(len(damaged))] = generator.integers(256)
        try:
            record = read(bytes(damaged))
        except RejectedImage as error:
            assert str(error).isprintable()
        else:
            decoded(record)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"this is text", "cannot be decoded: cannot identify image file"),
        (b"\xff\xd8\xff", "cannot be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be decoded"),
        (b"\x00" * 1000, "cannot be decoded"),
        (png(60_000, 60_000, 8, 2, []), "cannot be decoded|pixels"),
        (png(8_001, 8_000, 8, 2, []), "8001x8000: more than 64000000 pixels"),
        (png(1, 100_000, 8, 0, []), "1x100000: more than 65535 pixels a side"),
        (png(0, 0, 8, 2, []), "cannot be decoded"),
    ],
)
def test_hostile_content(read, content, reason):
    with pytest.raises(RejectedImage, match=reason) as caught:
        read(content)
    assert str(caught.value).isprintable()


def test_floating_point_values(read, encode):
    with pytest.raises(RejectedImage, match="floating-point"):
        read(encode(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))


def test_reason_does_not_differ_from_time_to_time(read):
    reasons = set()
    for _ in range(2):
        with pytest.raises(RejectedImage) as caught:
            read(b"this is text")
        reasons.add(str(caught.value))
    assert len(reasons) == 1


def test_large_file_is_not_read(read, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_BYTES", 10)
    with pytest.raises(RejectedImage, match="larger than 10 bytes"):
        read(b"12345678901")


def test_fifo_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(RejectedImage, match="not a regular file"):
        read_image(tmp_path / "fifo", "fifo", 0, "anger")


@pytest.mark.parametrize(
    ("target", "reason"),
    [("missing", "No such file"), ("link", "Too many levels of symbolic links")],
)
def test_links_to_nowhere(tmp_path, target, reason):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with pytest.raises(RejectedImage, match=f"cannot be read: {reason}"):
        read_image(link, "link", 0, "anger")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(tmp_path, encode, picture):
    file = tmp_path / "secret.png"
    file.write_bytes(encode(picture))
    file.chmod(0)
    with pytest.raises(RejectedImage, match="cannot be read: Permission denied"):
        read_image(file, "secret.png", 0, "anger")


def test_link_to_an_image_is_taken(tmp_path, encode, picture):
    (tmp_path / "image.png").write_bytes(encode(picture))
    (tmp_path / "link.png").symlink_to("image.png")
    record = read_image(tmp_path / "link.png", "link.png", 0, "anger")
    np.testing.assert_array_equal(decoded(record), picture)
