import base64
import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.data import jpeg
from byel_tf.data.image_files import (
    EncodedImage,
    ImageLimits,
    RejectedImage,
    decode_plain,
    fit,
    is_grey,
    read_file,
    to_plain,
    to_png,
)
from byel_tf.data.image_files import encode as encode_image

LIMITS = ImageLimits()


def read(content, limits=LIMITS):
    """The image as a record holds it, which must be true and stay as it is."""
    image = encode_image(content, limits)
    assert encode_image(image.content, limits) == image
    assert is_grey(image.content) == image.grey
    return image


def decoded(image):
    """The picture as training sees it; its description must be true."""
    tensor = tf.io.decode_image(image.content, channels=3, expand_animations=False)
    assert tensor.shape == (image.height, image.width, 3)
    assert image.content.startswith(
        {"png": b"\x89PNG", "jpeg": b"\xff\xd8"}[image.format]
    )
    if image.grey:
        assert tf.io.decode_image(image.content).shape[-1] == 1
    return tensor.numpy()


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
def test_plain_files_pass_through(encode, picture, file_format, mode):
    content = encode(Image.fromarray(picture).convert(mode), file_format)
    image = read(content)
    assert image.content == content
    assert (image.format, image.width, image.height) == (file_format.lower(), 10, 12)
    assert image.grey == (mode == "L")
    decoded(image)


@pytest.mark.parametrize(
    "options",
    [
        {"file_format": "JPEG", "progressive": True},
        {"file_format": "JPEG", "subsampling": 0, "quality": 95},
        {"file_format": "JPEG", "exif": b"Exif\0\0broken"},
        {"file_format": "PNG", "dpi": (72, 72)},
    ],
)
def test_variants_pass_through(encode, picture, options):
    content = encode(picture, **options)
    assert read(content).content == content


def test_trailing_bytes_pass_through(encode, picture):
    for file_format in ("JPEG", "PNG"):
        content = encode(picture, file_format) + b"a camera's remarks"
        assert read(content).content == content


def test_alpha_is_put_on_black(encode, picture):
    alpha = np.full(picture.shape[:2] + (1,), 255, np.uint8)
    alpha[:4] = 0
    alpha[4:6] = 128
    image = read(encode(np.concatenate([picture, alpha], axis=-1)))
    expected = np.round(picture * (alpha / 255.0))
    np.testing.assert_allclose(decoded(image), expected, atol=1)


def test_palette(encode, picture):
    palette = Image.fromarray(picture).quantize(16)
    image = read(encode(palette))
    np.testing.assert_array_equal(decoded(image), np.asarray(palette.convert("RGB")))


def test_palette_with_a_transparent_colour(encode):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([200, 100, 50, 10, 20, 30])
    image = read(encode(image, transparency=1))
    assert decoded(image).tolist() == [
        [[200, 100, 50], [0, 0, 0]],
        [[0, 0, 0], [200, 100, 50]],
    ]


def test_transparent_colour_of_rgb():
    pixels = [bytes([1, 2, 3, 4, 5, 6])]
    content = png(2, 1, 8, 2, pixels, [(b"tRNS", struct.pack(">HHH", 1, 2, 3))])
    assert decoded(read(content)).tolist() == [[[0, 0, 0], [4, 5, 6]]]


def test_sixteen_bit_grey_is_scaled_not_clipped():
    values = np.array([[0, 128, 200, 257, 32768, 65535]], ">u2")
    image = read(png(6, 1, 16, 0, [values.tobytes()]))
    assert decoded(image)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_sixteen_bit_colour_is_converted():
    """Records hold 8 bits a value, so that every reader sees the same."""
    values = np.array([[0, 256, 65535]], ">u2")
    content = png(1, 1, 16, 2, [values.tobytes()])
    image = read(content)
    assert image.content != content
    assert image.content[24] == 8  # the PNG's depth
    assert decoded(image).tolist() == [[[0, 1, 255]]]


def test_transparent_values_of_grey():
    content = png(2, 1, 8, 0, [bytes([50, 200])], [(b"tRNS", struct.pack(">H", 200))])
    image = read(content)
    assert image.grey
    assert decoded(image)[0, :, 0].tolist() == [50, 0]
    values = np.array([[50 * 257, 200 * 257]], ">u2").tobytes()
    transparent = (b"tRNS", struct.pack(">H", 200 * 257))
    image = read(png(2, 1, 16, 0, [values], [transparent]))
    assert decoded(image)[0, :, 0].tolist() == [50, 0]


