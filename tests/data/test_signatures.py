"""What is said of files that are no pictures to be read."""

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from byel_tf.data import image_files
from byel_tf.data.image_files import ImageLimits, RejectedImage, decode_plain, encode
from byel_tf.data.signatures import is_raw_tiff, what_is

LIMITS = ImageLimits()
SAVE = "save it as JPEG or PNG"
RAW = f"a camera's raw picture: {SAVE}"
PAGE = "an HTML page, as a failed download leaves"


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def picture(side=24, seed=3):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels)


def box(major, *compatible):
    """The first box of an MP4-like file, and more."""
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + bytes(200)


def archive(kind):
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("a.jpg", b"x")
    else:
        with tarfile.open(fileobj=buffer, mode="w") as file:
            file.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    return buffer.getvalue()


def array():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


KINDS = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", f"a PDF document: {SAVE}"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", f"PostScript: {SAVE}"),
    "psd": (b"8BPS\0\1" + bytes(50), f"a Photoshop file: {SAVE}"),
    "ico": (saved(picture(), "ICO"), f"an icon: {SAVE}"),
    "dicom": (bytes(128) + b"DICM\2\0\0\0UL", f"a DICOM file: {SAVE}"),
    "heic": (box(b"heic", b"mif1", b"heic"), f"a HEIC picture: {SAVE}"),
    "heif": (box(b"mif1", b"mif1", b"heix"), f"a HEIC picture: {SAVE}"),
    "cr3": (box(b"crx ", b"crx ", b"isom"), RAW),
    "mp4": (box(b"isom", b"mp42"), "a video: save its frames as JPEG or PNG"),
    "raf": (b"FUJIFILMCCD-RAW 0201" + bytes(50), RAW),
    "orf": (b"IIRO\x08\0\0\0" + bytes(50), RAW),
    "jxl": (b"\xff\x0a" + b"\xfa\x7f" * 9, f"a JPEG XL picture: {SAVE}"),
    "zip": (archive("zip"), "an archive: unpack it"),
    "tar": (archive("tar"), "an archive: unpack it"),
    "gz": (gzip.compress(b"x"), "an archive: unpack it"),
    "npy": (array(), "an array of NumPy"),
    "._a.jpg": (
        b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(50),
        "macOS's AppleDouble, the companion of another file",
    ),
    "html": (b"\n<!DOCTYPE html>\n<html><title>404</title>", PAGE),
    "xhtml": (b"\xef\xbb\xbf<HTML><body>Sign in</body></HTML>", PAGE),
    "svg": (
        b"<?xml version='1.0'?>\n<!-- \xc3\xa9 --><svg xmlns='x'/>",
        f"an SVG drawing: {SAVE}",
    ),
    "xml": (b"<?xml version='1.0'?><Error>AccessDenied</Error>",
            "XML, as a failed download leaves"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "a pointer of Git LFS: fetch the file, git lfs pull",
    ),
    "annex": (
        b"/annex/objects/SHA256E-s31390--f50d.jpg\n",
        "a pointer of git-annex: fetch the file, git annex get",
    ),
    "json": (b'{"error": "not found"}', "text, not a picture"),
    "latin": (b"caf\xe9 au lait, not an image at all\n", "text, not a picture"),
    "BMI": (b"BMI of all persons\n", "text, not a picture"),
    "P3": (b"P3 is the third person\n", "text, not a picture"),
    "bmp": (
        b"BM" + bytes(9),
        "a BMP file that is damaged where it begins, or cut off",
    ),
    "zeros": (bytes(5000), "nothing but zeros, as a copy that was broken off leaves"),
    "jpeg": (
        saved(picture(), "JPEG")[:2] + b"junk" * 9,
        "a JPEG file that is damaged where it begins, or cut off",
    ),
    "webp": (
        saved(picture(), "WEBP")[:15],
        "a WebP file that is damaged where it begins, or cut off",
    ),
    "other": (b"\x07\x01\x02junk\0", "cannot identify image file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_file_is(kind):
    content, what = KINDS[kind]
    for read in (encode, decode_plain):
        with pytest.raises(RejectedImage) as caught:
            read(content, LIMITS)
        assert str(caught.value) == f"cannot be decoded: {what}"


def raw_tiff(**tags):
    """A small TIFF picture with tags by number, as `t254=1`."""
    from PIL import TiffImagePlugin

    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        info[int(name[1:])] = value
        info.tagtype[int(name[1:])] = 1 if isinstance(value, bytes) else 4
    return saved(picture(), "TIFF", tiffinfo=info)


@pytest.mark.parametrize(
    ("content", "is_raw"),
    [
        (raw_tiff(), False),
        (raw_tiff(t254=1), False),
        (raw_tiff(t330=8), False),
        (raw_tiff(t254=0, t330=8), False),
        (raw_tiff(t254=1, t330=8), True),  # NEF, ARW
        (raw_tiff(t50706=b"\1\4\0\0"), True),  # DNG
    ],
)
def test_previews_of_raw_pictures(content, is_raw):
    """Pillow opens the preview, as if that were the picture."""
    if not is_raw:
        assert encode(content, LIMITS).width == 24
        return
    with pytest.raises(RejectedImage, match=f"^cannot be decoded: {RAW}$"):
        encode(content, LIMITS)


def test_tags_that_cannot_be_read(monkeypatch):
    def fail(*_):
        raise SyntaxError("broken tag 254")

    monkeypatch.setattr("byel_tf.data.signatures.is_raw_tiff", fail)
    with pytest.raises(RejectedImage, match="^cannot be decoded: broken tag N$"):
        encode(raw_tiff(), LIMITS)


def test_raw_pictures_of_canon():
    assert is_raw_tiff({}, b"II*\0\x10\0\0\0CR\2\0" + bytes(50))
    assert not is_raw_tiff({}, b"II*\0\x08\0\0\0\x0b\0" + bytes(50))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_what_ends_too_early(file_format):
    content = saved(picture(64), file_format)
    with pytest.raises(RejectedImage, match="^cannot be decoded: ") as caught:
        encode(content[: len(content) * 2 // 3], LIMITS)
    if file_format != "WEBP":
        assert "the file ends too early" in str(caught.value)


needs_avif = pytest.mark.skipif(
    not image_files._READS_AVIF, reason="this Pillow does not read AVIF"
)


@needs_avif
def test_avif():
    smooth = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    image = encode(saved(smooth, "AVIF", quality=95), LIMITS)
    assert (image.format, image.width, image.height, image.grey) == (
        "png",
        40,
        30,
        False,
    )
    shown = np.asarray(Image.open(io.BytesIO(image.content))).astype(int)
    assert np.abs(shown - np.asarray(smooth)).max() < 12


@needs_avif
def test_avif_upright_on_black_and_first_frame():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = encode(saved(picture(24).resize((40, 30)), "AVIF", exif=exif), LIMITS)
    assert (image.width, image.height) == (30, 40)
    clear = Image.new("RGBA", (8, 8), (200, 100, 50, 0))
    image = Image.open(io.BytesIO(encode(saved(clear, "AVIF"), LIMITS).content))
    assert image.getpixel((4, 4)) == (0, 0, 0)
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    moving = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    red, _, blue = Image.open(io.BytesIO(encode(moving, LIMITS).content)).getpixel(
        (8, 8)
    )
    assert red > 200 and blue < 50


@needs_avif
def test_limits_and_damage_of_avif():
    content = saved(picture(), "AVIF")
    with pytest.raises(RejectedImage, match="more than 575 pixels"):
        encode(content, ImageLimits(max_pixels=575))
    # The pixels are not there: the limit is judged by the header.
    size = content.index(b"ispe") + 8
    huge = content[:size] + struct.pack(">II", 9000, 8000) + content[size + 8 :]
    with pytest.raises(RejectedImage, match="more than 64000000 pixels"):
        encode(huge, LIMITS)
    for end in range(0, len(content) - 1, 37):
        with pytest.raises(RejectedImage, match="^cannot be decoded: "):
            encode(content[:end], LIMITS)
    with pytest.raises(RejectedImage, match="ends too early"):
        encode(content[:-5], LIMITS)


def test_avif_without_a_pillow_that_reads_it():
    content = box(b"avif", b"mif1", b"avif")
    assert what_is(content, reads_avif=False) == (
        "an AVIF picture: reading it needs Pillow 11.3"
    )
    assert "damaged" in what_is(content, reads_avif=True)


def test_formats_are_the_listed_ones():
    """No other decoder of Pillow's is asked, whatever a file claims to be."""
    listed = {"JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF"}
    assert set(image_files._FORMATS) | {"AVIF"} == listed
    for other in ("TGA", "PCX", "ICO", "SGI", "DDS", "ICNS"):
        content = saved(picture(16), other)
        with pytest.raises(RejectedImage):
            encode(content, LIMITS)
