"""Damaged image files, each made from a seed and a number alone.

Half of the damage knows the format: a JPEG's segments and a PNG's chunks are changed
one by one, with lengths and checksums that are right again, so that what is wrong is
met deep inside of a decoder and not at its door. The other half does not.
"""

import functools
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZES = (0, 1, 2, 7, 255, 256, 4096, 65500, 65535)
_PNG_SIZES = (*_SIZES, 2**31 - 1, 2**31, 2**32 - 1)
_ORIENTATIONS = (*range(0, 10), 255, 65535)


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """One damaged file.

    Args:
      seed: Of all of them.
      number: Which one.

    Returns:
      What it was made of and how it was damaged; the file.
    """
    draw = np.random.default_rng([seed, number])
    name = _choose(draw, list(originals()))
    content = originals()[name]
    damages = list(_ANY)
    if content.startswith(b"\xff\xd8"):
        damages += _JPEG * 2
    elif content.startswith(_SIGNATURE):
        damages += _PNG * 2
    done = []
    for _ in range(int(_choose(draw, (1, 1, 2, 3)))):
        damage = _choose(draw, damages)
        try:
            content = damage(content, draw)
        except (ValueError, IndexError, struct.error):  # nothing is left to damage
            continue
        done.append(damage.__name__.strip("_"))
    return f"{name}: {', '.join(done)}", content


def _choose(draw: np.random.Generator, values):
    return values[int(draw.integers(len(values)))]


@functools.cache
def originals() -> dict[str, bytes]:
    """Sound files of all formats by name."""
    corners = [[[250, 10, 20], [30, 240, 40]], [[50, 60, 230], [240, 240, 70]]]
    smooth = Image.fromarray(np.array(corners, np.uint8))
    smooth = smooth.resize((40, 30), Image.Resampling.BILINEAR)
    noise = np.random.default_rng(1).integers(-20, 21, (30, 40, 3))
    image = Image.fromarray((np.asarray(smooth) + noise).clip(0, 255).astype(np.uint8))
    opaque = image.convert("RGBA")
    opaque.putalpha(image.convert("L"))
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
    large = image.resize((160, 120))
    return {
        "jpeg": _saved(image, "JPEG", quality=90),
        "grey jpeg": _saved(image.convert("L"), "JPEG"),
        "cmyk jpeg": _saved(image.convert("CMYK"), "JPEG"),
        "progressive jpeg": _saved(large, "JPEG", progressive=True),
        "turned jpeg": _saved(image, "JPEG", exif=turned, quality=90),
        "large turned jpeg": _saved(large, "JPEG", exif=turned, subsampling=2),
        "png": _saved(image, "PNG"),
        "grey png": _saved(image.convert("L"), "PNG"),
        "large png": _saved(large, "PNG"),
        "palette png": _saved(image.quantize(50), "PNG", transparency=bytes(range(50))),
        "rgba png": _saved(opaque, "PNG"),
        "grey png with opacity": _saved(opaque.convert("LA"), "PNG"),
        "16 bit png": _saved(Image.fromarray(deep), "PNG"),
        "turned png": _saved(image, "PNG", exif=turned),
        "gif": _saved(image.quantize(60), "GIF", transparency=3),
        "animated gif": _saved(
            image.quantize(9), "GIF", save_all=True, append_images=[smooth.quantize(9)]
        ),
        "bmp": _saved(image, "BMP"),
        "palette bmp": _saved(image.quantize(16), "BMP"),
        "webp": _saved(image, "WEBP"),
        "lossless webp": _saved(opaque, "WEBP", lossless=True),
        "tiff": _saved(image, "TIFF"),
        "lzw tiff": _saved(image, "TIFF", compression="tiff_lzw"),
        "jpeg tiff": _saved(image, "TIFF", compression="jpeg"),
        "16 bit tiff": _saved(Image.fromarray(deep), "TIFF"),
    }


