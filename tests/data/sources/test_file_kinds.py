import gzip
import io
import json
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from byel_tf.data.sources.file_kinds import refuse_other_kinds
from byel_tf.errors import RunError


def zipped(name="a.txt"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, "text")
    return buffer.getvalue()


def tarred(mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        file.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return buffer.getvalue()


def picture(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, kind)
    return buffer.getvalue()


def saved(save, *arrays):
    buffer = io.BytesIO()
    save(buffer, *arrays)
    return buffer.getvalue()


FILES = {
    "faces.zip": (zipped(), "a zip archive: unpack it and give the folder"),
    "no suffix": (zipped(), "a zip archive"),
    "list.csv": (zipped(), "a zip archive"),
    "faces.tar": (tarred(), "a tar archive: unpack it"),
    "faces.tgz": (tarred("w:gz"), "a gzip archive: unpack it"),
    "faces.tar.bz2": (tarred("w:bz2"), "a bzip2 archive"),
    "faces.tar.xz": (tarred("w:xz"), "an xz archive"),
    "list.csv.gz": (gzip.compress(b"path,label\n"), "a gzip archive"),
    "faces.7z": (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
    "faces.rar": (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
    "list.xlsx": (
        zipped("xl/workbook.xml"),
        "a spreadsheet's workbook: save it as CSV",
    ),
    "list.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook: save it as"),
    "a.jpg": (picture("JPEG"), "a JPEG image: give the folder of the images"),
    "photo": (picture("PNG"), "a PNG image: .*without labels use the program predict"),
    "a.bmp": (picture("BMP"), "a BMP image"),
    "a.tif": (picture("TIFF"), "a TIFF image"),
    "a.gif": (picture("GIF"), "a GIF image"),
    "a.webp": (picture("WEBP"), "a WebP image"),
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIF or AVIF image"),
    "a.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0", "a video: write its frames"),
    "broken.png": (b"no picture", "an image file by its name"),
    "faces.mat": (
        b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
        "a MATLAB file: write its",
    ),
    "old.mat": (b"\0\0\0\0\x01", "a MATLAB file"),
    "faces.h5": (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
    "x.npy": (saved(np.save, np.zeros(3)), "a NumPy array"),
    "x.npz": (saved(np.savez, np.zeros(3)), "an archive of NumPy arrays"),
    "x.pkl": (pickle.dumps([1, 2]), "a pickle file of Python"),
    "x.pickle": (pickle.dumps([1], protocol=0), "a pickle file of Python"),
    "x.json": (json.dumps({"a": 1}).encode(), "a JSON file: save it as CSV"),
    "x.jsonl": (b'{"a": 1}\n', "a JSON file"),
    "rows.txt": (b' [{"a": 1}]', "a JSON file"),
    "x.sqlite": (b"SQLite format 3\0", "an SQLite database"),
    "x.tfrecord": (b"\x10\0\0\0\0\0\0\0", "a TFRecord file"),
    "x.feather": (b"ARROW1\0\0", "an Arrow or Feather table"),
    "page.csv": (b"<!DOCTYPE html><html>", "an HTML or XML file"),
    "big.csv": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS: fetch"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("format", ["auto", "csv"])
def test_files_that_are_no_tables(write, opened, name, format):
    content, message = FILES[name]
    with pytest.raises(RunError, match=f"{name} is (a placeholder of )?{message}"):
        opened(write(name, content), format)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", b"path,label\n"),
        ("list.csv", b"BM,label\n"),
        ("list.csv", b"PK,label\n"),
        ("list.csv", b"fea1,label\n"),
        ("list.csv", b"[path],[label]\n"),
        ("list.csv", b"<path>;label\n"),
        ("list.csv", "\ufeffpath,label\n".encode("utf-16")),
        ("list.csv", b""),
        ("faces.parquet", b"PAR1"),
        ("no suffix", b"a.jpg 1\n"),
    ],
)
def test_tables_pass(write, name, content):
    refuse_other_kinds(str(write(name, content)))


def test_missing_file(root):
    with pytest.raises(RunError, match="cannot be read: No such file"):
        refuse_other_kinds(str(root / "none"))
