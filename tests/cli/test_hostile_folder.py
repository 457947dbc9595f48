"""Every kind of bad file that we know of, through the real program."""

import csv
import io
import json
import os
import socket
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from byel_tf.data.record import parse
from byel_tf.data.tfrecord import read_frames


def png(width, height, data=b"", *chunks, kind=2):
    """A PNG file of a header, chunks and compressed pixels, whatever they are."""
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk, parts))


def chunk(part):
    name, data = part
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(side=24):
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels)


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.jpg", saved(noise(), "JPEG"))
    return buffer.getvalue()


def contents():
    """Content by file name: none of these is an image that can be taken."""
    jpeg, whole_png = saved(noise(), "JPEG"), saved(noise(), "PNG")
    gif, webp = saved(noise(), "GIF"), saved(noise(), "WEBP")
    tiff = saved(noise(), "TIFF")
    bomb = zlib.compress(bytes(200 * 2**20), 9)
    huge_bmp = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, 60000, 60000,
                           1, 24, 0, 0, 0, 0, 0, 0)  # fmt: skip
    flipped = bytearray(whole_png)
    flipped[len(flipped) // 2] ^= 1
    return {
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "without end.jpg": jpeg[:-2],
        "header alone.jpg": jpeg[:20],
        "truncated.png": whole_png[: len(whole_png) // 2],
        "without end.png": whole_png[:-12],
        "flipped bit.png": bytes(flipped),
        "truncated.gif": gif[: len(gif) // 2],
        "truncated.webp": webp[: len(webp) // 2],
        "truncated.tiff": tiff[: len(tiff) // 2],
        "empty.jpg": b"",
        "text.jpg": b"This is no image.\n",
        "page.png": b"<!DOCTYPE html><html><body>404</body></html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "archive.jpg": zipped(),
        "zeros.jpg": bytes(5000),
        "60000.png": png(60000, 60000, zlib.compress(b"")),
        "60000.bmp": huge_bmp,
        "bomb in an image of one pixel.png": png(1, 60_000_000, bomb, kind=0),
        "bomb in a text.png": png(
            4, 4, zlib.compress(bytes(4 * 13)), (b"zTXt", b"a\0\0" + bomb)
        ),
        "no pixels.png": png(0, 5, zlib.compress(b"")),
        "wrong pixels.png": png(30, 30, zlib.compress(b"abc")),
        "not compressed.png": png(4, 4, b"abc" * 9),
        "float.tiff": saved(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"),
        "too large.bmp": saved(Image.new("RGB", (700, 700)), "BMP"),
        ".DS_Store": b"\0\0\0\1Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "labels.csv": b"a.jpg,1\n",
        os.fsdecode(b"not utf-8 \xff.jpg"): b"x",
        'new\nline, "quoted".jpg': b"x",
        "ünï ☺.jpg": b"x",
    }


GOOD = ("good.png", "GOOD.PNG", "good\nline.png", "gööd.png", os.fsdecode(b"\xfe.png"))


@pytest.fixture
def folder(tmp_path):
    """A hostile folder, and the number of files and links in it."""
    folder = tmp_path / "images" / "Anger"
    folder.mkdir(parents=True)
    for name, content in contents().items():
        (folder / name).write_bytes(content)
    for index, name in enumerate(GOOD):
        (folder / name).write_bytes(saved(noise(8 + index), "PNG"))
    os.mkfifo(folder / "fifo.jpg")
    (folder / "loop").symlink_to(folder.parent)
    (folder / "itself.jpg").symlink_to("itself.jpg")
    (folder / "nowhere.jpg").symlink_to("gone.jpg")
    (folder / "folder.jpg").mkdir()
    locked = folder / "locked.jpg"
    locked.write_bytes(saved(noise(9), "JPEG"))
    locked.chmod(0)
    (folder.parent / "stray.png").write_bytes(saved(noise(), "PNG"))
    other = folder.parent / "grimace"
    other.mkdir()
    (other / "a.png").write_bytes(saved(noise(), "PNG"))
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path may have 107 bytes
        listener.bind("socket.jpg")
        os.chdir(here)
        yield folder.parent
    locked.chmod(0o600)


def listed_in(folder):
    return {
        os.path.relpath(os.path.join(parent, name), folder)
        for parent, folders, files in os.walk(folder)
        for name in [*files, *(f for f in folders if os.path.islink(f"{parent}/{f}"))]
    }


def test_counts_add_up(start, folder, tmp_path):
    arguments = ("--source=images", "--splits=train", "--max_bytes=1000000")
    done = start("prepare", *arguments, "--output=out")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    with open(tmp_path / "out" / "rejected.csv", newline="") as file:
        rejected = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    (shard,) = (tmp_path / "out").glob("*.tfrecord")
    records = [parse(frame) for frame in read_frames(shard)]
    taken = {record.filename for record in records}

    def printable(name):
        return name.encode(errors="backslashreplace").decode()

    files = {printable(name) for name in listed_in(folder)}
    assert files == {printable(name) for name in taken} | set(rejected)
    assert len(files) == len(taken) + len(rejected) == len(records) + len(rejected)
    assert manifest["splits"]["train"]["count"] == len(records)
    assert manifest["rejected"]["count"] == len(rejected) >= 35
    assert sum(manifest["rejected"]["reasons"].values()) == len(rejected)
    can_read_all = os.access(folder / "Anger" / "locked.jpg", os.R_OK)
    expected = {f"Anger/{name}" for name in GOOD}
    assert taken == expected | ({"Anger/locked.jpg"} if can_read_all else set())
    for record in records:
        assert record.encoded == (folder / record.filename).read_bytes()
    for path, reason in rejected.items():
        assert reason and "\n" not in reason, path
        assert "Error" not in reason, (path, reason)
    assert f"rejected: {len(rejected)}, listed in rejected.csv" in done.stdout
    assert not list(tmp_path.glob(".out*"))

    strict = start("prepare", *arguments, "--output=strict", "--strict")
    assert strict.returncode == 1
    assert f"--strict: {len(rejected)} images were rejected" in strict.stderr
    assert strict.stderr.count("\n") == 1
    for name in ("dataset.json", "rejected.csv", shard.name):
        content = (tmp_path / "strict" / name).read_bytes()
        assert content == (tmp_path / "out" / name).read_bytes()