@pytest.mark.parametrize(
    ("depth", "transparent", "expected"),
    [
        (2, 2, [0, 85, 0, 255]),
        (4, 11, [17, 0]),
    ],
)
def test_transparent_values_of_few_bits(depth, transparent, expected):
    chunk = (b"tRNS", struct.pack(">H", transparent))
    image = read(png(len(expected), 1, depth, 0, [bytes([0b00011011])], [chunk]))
    assert decoded(image)[0, :, 0].tolist() == expected


def test_transparent_colour_of_sixteen_bits():
    values = struct.pack(">6H", 5000, 300, 65000, 300, 5000, 65000)
    chunk = (b"tRNS", values[:6])
    image = read(png(2, 1, 16, 2, [values], [chunk]))
    assert decoded(image).tolist() == [[[0, 0, 0], [1, 19, 253]]]


def tiff(width, depth, pixels, photometric=1, sample_format=1):
    """A TIFF file of one row of grey values, packed."""
    entries = [
        (256, 3, width),
        (257, 3, 1),
        (258, 3, depth),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8 + 2 + 10 * 12 + 4),
        (277, 3, 1),
        (278, 3, 1),
        (279, 4, len(pixels)),
        (339, 3, sample_format),
    ]
    directory = b"".join(struct.pack("<HHII", t, kind, 1, v) for t, kind, v in entries)
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return header + directory + bytes(4) + pixels


def test_twelve_bits_of_grey():
    image = read(tiff(2, 12, b"\xff\xf8\x00"))
    assert decoded(image)[0, :, 0].tolist() == [255, 128]


def test_sixteen_bits_from_white_to_black():
    values = struct.pack("<3H", 0, 257, 65535)
    image = read(tiff(3, 16, values, photometric=0))
    assert decoded(image)[0, :, 0].tolist() == [255, 254, 0]


@pytest.mark.parametrize(
    ("depth", "sample_format", "reason"),
    [(8, 2, "signed"), (16, 2, "signed"), (32, 2, "signed"), (32, 1, "16 bits")],
)
def test_integers_of_no_known_range(depth, sample_format, reason):
    content = tiff(2, depth, bytes(depth // 4), sample_format=sample_format)
    with pytest.raises(RejectedImage, match=f"{reason}.*range is not known"):
        read(content)


def test_grey_with_alpha_stays_grey(encode):
    values = np.array([[[200, 255], [200, 0], [100, 128]]], np.uint8)
    image = read(encode(Image.fromarray(values, "LA")))
    assert image.grey
    assert decoded(image)[0, :, 0].tolist() == [200, 0, 50]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, [0, 0, 0, 255, 255, 0, 255, 255]),
        (2, [0, 85, 170, 255]),
        (4, [17, 187]),
    ],
)
def test_few_bits_of_grey(depth, expected):
    image = read(png(len(expected), 1, depth, 0, [bytes([0b00011011])]))
    assert decoded(image)[0, :, 0].tolist() == expected


