"""Every kind of file is decoded as the import reads it, or refused."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from byel_tf.data.image_files import ImageLimits, encode, quiet_pillow
from byel_tf.data.images import decode_and_resize
from byel_tf.serving.decoding import DecodingLimits, decode_within
from byel_tf.serving.jpeg_header import read_first_segments, read_segments

# Of damaged EXIF data.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")

SIZE = 24
# Of 255: resized before it is turned or after, and of 16 bits one rounds, the other
# cuts.
NEAR = 2
RNG = np.random.default_rng(4)


def decoder(limits):
    """Decodes one file."""
    signature = [tf.TensorSpec([None], tf.string)]
    graph = tf.function(lambda files: decode_within(files, SIZE, limits), signature)

    def decode(content):
        (image,), (valid,) = graph(tf.constant([content]))
        if not valid:
            assert not image.numpy().any()
            raise Refused
        return image

    return decode


class Refused(Exception):
    """The file is not valid."""


@pytest.fixture(scope="module")
def decode():
    return decoder(DecodingLimits())


def imported(content):
    with quiet_pillow():
        kept = encode(content, ImageLimits())
    return decode_and_resize(kept.content, SIZE).numpy()


def require_near(found, content):
    differences = np.abs(found.numpy().astype(int) - imported(content))
    assert differences.max() <= NEAR


def picture(mode="RGB", size=(30, 20)):
    """Smooth, and different at every corner."""
    corners = [[[250, 10, 20], [30, 240, 40]], [[50, 60, 230], [240, 240, 70]]]
    image = Image.fromarray(np.array(corners, np.uint8))
    return image.resize(size, Image.Resampling.BILINEAR).convert(mode)


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif(orientation, order=b"MM", kind=3, count=1, first=b""):
    """TIFF data with an orientation as its second tag."""
    mark = ">" if order == b"MM" else "<"
    value = struct.pack(
        mark + ("HH" if kind == 3 else "I"), orientation, *[0][: kind == 3]
    )
    entries = struct.pack(mark + "HHII", 0x0100, 4, 1, 77)
    entries += struct.pack(mark + "HHI", 0x0112, kind, count) + value
    head = order + struct.pack(mark + "HI", 42, 8 + len(first)) + first
    return head + struct.pack(mark + "H", 2) + entries + bytes(4)


def xmp(orientation, form='tiff:Orientation="{}"'):
    text = "<x:xmpmeta><rdf:Description " + form.format(orientation) + "/></x:xmpmeta>"
    return text.encode()


def segment(marker, content):
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def jpeg(*segments, **options):
    content = saved(picture(), "JPEG", quality=95, subsampling=0, **options)
    return content[:2] + b"".join(segments) + content[2:]


def app1(data):
    return segment(0xE1, b"Exif\0\0" + data)


def xmp1(data):
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data)


def chunk(kind, data):
    return (
        struct.pack(">I", len(data)) + kind + data
        + struct.pack(">I", zlib.crc32(kind + data))
    )  # fmt: skip


def png(*chunks, image=None, behind=(), **options):
    content = saved(image or picture(), "PNG", **options)
    return (
        content[:33] + b"".join(chunks) + content[33:-12]
        + b"".join(behind) + content[-12:]
    )  # fmt: skip


def itxt(data, compressed=False):
    data = zlib.compress(data) if compressed else data
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes((compressed, 0, 0, 0)) + data)


def cut(size, colours, depth, rows, *chunks):
    """A PNG of given rows of bytes."""
    header = struct.pack(">IIBBBBB", *size, depth, colours, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
        + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )  # fmt: skip


def opacity(mode):
    image = picture("RGBA" if mode != "LA" else "LA")
    values = np.linspace(0, 255, 600).reshape(20, 30).astype(np.uint8)
    image.putalpha(Image.fromarray(values))
    return image


def deep(channels):
    values = RNG.integers(0, 65536, (20, 30, channels))
    values[:10, :, -1] = 65535
    return [row.astype(">u2").tobytes() for row in values]


def palette():
    image = picture().quantize(200)
    return saved(image, "PNG", transparency=bytes(range(0, 200, 2)) + b"\xff" * 100)


def split(content, length):
    """The same PNG with its pixels in chunks of a length."""
    start = content.index(b"IDAT") - 4
    count = int.from_bytes(content[start : start + 4], "big")
    pixels, rest = content[start + 8 :][:count], content[start + 12 + count :]
    parts = [pixels[k : k + length] for k in range(0, count, length)]
    return content[:start] + b"".join(chunk(b"IDAT", p) for p in parts) + rest


GRADIENT = [bytes(10 * x % 256 for x in range(30))] * 20
FLAT = picture().quantize(9).convert("RGB")
NOISE = Image.fromarray(RNG.integers(0, 256, (300, 300, 3), np.uint8))
FILM = bytes(100) + b"\xff\xda\xff\xd9" * 100

SAME = {
    "jpeg": jpeg(),
    "grey jpeg": saved(picture("L"), "JPEG"),
    "progressive jpeg": jpeg(progressive=True),
    "jpeg of small segments": jpeg(*[segment(0xFE, b"")] * 500, app1(exif(6))),
    "jpeg with a film behind": jpeg(app1(exif(8))) + FILM,
    "jpeg with a preview": jpeg(app1(exif(6) + saved(picture(), "JPEG"))),
    "jpeg with fill": jpeg(b"\xff" * 9, app1(exif(6)), b"\xff\xff"),
    "jpeg with two orientations": jpeg(app1(exif(6)), xmp1(xmp(3))),
    "jpeg with exif twice": jpeg(app1(exif(6)), app1(exif(3))),
    "jpeg with xmp first": jpeg(xmp1(xmp(3)), app1(exif(6))),
    "jpeg with silent exif": jpeg(app1(exif(1)[:8] + bytes(8)), xmp1(xmp(6))),
    "jpeg with xmp of another": jpeg(xmp1(b"tiff:Orientation, " + xmp(7))),
    "jpeg with an element": jpeg(
        xmp1(xmp(5, "<tiff:Orientation>{}</tiff:Orientation>"))
    ),
    "jpeg with orientation 9": jpeg(app1(exif(9))),
    "jpeg with orientation 0": jpeg(app1(exif(0)), xmp1(xmp(6))),
    "jpeg with a long": jpeg(app1(exif(6, kind=4))),
    "jpeg with a late directory": jpeg(app1(exif(6, b"II", first=bytes(999)))),
    "jpeg with two values": jpeg(app1(exif(6, count=2))),
    "jpeg with broken exif": jpeg(app1(exif(6)[:-9])),
    "jpeg with exif that ends early": jpeg(app1(exif(6).replace(
        b"\1\0\0\4\0\0\0\1", b"\1\0\0\4\0\0\1\1"))),
    "jpeg with an unknown value": jpeg(app1(exif(6).replace(
        b"\1\0\0\4\0\0\0\1", b"\1\0\0\x40\0\0\1\1"))),
    "jpeg with no exif but xmp": jpeg(app1(b"text" + exif(6)[4:]), xmp1(xmp(6))),
    "jpeg with other exif": jpeg(app1(b"text" + exif(6)[4:])),
    "jpeg with a far directory": jpeg(app1(b"MM\0*\xff\xff\xff\xff" + exif(6))),
    "jpeg with empty exif": jpeg(segment(0xE1, b"Exif\0\0"), segment(0xE1, b"")),
    **{f"jpeg turned by {k}": jpeg(app1(exif(k, b"II"))) for k in range(2, 9)},
    "png": png(),
    "grey png": png(image=picture("L")),
    "black and white png": png(image=picture("1")),
    "palette": png(image=picture().quantize(16)),
    "palette with opacity": palette(),
    "rgba": png(image=opacity("RGBA")),
    "grey with opacity": png(image=opacity("LA")),
    "png with gamma": cut((30, 20), 0, 8, GRADIENT, chunk(b"gAMA", b"\0\1\2\3")),
    "colour key": saved(FLAT, "PNG", transparency=FLAT.getpixel((3, 3))),
    "grey key": cut((30, 20), 0, 8, GRADIENT, chunk(b"tRNS", b"\0\x64")),
    "grey key of 4 bits": cut((30, 20), 0, 4, [bytes(range(15))] * 20,
                              chunk(b"tRNS", b"\0\3")),
    "16 bit grey": cut((30, 20), 0, 16, deep(1)),
    "16 bit grey with opacity": cut((30, 20), 4, 16, deep(2)),
    "16 bit rgb": cut((30, 20), 2, 16, deep(3)),
    "16 bit rgba": cut((30, 20), 6, 16, deep(4)),
    **{f"png turned by {k}": png(chunk(b"eXIf", exif(k))) for k in range(1, 9)},
    "png turned behind": png(behind=[chunk(b"eXIf", exif(6, b"II"))]),
    "png with a name in exif": png(chunk(b"eXIf", b"Exif\0\0" + exif(6))),
    "png with xmp": png(itxt(xmp(8))),
    "png with xmp and exif": png(itxt(xmp(8)), chunk(b"eXIf", exif(3))),
    "large png": png(image=NOISE),
    "large png turned": png(image=NOISE, behind=[chunk(b"eXIf", exif(6))]),
    "large png in parts": split(png(image=NOISE), 100),
    "large png with opacity": png(image=NOISE.convert("RGBA").rotate(30)),
    "transparent turned": png(chunk(b"eXIf", exif(7)), image=opacity("RGBA")),
    "png of texts": png(*[chunk(b"tEXt", b"a\0tRNS eXIf iTXt")] * 99),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_pixels_are_those_of_the_import(decode, kind):
    require_near(decode(SAME[kind]), SAME[kind])


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png", "grey png"])
def test_what_needs_nothing_is_decoded_as_in_training(decode, kind):
    expected = decode_and_resize(SAME[kind], SIZE)
    np.testing.assert_array_equal(decode(SAME[kind]), expected)


@pytest.mark.parametrize("data", [None, exif(6), exif(3, b"II")])
def test_damaged_tables(decode, data):
    """The two usual transforms of a JPEG are far apart then."""
    content = saved(NOISE, "JPEG", quality=95)
    place = content.index(b"\xff\xdb") + 5
    content = content[: place + 2] + b"\xff" * 60 + content[place + 62 :]
    if data is not None:
        content = content[:2] + app1(data) + content[2:]
    require_near(decode(content), content)
    pixels = [
        tf.io.decode_jpeg(content, 3, dct_method=method).numpy().astype(int)
        for method in ("INTEGER_FAST", "INTEGER_ACCURATE")
    ]
    assert np.abs(pixels[0] - pixels[1]).max() > 100


def test_all_files_at_once_say_what_each_says():
    generator = np.random.default_rng(9)
    jpegs = [c for c in SAME.values() if c.startswith(b"\xff\xd8")]
    files = jpegs + [m for c in jpegs for m in mutants(c, 4, generator)]
    files += [many_scans(64)[:2] + app1(exif(6)) + many_scans(64)[2:], b"", b"\xff"]
    # Its directory ends before the orientation.
    short = exif(6).replace(b"\0\2\1\0", b"\0\1\1\0", 1)
    files = [jpeg(app1(short)), *files]
    limits = DecodingLimits()
    found, is_known = map(
        np.asarray,
        tf.function(lambda f: read_first_segments(f, limits))(tf.constant(files)),
    )
    read = tf.function(
        lambda f: read_segments(f, limits), [tf.TensorSpec([], tf.string)]
    )
    for place in np.flatnonzero(is_known):
        content, orientation = read(files[place])
        assert content.numpy() == files[place]
        assert orientation == found[place]
    assert not is_known[[0, -1, -2, -3]].any()
    assert len(set(found[is_known])) > 8
    places = [1 + list(SAME).index(f"jpeg turned by {k}") for k in range(2, 9)]
    assert is_known[places].all()
    assert 0.2 < is_known.mean() < 0.9


def test_the_kinds_differ(decode):
    """Else the picture as it is would pass."""
    plain = decode(jpeg()).numpy().astype(int)
    for number in range(2, 9):
        turned = decode(SAME[f"jpeg turned by {number}"]).numpy()
        assert np.abs(turned - plain).max() > 50
    assert decode(SAME["rgba"]).numpy()[0].max() < 60


def bomb():
    return zlib.compress(bytes(7_900_000), 9)


def profile(orientation):
    """As ImageMagick writes EXIF data: in hexadecimal digits, compressed."""
    digits = (b"Exif\0\0" + exif(orientation)).hex()
    text = f"\nexif\n{len(digits) // 2:8}\n{digits}\n".encode()
    return b"Raw profile type exif\0\0" + zlib.compress(text)


REFUSED = {
    "gif": saved(picture(), "GIF"),
    "bmp": saved(picture(), "BMP"),
    "webp": saved(picture(), "WEBP"),
    "nothing": b"",
    "a byte": b"\xff",
    "two bytes": b"\xff\xd8",
    "a signature": b"\x89PNG\r\n\x1a\n",
    "cmyk": saved(picture("CMYK"), "JPEG"),
    "jpeg without end": jpeg(app1(exif(6)))[:-2],
    "half a jpeg": jpeg(app1(exif(6)))[:400],
    "png without end": png(itxt(xmp(1)))[:-12],
    "huge png": cut((9000, 9000), 0, 1, [bytes(1125)] * 9000),
    "wide png": cut((65536, 1), 0, 1, [bytes(8192)]),
    "large transparent png": cut((4100, 4100), 4, 8, [bytes(8200)] * 4100),
    "a header later": png()[:8] + chunk(b"aaAa", b"") + png()[8:],
    "exif before the header": png()[:8] + chunk(b"eXIf", exif(6)) + png()[8:],
    "two keys": png(chunk(b"tRNS", b"\0\1" * 3), chunk(b"tRNS", b"\0\2" * 3)),
    "a late key": png(behind=[chunk(b"tRNS", b"\0\1" * 3)]),
    "a key before the palette": png(
        chunk(b"tRNS", b"\0\0"), image=picture().quantize(9)
    ),
    "many scans": None,
    "16 bit key": cut((30, 20), 2, 16, deep(3), chunk(b"tRNS", bytes(6))),
    "exif in text": png(chunk(b"zTXt", profile(6))),
    "compressed xmp": png(itxt(xmp(6), compressed=True)),
    "png of many chunks": png(*[chunk(b"tEXt", b"a\0iTXt")] * 1001),
    "jpeg of many segments": jpeg(*[segment(0xFE, b"")] * 1000, app1(exif(6))),
}


def many_scans(count):
    content = jpeg(progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + scan * count + content[-2:]


REFUSED["many scans"] = many_scans(64)


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(decode, kind):
    with pytest.raises(Refused):
        decode(REFUSED[kind])


def test_what_is_refused_can_be_decoded():
    """Else the limits would not be what refuses it."""
    for kind in ("huge png", "wide png", "large transparent png", "many scans"):
        tf.io.decode_image(REFUSED[kind], expand_animations=False)


def test_limits_are_the_given_ones():
    decode = decoder(
        DecodingLimits(
            max_bytes=9000, max_transparent_pixels=599, max_scans=29, max_segments=60
        )
    )
    start = many_scans(0).count(b"\xff\xda")

    def transparent(size):
        return png(image=opacity("RGBA").resize(size))

    def commented(count):
        return jpeg(*[segment(0xFE, b"")] * count, app1(exif(1)))

    for taken, refused in (
        (transparent((299, 2)), transparent((300, 2))),
        (jpeg() + bytes(9000 - len(jpeg())), jpeg() + bytes(9001 - len(jpeg()))),
        (many_scans(29 - start), many_scans(30 - start)),
        (commented(58), commented(59)),
    ):
        decode(taken)
        with pytest.raises(Refused):
            decode(refused)


def test_compressed_texts_are_not_decompressed(decode):
    """It would take a third of a minute."""
    texts = [chunk(b"zTXt", b"k%d\0\0" % k + bomb()) for k in range(1)] * 500
    found = decode(png(*texts)).numpy()
    np.testing.assert_array_equal(found, decode(png()))
    assert decode(png(image=NOISE, behind=texts)) is not None


def mutants(content, count, generator):
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            place = int(generator.integers(0, min(len(changed), 400)))
            what = generator.integers(0, 4)
            if what == 0:
                changed[place] = generator.integers(0, 256)
            elif what == 1:
                changed[place : place + 2] = b"\xff\xff"
            elif what == 2:
                del changed[place : place + int(generator.integers(1, 9))]
            else:
                changed[place:place] = generator.bytes(int(generator.integers(1, 9)))
        yield bytes(changed)


def test_damaged_files_cost_their_neighbours_nothing(export):
    model = tf.saved_model.load(str(export)).signatures["serving_default"]
    generator = np.random.default_rng(8)
    kinds = ("jpeg turned by 6", "jpeg with two orientations", "progressive jpeg",
             "png turned by 6", "palette with opacity", "large png turned")  # fmt: skip
    damaged = [m for kind in kinds for m in mutants(SAME[kind], 20, generator)]
    good = SAME["jpeg turned by 6"]
    files = [file for bad in damaged for file in (bad, good)]
    outputs = model(image_bytes=tf.constant(files))
    expected = model(image_bytes=tf.constant([good]))["probabilities"]
    assert outputs["valid"].numpy()[1::2].all()
    found = outputs["probabilities"].numpy()
    np.testing.assert_allclose(found[1::2] - expected.numpy(), 0, atol=1e-5)
    valid = outputs["valid"].numpy()[::2]
    assert 0.1 < valid.mean() < 0.9


def test_the_limits_are_stated(export):
    content = json.loads((export / "byel.json").read_text(encoding="utf-8"))
    assert content["limits"] == {
        "max_bytes": 67108864,
        "max_pixels": 64000000,
        "max_transparent_pixels": 16000000,
        "max_scans": 64,
        "max_segments": 1000,
    }


def test_what_the_import_keeps_is_decoded(decode):
    for content in SAME.values():
        kept = encode(content, ImageLimits()).content
        require_near(decode(kept), content)
    for kind in ("exif in text", "compressed xmp"):
        content = REFUSED[kind]
        found = decode(encode(content, ImageLimits()).content)
        require_near(found, content)
        assert np.abs(found.numpy().astype(int) - decode(png())).max() > 50


def test_info_of_pillow_is_read_too(decode):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(6).decode())
    content = saved(picture(), "PNG", pnginfo=info)
    require_near(decode(content), content)