def _saved(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


# Damage that knows no format.


def _flip(content: bytes, draw: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(int(draw.integers(1, 9))):
        changed[int(draw.integers(len(changed)))] = int(draw.integers(256))
    return bytes(changed)


def _flip_early(content: bytes, draw: np.random.Generator) -> bytes:
    changed = bytearray(content)
    changed[int(draw.integers(min(len(changed), 64)))] = _choose(draw, (0, 1, 127, 255))
    return bytes(changed)


def _truncate(content: bytes, draw: np.random.Generator) -> bytes:
    return content[: int(draw.integers(len(content)))]


def _delete(content: bytes, draw: np.random.Generator) -> bytes:
    place = int(draw.integers(len(content)))
    return content[:place] + content[place + int(draw.integers(1, 64)) :]


def _insert(content: bytes, draw: np.random.Generator) -> bytes:
    place = int(draw.integers(len(content)))
    return content[:place] + draw.bytes(int(draw.integers(1, 64))) + content[place:]


def _splice(content: bytes, draw: np.random.Generator) -> bytes:
    other = _choose(draw, list(originals().values()))
    return (
        content[: int(draw.integers(len(content)))]
        + other[int(draw.integers(len(other))) :]
    )


def _append(content: bytes, draw: np.random.Generator) -> bytes:
    return content + _choose(draw, list(originals().values()))


_ANY = (_flip, _flip_early, _truncate, _delete, _insert, _splice, _append)


# Damage to JPEG files: a list of (marker, content), the pixels with their scan.


def _segments(content: bytes) -> list[tuple[int, bytes, bytes]]:
    """Marker, content, and what stands behind it up to the next one."""
    found, place = [], 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xD9:
            break
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        end = stop = place + 2 + length
        while stop + 1 < len(content) and (
            content[stop] != 0xFF or content[stop + 1] in (0, *range(0xD0, 0xD8))
        ):
            stop += 1
        found.append((marker, content[place + 4 : end], content[end:stop]))
        place = stop
    if not found:
        raise ValueError("no segment is left")
    return found


def _join(segments: list[tuple[int, bytes, bytes]]) -> bytes:
    parts = [
        bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data + behind
        for marker, data, behind in segments
    ]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def _in_segments(
    damage: Callable[[list, np.random.Generator], None],
) -> Callable[[bytes, np.random.Generator], bytes]:
    @functools.wraps(damage)
    def apply(content: bytes, draw: np.random.Generator) -> bytes:
        segments = _segments(content)
        damage(segments, draw)
        return _join(segments)

    return apply


def _place(segments: list, draw: np.random.Generator, *markers: int) -> int:
    places = [k for k, s in enumerate(segments) if not markers or s[0] in markers]
    return _choose(draw, places)


@_in_segments
def _jpeg_content(segments: list, draw: np.random.Generator) -> None:
    place = _place(segments, draw)
    marker, data, behind = segments[place]
    segments[place] = (marker, _flip(data, draw), behind)


@_in_segments
def _jpeg_order(segments: list, draw: np.random.Generator) -> None:
    moved = segments.pop(_place(segments, draw))
    segments.insert(int(draw.integers(len(segments) + 1)), moved)


@_in_segments
def _jpeg_without(segments: list, draw: np.random.Generator) -> None:
    del segments[_place(segments, draw)]


@_in_segments
def _jpeg_frame(segments: list, draw: np.random.Generator) -> None:
    place = _place(segments, draw, *range(0xC0, 0xC4))
    marker, data, behind = segments[place]
    side = struct.pack(">H", _choose(draw, _SIZES))
    start = _choose(draw, (1, 3))
    data = data[:start] + side + data[start + 2 :]
    if draw.random() < 0.3:
        marker = int(_choose(draw, (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA)))
    segments[place] = (marker, data, behind)


@_in_segments
def _jpeg_scans(segments: list, draw: np.random.Generator) -> None:
    place = _place(segments, draw, 0xDA)
    segments[place:place] = [segments[place]] * int(_choose(draw, (1, 9, 62, 200)))


@_in_segments
def _jpeg_tables(segments: list, draw: np.random.Generator) -> None:
    place = _place(segments, draw, 0xDB, 0xC4)
    marker, data, behind = segments[place]
    data = data[:1] + draw.bytes(len(data) - 1)
    segments[place] = (marker, data, behind)


@_in_segments
def _jpeg_exif(segments: list, draw: np.random.Generator) -> None:
    data = b"Exif\0\0" + _exif(draw)
    if draw.random() < 0.3:
        data = b"http://ns.adobe.com/xap/1.0/\0" + _xmp(draw)
    segments.insert(int(draw.integers(len(segments) + 1)), (0xE1, data, b""))


_JPEG = (
    *(_jpeg_content, _jpeg_order, _jpeg_without, _jpeg_frame),
    *(_jpeg_scans, _jpeg_tables, _jpeg_exif),
)


def _exif(draw: np.random.Generator) -> bytes:
    """EXIF data with an orientation that is sound or odd."""
    mark, order = _choose(draw, ((">", b"MM"), ("<", b"II")))
    count = int(_choose(draw, (1, 1, 1, 0, 2, 2**31)))
    kind = int(_choose(draw, (3, 3, 3, 4, 0, 99)))
    number = int(_choose(draw, _ORIENTATIONS))
    entry = struct.pack(mark + "HHIHH", 0x0112, kind, count, number, 0)
    start = int(_choose(draw, (8, 8, 8, 0, 9, 2**32 - 1)))
    entries = int(_choose(draw, (1, 1, 1, 2, 0, 65535)))
    head = order + struct.pack(mark + "HI", 42, start)
    data = head + struct.pack(mark + "H", entries) + entry + bytes(4)
    return _flip(data, draw) if draw.random() < 0.3 else data


def _xmp(draw: np.random.Generator) -> bytes:
    number = _choose(draw, _ORIENTATIONS)
    return f'<rdf:Description tiff:Orientation="{number}"/>'.encode()


# Damage to PNG files: a list of [kind, content].


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], len(_SIGNATURE)
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        found.append((content[place + 4 : place + 8], content[place + 8 :][:length]))
        place += 12 + length
    if not found:
        raise ValueError("no chunk is left")
    return found


def _in_chunks(
    damage: Callable[[list, np.random.Generator], None],
) -> Callable[[bytes, np.random.Generator], bytes]:
    @functools.wraps(damage)
    def apply(content: bytes, draw: np.random.Generator) -> bytes:
        chunks = _chunks(content)
        damage(chunks, draw)
        parts = [
            struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        ]  # fmt: skip
        return _SIGNATURE + b"".join(parts)

    return apply


@_in_chunks
def _png_content(chunks: list, draw: np.random.Generator) -> None:
    place = int(draw.integers(len(chunks)))
    kind, data = chunks[place]
    chunks[place] = (kind, _flip(data, draw))


@_in_chunks
def _png_pixels(chunks: list, draw: np.random.Generator) -> None:
    """Other pixels than the header says, soundly compressed."""
    place = next((k for k, c in enumerate(chunks) if c[0] == b"IDAT"), 0)
    rows = draw.bytes(int(draw.integers(1, 20_000)))
    if draw.random() < 0.3:
        rows = bytes(10**6 * int(draw.integers(1, 20)))
    chunks[place] = (b"IDAT", zlib.compress(rows))


@_in_chunks
def _png_header(chunks: list, draw: np.random.Generator) -> None:
    data = bytearray(chunks[0][1].ljust(13, b"\0"))
    start = int(_choose(draw, (0, 4)))
    if draw.random() < 0.5:
        data[start : start + 4] = struct.pack(">I", _choose(draw, _PNG_SIZES))
    else:
        data[8:10] = (
            int(_choose(draw, (1, 2, 4, 8, 16, 3))),
            int(_choose(draw, (0, 2, 3, 4, 6, 1))),
        )
    data[12] = int(draw.integers(0, 2))
    chunks[0] = (chunks[0][0], bytes(data))


@_in_chunks
def _png_order(chunks: list, draw: np.random.Generator) -> None:
    moved = chunks.pop(int(draw.integers(len(chunks))))
    chunks.insert(int(draw.integers(len(chunks) + 1)), moved)


@_in_chunks
def _png_without(chunks: list, draw: np.random.Generator) -> None:
    del chunks[int(draw.integers(len(chunks)))]


@functools.cache
def _bomb() -> bytes:
    """Becomes a thousand times as much."""
    return zlib.compress(bytes(10**7), 9)


@_in_chunks
def _png_more(chunks: list, draw: np.random.Generator) -> None:
    bomb = _bomb()
    more = (
        (b"tRNS", draw.bytes(int(draw.integers(0, 20)))),
        (b"eXIf", _exif(draw)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _xmp(draw)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        (b"zTXt", b"Comment\0\0" + bomb),
        (b"iCCP", b"profile\0\0" + bomb),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(draw.bytes(99))),
        (b"PLTE", draw.bytes(3 * int(draw.integers(0, 257)))),
        (b"gAMA", draw.bytes(4)),
        (b"acTL", draw.bytes(8)),
    )
    chunks.insert(int(draw.integers(len(chunks) + 1)), _choose(draw, more))


_PNG = (_png_content, _png_pixels, _png_header, _png_order, _png_without, _png_more)