def test_cmyk(encode, picture):
    image = Image.fromarray(picture).convert("CMYK")
    image = read(encode(image, "JPEG", quality=100))
    assert image.format == "png"
    np.testing.assert_allclose(decoded(image).astype(int), picture, atol=40)
    assert np.abs(decoded(image).astype(int) - picture).mean() < 6


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_rotation_is_undone(encode, picture, file_format, orientation):
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
def test_exif_without_rotation_passes_through(encode, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(picture, "JPEG", exif=exif)
    assert read(content).content == content


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_other_formats_become_png(encode, picture, file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encode(picture, file_format, **options)
    image = read(content)
    assert image.format == "png"
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(decoded(image), expected)


def test_first_frame_of_an_animation(encode, picture):
    frames = [Image.fromarray(255 - picture)]
    for file_format in ("GIF", "PNG"):
        content = encode(picture, file_format, save_all=True, append_images=frames)
        image = Image.open(io.BytesIO(content))
        assert image.n_frames == 2
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(decoded(read(content)), expected)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_truncated_at_every_length(encode, picture, file_format):
    content = encode(picture, file_format)
    for length in range(len(content)):
        with pytest.raises(RejectedImage):
            read(content[:length])


def test_jpeg_without_its_end(encode, picture):
    """Pillow decodes it, TensorFlow doesn't."""
    content = encode(picture, "JPEG")[:-2] + bytes(1000)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(content)
    with pytest.raises(RejectedImage, match="the file ends too early"):
        read(content)


def test_jpeg_with_a_long_run_before_its_end(encode, picture):
    """Time must not grow with the square of what stands between segments."""
    content = encode(picture, "JPEG")
    content = content[:-2] + b"\xff" * 2**20 + b"\0\xff\xd9"
    assert read(content).content == content


def test_jpeg_of_many_scans(encode, picture):
    """A file of a few megabytes would take hours to decode."""
    content = encode(picture, "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(RejectedImage, match=f"more than {jpeg.MAX_SCANS} scans"):
        read(content[:-2] + scan * 500 + content[-2:])
    trailing = content + b"\xff\xda" * 501
    assert read(trailing).content == trailing


def test_lossless_jpeg():
    """Decoded at an eighth of its size, Pillow writes beyond memory of its own."""
    content = base64.b64decode(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/wwALCAADAAQBAREA/8QAFwAAAwEAAAAAAAAAAAAAAAAAAQYIBf"
        "/aAAgBAQABAACf3JycrIcoj3pAAH//2Q=="
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(content)
    image = read(content)
    assert (image.format, image.grey) == ("png", True)
    assert decoded(image)[..., 0].tolist() == [
        [0, 50, 100, 150],
        [200, 250, 30, 60],
        [9, 8, 7, 6],
    ]


def test_jpeg_with_others_behind_it_passes_through(encode, picture):
    """Pillow calls it MPO; phones write such files."""
    other = Image.fromarray(picture[::-1])
    content = encode(picture, "MPO", save_all=True, append_images=[other])
    image = read(content)
    assert (image.content, image.format) == (content, "jpeg")
    decoded(image)


def test_png_that_only_pillow_reads():
    text = (b"tEXt", b"a\0b")
    whole = png(1, 1, 8, 2, [b"abc"], [text])
    assert read(whole).content == whole
    start = whole.index(b"tEXt") - 4
    chunk = whole[start : start + 15]
    late = whole[:8] + chunk + whole[8:start] + whole[start + 15 :]
    critical = png(1, 1, 8, 2, [b"abc"], [(b"ABCD", b"")])
    for content, reason in ((late, "wrong place"), (critical, "unknown critical")):
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.io.decode_image(content)
        with pytest.raises(RejectedImage, match=reason):
            read(content)


@pytest.mark.parametrize("size", [1, 2000])
def test_png_whose_pixels_do_not_end(size):
    rows = [bytes(3 * size)] * size
    stream = zlib.compress(b"".join(b"\0" + row for row in rows))[:-4]
    content = png(size, size, 8, 2, [], [(b"IDAT", stream)])
    content = content[: content.rindex(b"IDAT") - 4] + content[-12:]
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(content)
    with pytest.raises(RejectedImage, match="the file ends too early"):
        read(content)
    whole = png(size, size, 8, 2, rows)
    assert read(whole).content == whole


@pytest.mark.parametrize(
    ("depth", "colour"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)]
)
def test_png_with_too_few_rows(depth, colour):
    row = bytes(-(-9 * depth * (3 if colour else 1) // 8))
    whole = png(9, 7, depth, colour, [row] * 7)
    assert (read(whole).width, read(whole).height) == (9, 7)
    for rows in ([row] * 6, [row] * 6 + [row[:-1]]):
        with pytest.raises(RejectedImage, match="the file ends too early"):
            read(png(9, 7, depth, colour, rows))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 7), (16, 8)])
def test_interlaced_png_with_too_few_bytes(size):
    """Those of Adam7's seven pictures, each row behind a byte for its filter."""
    width, height = size
    starts = [(0, 0), (4, 0), (0, 4), (2, 0), (0, 2), (1, 0), (0, 1)]
    steps = [(8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2)]
    length = 0
    for (x, y), (step_x, step_y) in zip(starts, steps, strict=True):
        columns, rows = len(range(x, width, step_x)), len(range(y, height, step_y))
        length += rows * (1 + 3 * columns) if columns else 0
    plain = png(width, height, 8, 2, [])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)

    def interlaced(stream):
        parts = [(b"IHDR", header), (b"IDAT", zlib.compress(stream)), (b"IEND", b"")]
        chunks = [
            struct.pack(">I", len(data))
            + kind
            + data
            + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        ]
        return plain[:8] + b"".join(chunks)

    assert tf.io.decode_png(interlaced(bytes(length))).shape == (height, width, 3)
    assert read(interlaced(bytes(length))).width == width
    with pytest.raises(RejectedImage, match="the file ends too early"):
        read(interlaced(bytes(length - 1)))


def test_png_with_colours_in_a_wrong_place():
    whole = png(1, 1, 8, 2, [b"abc"])
    key = png(1, 1, 8, 2, [b"abc"], [(b"tRNS", bytes(6))])
    start = key.index(b"tRNS") - 4
    chunk = key[start : start + 18]
    late = whole[:-12] + chunk + whole[-12:]
    twice = key[:start] + chunk + key[start:]
    for content in (late, twice):
        with pytest.raises(RejectedImage, match="PNG colours in a wrong place"):
            read(content)


def test_jpeg_with_a_segment_that_goes_beyond_its_end(encode, picture):
    """Damage in the middle can look like one; Pillow reads no further than it must."""
    content = encode(np.tile(picture, (4, 4, 1)), "JPEG", quality=95)
    damaged = content[:-2] + b"\xff\xe1\xff\x00" + content[-2:]
    with Image.open(io.BytesIO(damaged)) as image:
        image.load()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(damaged)
    with pytest.raises(RejectedImage, match="the file ends too early"):
        read(damaged)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95}])
def test_jpeg_damaged_in_the_middle(encode, picture, options):
    """Libjpeg passes over most damage: what is taken, TensorFlow must decode, too."""
    content = encode(np.tile(picture, (5, 5, 1)), "JPEG", **options)
    generator = np.random.default_rng(11)
    outcomes = set()
    for trial in range(400):
        start = generator.integers(len(content) // 4, len(content) - 2)
        length = int(generator.integers(1, 60))
        inserted = b"" if trial % 2 else generator.bytes(length)
        rest = content[start + (length if trial % 3 else 0) :]
        try:
            image = read(content[:start] + inserted + rest)
        except RejectedImage:
            outcomes.add("rejected")
        else:
            outcomes.add("taken")
            decoded(image)
    assert outcomes == {"rejected", "taken"}


@pytest.mark.parametrize("length", [b"\0\0", b"\0\1", b"\0\2", b"\0\4\xff\xd9"])
def test_jpeg_with_a_short_segment_before_its_end(encode, picture, length):
    content = encode(picture, "JPEG")
    content = content[:-2] + b"\xff\xe1" + length + content[-2:]
    assert read(content).content == content
    decoded(read(content))


def test_jpeg_with_restarts_and_bytes_between_segments(encode, picture):
    content = encode(np.tile(picture, (4, 4, 1)), "JPEG", restart_marker_blocks=1)
    assert b"\xff\xd0" in content
    assert read(content).content == content
    filled = content[:-2] + b"\xff\xff" + content[-2:]
    assert read(filled).content == filled


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_is_taken_can_be_decoded(encode, picture, file_format):
    content = encode(picture, file_format)
    generator = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            damaged[generator.integers(len(damaged))] = generator.integers(256)
        try:
            image = read(bytes(damaged))
        except RejectedImage as error:
            assert str(error).isprintable()
        else:
            decoded(image)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be decoded"),
        (b"this is text", "cannot be decoded: text, not a picture"),
        (b"\xff\xd8\xff", "cannot be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be decoded"),
        (b"\x00" * 1000, "cannot be decoded"),
        (png(60_000, 60_000, 8, 2, []), "cannot be decoded|pixels"),
        (png(8_001, 8_000, 8, 2, []), "more than 64000000 pixels"),
        (png(1, 100_000, 8, 0, []), "more than 65535 pixels a side"),
        (png(0, 0, 8, 2, []), "cannot be decoded"),
    ],
)
def test_hostile_content(content, reason):
    with pytest.raises(RejectedImage, match=reason) as caught:
        read(content)
    assert str(caught.value).isprintable()


def test_floating_point_values(encode):
    with pytest.raises(RejectedImage, match="floating-point"):
        read(encode(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))


def test_reason_does_not_differ_from_time_to_time():
    reasons = set()
    for _ in range(2):
        with pytest.raises(RejectedImage) as caught:
            read(b"this is text")
        reasons.add(str(caught.value))
    assert len(reasons) == 1


@pytest.mark.parametrize("size", [(9, 9), (1, 81), (3, 27)])
def test_limit_on_pixels_is_that_of_the_header(size):
    """The pixels are missing: nothing was decoded when the size was judged."""
    content = png(*size, 8, 2, [])
    with pytest.raises(RejectedImage, match="more than 80 pixels"):
        encode_image(content, ImageLimits(max_pixels=80))
    with pytest.raises(RejectedImage, match="cannot be decoded"):
        encode_image(content, ImageLimits(max_pixels=81))
    with pytest.raises(RejectedImage, match="more than 80 pixels"):
        decode_plain(content, ImageLimits(max_pixels=80))


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((40, 30), 0, (40, 30)),
        ((40, 30), 40, (40, 30)),
        ((40, 30), 20, (20, 15)),
        ((30, 40), 20, (15, 20)),
        ((3, 2), 20, (3, 2)),
        ((1, 400), 20, (1, 20)),
        ((400, 1), 20, (20, 1)),
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP"])
def test_longer_side(encode, size, max_side, expected, file_format):
    content = encode(Image.new("RGB", size, (9, 90, 200)), file_format)
    image = read(content, ImageLimits(max_side=max_side))
    assert (image.width, image.height) == expected
    assert (image.content == content) == (expected == size and file_format != "BMP")
    np.testing.assert_allclose(decoded(image)[0, 0], (9, 90, 200), atol=3)


def test_longer_side_is_that_of_the_upright_picture(encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(Image.new("L", (40, 10)), "JPEG", exif=exif)
    image = read(content, ImageLimits(max_side=20))
    assert (image.width, image.height, image.grey) == (5, 20, True)


def test_fitted_side():
    assert fit(Image.new("RGB", (10, 5)), 20).size == (20, 10)
    assert fit(Image.new("RGB", (999, 1)), 20).size == (20, 1)


def test_converted_picture_is_nothing_but_pixels(encode, picture):
    """A CMYK profile would be wrong for RGB, and EXIF would rotate once more."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(picture).convert("CMYK")
    content = encode(image, "JPEG", exif=exif, icc_profile=b"profile", dpi=(72, 72))
    with Image.open(io.BytesIO(read(content).content)) as converted:
        assert converted.info == {}
        assert not converted.getexif()


def test_plain_picture_and_its_png(picture):
    plain = to_plain(Image.fromarray(picture).convert("P"))
    assert plain.mode == "RGB"
    assert to_plain(Image.new("1", (3, 2))).mode == "L"
    image = to_png(Image.fromarray(picture), LIMITS)
    assert image == EncodedImage(image.content, "png", 10, 12, False)
    np.testing.assert_array_equal(decoded(image), picture)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF"])
def test_decoded_picture_is_that_of_the_record(encode, picture, file_format):
    content = encode(picture, file_format)
    shown = np.asarray(decode_plain(content, LIMITS).convert("RGB")).astype(int)
    assert np.abs(shown - decoded(read(content))).max() <= 4
    with pytest.raises(RejectedImage, match="cannot be decoded"):
        decode_plain(content[: len(content) // 2], LIMITS)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "image"


def test_content_of_a_file(file):
    file.write_bytes(b"1234567890")
    assert read_file(file, 10) == read_file(str(file), 10) == b"1234567890"


def test_large_file_is_not_read(file):
    file.write_bytes(b"12345678901")
    with pytest.raises(RejectedImage, match="larger than 10 bytes"):
        read_file(file, 10)
    os.truncate(file, 2**40)  # a hole, which would not fit in memory
    with pytest.raises(RejectedImage, match="larger than 10 bytes"):
        read_file(file, 10)


def test_empty_file(file):
    file.write_bytes(b"")
    with pytest.raises(RejectedImage, match="empty file"):
        read_file(file, 10)


def test_fifo_does_not_block(file):
    os.mkfifo(file)
    with pytest.raises(RejectedImage, match="not a regular file"):
        read_file(file, 10)


@pytest.mark.parametrize(
    ("target", "reason"),
    [("missing", "No such file"), ("image", "Too many levels of symbolic links")],
)
def test_links_to_nowhere(file, tmp_path, target, reason):
    file.symlink_to(tmp_path / target)
    with pytest.raises(RejectedImage, match=f"cannot be read: {reason}"):
        read_file(file, 10)


def test_folder_is_closed_again(tmp_path):
    def read_folder():
        with pytest.raises(RejectedImage, match="cannot be read: Is a directory"):
            read_file(tmp_path, 10)

    read_folder()
    before = len(os.listdir("/dev/fd"))
    read_folder()
    assert len(os.listdir("/dev/fd")) == before


def test_name_that_no_file_has():
    with pytest.raises(RejectedImage, match="no file has such a name"):
        read_file("a\0b", 10)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(file):
    file.write_bytes(b"secret")
    file.chmod(0)
    with pytest.raises(RejectedImage, match="cannot be read: Permission denied"):
        read_file(file, 10)


def test_link_to_an_image_is_taken(file, tmp_path):
    (tmp_path / "other").write_bytes(b"content")
    file.symlink_to("other")
    assert read_file(file, 10) == b"content"
