"""Images that are cropped to boxes, through the program."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from byel_tf.cli.prepare import main
from byel_tf.data.image_files import ImageLimits, RejectedImage
from byel_tf.data.preparation import convert
from byel_tf.data.preparation.convert import Conversion, find_face
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import parse
from byel_tf.data.sources.item import Item
from byel_tf.data.tfrecord import read_frames
from byel_tf.errors import UsageError

LIMITS = ImageLimits()
BOXES = Conversion((), LIMITS, crop_boxes=True)
FACES = Conversion((), LIMITS, crop_faces=True)


def saved(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def gradient():
    """A picture of 100x60 pixels, in which every pixel tells its place."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[..., 0] = np.arange(100)
    pixels[..., 1] = np.arange(60)[:, None]
    return Image.fromarray(pixels)


@pytest.fixture
def prepared(tmp_path, capsys):
    """Prepares a source; the data set, its records by name, rejects and output."""

    def run(source, *flags, output="out"):
        main(
            [
                "prepare",
                f"--source={source}",
                f"--output={tmp_path / output}",
                "--workers=1",
                *flags,
            ]
        )
        dataset = open_dataset(str(tmp_path / output))
        records = {
            record.filename: record
            for split in dataset.manifest.splits
            for path in dataset.shard_paths(split)
            for record in map(parse, read_frames(path))
        }
        with open(dataset.path / "rejected.csv", newline="") as file:
            rejects = {row["path"]: row["reason"] for row in csv.DictReader(file)}
        return dataset, records, rejects, capsys.readouterr().out

    return run


def pixels_of(record):
    return np.asarray(Image.open(io.BytesIO(record.encoded)))


@pytest.fixture
def expw(tmp_path, gradient):
    """A photograph of three faces, and others whose boxes are elsewhere."""
    folder = tmp_path / "expw"
    (folder / "image" / "origin").mkdir(parents=True)
    gradient.save(folder / "image" / "origin" / "a b.png")
    (folder / "label.lst").write_text(
        "a b.png 0 20 10 30 50 9.5 3\n"
        "a b.png 1 5 60 90 25 9.5 4\n"
        "a b.png 2 -5 -5 15 15 9.5 0\n"
        "a b.png 3 10 95 135 50 9.5 0\n"
        "a b.png 4 200 300 320 220 9.5 0\n"
        "gone.png 0 20 10 30 50 9.5 3\n"
    )
    return folder


def test_faces_of_a_photograph(prepared, expw):
    dataset, records, rejects, printed = prepared(expw, "--splits=train")
    assert "cropped to its boxes (--crop=none keeps images whole)" in printed
    assert rejects == {
        f"a b.png#box={box}": (
            "the face's box is mostly outside the picture; --crop=none does without"
        )
        for box in ("95,10,135,50", "300,200,320,220")
    } | {"gone.png#box=10,20,30,50": "cannot be read: No such file or directory"}
    assert dataset.manifest.source["crop"] == "box"
    assert dataset.manifest.source["crop_margin"] == 1.0
    # Squares about the boxes' middles, with their longer sides.
    high = pixels_of(records["a b.png#box=10,20,30,50"])
    assert high.shape == (30, 30, 3)
    assert high[0, 0].tolist() == [5, 20, 0] and high[-1, -1].tolist() == [34, 49, 0]
    wide = pixels_of(records["a b.png#box=60,5,90,25"])
    assert wide.shape == (30, 30, 3)
    assert wide[0, 0].tolist() == [60, 0, 0] and wide[-1, -1].tolist() == [89, 29, 0]
    # Beyond the picture its edge goes on.
    corner = pixels_of(records["a b.png#box=-5,-5,15,15"])
    assert corner[0, 0].tolist() == [0, 0, 0] and corner[-1, -1].tolist() == [14, 14, 0]
    assert {r.format for r in records.values()} == {"png"}
    # Other faces of a photograph are no duplicates of it.
    assert dataset.manifest.duplicates == {"images": 0, "contradictory": 0}


def test_margin(prepared, expw):
    dataset, records, *_ = prepared(expw, "--crop=box", "--crop_margin=2")
    assert dataset.manifest.source["crop_margin"] == 2
    pixels = pixels_of(records["a b.png#box=10,20,30,50"])
    assert pixels.shape == (60, 60, 3)
    assert pixels[0, 10].tolist() == [0, 5, 0] and pixels[-1, -1].tolist() == [
        49,
        59,
        0,
    ]


def test_whole_photographs(prepared, expw):
    dataset, records, rejects, printed = prepared(expw, "--crop=none")
    assert "the boxes of its faces are not used (--crop=none)" in printed
    assert "crop" not in dataset.manifest.source
    content = (expw / "image" / "origin" / "a b.png").read_bytes()
    assert {record.encoded for record in records.values()} == {content}
    assert len(records) == 5 and len(rejects) == 1
    assert dataset.manifest.duplicates == {"images": 4, "contradictory": 1}


@pytest.fixture
def ferplus(tmp_path):
    folder = tmp_path / "FER2013Train"
    folder.mkdir()
    rows = []
    for n, box in enumerate(("(0, 0, 48, 48)", "(8, 8, 40, 40)", "(0, 0, 48, 47)")):
        pixels = np.random.default_rng(n).integers(0, 256, (48, 48), np.uint8)
        Image.fromarray(pixels).save(folder / f"fer{n}.png")
        rows.append(f'fer{n}.png,"{box}",0,5,0,0,5,0,0,0,0,0\n')
    (folder / "label.csv").write_text("".join(rows))
    return folder


def test_box_that_is_the_whole_picture(prepared, ferplus):
    _, records, rejects, _ = prepared(ferplus, "--vote_labels=soft")
    assert not rejects
    assert records["fer0.png"].encoded == (ferplus / "fer0.png").read_bytes()
    assert pixels_of(records["fer1.png"]).shape == (32, 32)
    assert pixels_of(records["fer2.png"]).shape == (48, 48)
    assert records["fer1.png"].votes == (5, 0, 0, 5, 0, 0)
    whole = prepared(ferplus, "--vote_labels=soft", "--crop_margin=2", output="2")[1]
    assert whole["fer0.png"].encoded == records["fer0.png"].encoded


def test_nothing_was_cropped(prepared, ferplus):
    """Boxes of FERPlus are whole pictures, all of them."""
    lines = (
        (ferplus / "label.csv").read_text().replace("(8, 8, 40, 40)", "(0, 0, 48, 48)")
    )
    (ferplus / "label.csv").write_text("".join(lines.splitlines(True)[:2]))
    dataset, *_ = prepared(ferplus, "--vote_labels=soft")
    assert "crop" not in dataset.manifest.source


def test_boxes_where_there_are_none(tmp_path, gradient):
    (tmp_path / "faces" / "anger").mkdir(parents=True)
    gradient.save(tmp_path / "faces" / "anger" / "a.png")
    arguments = [f"--source={tmp_path / 'faces'}", f"--output={tmp_path / 'out'}",
                 "--workers=1"]  # fmt: skip
    with pytest.raises(UsageError, match="--crop=box: this source gives no boxes"):
        main(["prepare", *arguments, "--crop=box"])
    main(["prepare", *arguments, "--crop=auto"])
    assert (
        "crop"
        not in json.loads((tmp_path / "out" / "dataset.json").read_text())["source"]
    )


def test_upright_picture_is_meant(gradient):
    """The box is that of what a viewer shows, which EXIF data turn."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    content = saved(gradient, exif=exif)
    picture, box = find_face(content, BOXES, (10, 20, 40, 60))
    assert picture.size == (60, 100)
    assert (box.left, box.top, box.side) == (5, 20, 40)
    assert find_face(content, BOXES, (0, 0, 60, 100)) == (content, None)
    with pytest.raises(RejectedImage, match="mostly outside"):
        find_face(content, BOXES, (60, 0, 100, 60))


def test_item_without_a_box(gradient):
    with pytest.raises(RejectedImage, match="gives no box of its face; --crop=none"):
        find_face(saved(gradient), BOXES)


@pytest.mark.parametrize(
    ("box", "is_taken"),
    [
        ((-10, 0, 10, 20), True),
        ((-11, 0, 9, 20), False),
        ((90, 50, 110, 60), True),
        ((95, 50, 110, 60), False),
        ((-100, -100, -1, -1), False),
    ],
)
def test_half_of_a_box_must_be_inside(gradient, box, is_taken):
    if is_taken:
        assert find_face(saved(gradient), BOXES, box)[1].side == 20
    else:
        with pytest.raises(RejectedImage, match="mostly outside the picture"):
            find_face(saved(gradient), BOXES, box)


def test_crop_of_too_many_pixels(gradient):
    limits = ImageLimits(max_pixels=6000)
    few = Conversion((), limits, crop_boxes=True)
    _, box = find_face(saved(gradient), few, (0, 2, 77, 59))
    assert convert.convert(saved(gradient), few, box).width == 77
    _, box = find_face(saved(gradient), few, (0, 2, 78, 59))
    with pytest.raises(RejectedImage, match="its crop has more than 6000 pixels"):
        convert.convert(saved(gradient), few, box)


class Detector:
    """Says what it was asked for."""

    def __init__(self, found=None):
        self.found, self.asked = found, []

    def largest(self, image):
        self.asked.append("largest")
        return self.found

    def within(self, image, bounds):
        self.asked.append(bounds)
        return self.found


def test_faces_within_boxes(gradient, monkeypatch):
    detector = Detector()
    monkeypatch.setattr(convert, "_detector", lambda name: detector)
    content = saved(gradient)
    assert find_face(content, FACES, (10, 10, 30, 30)) == (content, None)
    assert find_face(content, FACES) == (content, None)
    assert detector.asked == [(10, 10, 30, 30), "largest"]
    with pytest.raises(RejectedImage, match="no face found"):
        rejecting = Conversion((), LIMITS, crop_faces=True, no_face="reject")
        find_face(content, rejecting, (10, 10, 30, 30))
    with pytest.raises(RejectedImage, match="mostly outside"):
        find_face(content, FACES, (300, 10, 320, 30))


def test_boxes_outlive_the_work_files(tmp_path):
    from byel_tf.data.preparation.convert import Finding
    from byel_tf.data.preparation.database import Listed, WorkDatabase
    from byel_tf.data.preparation.shards import _read_entries, write_entries
    from byel_tf.faces.crop import Box

    items = [
        Item("a", "a.png", 1, "train", "s", (1.0, 2.0), None, (1.0, 2.5, 30.0, 40.0)),
        Item("b", "b.png", 0),
    ]
    work = WorkDatabase(tmp_path / "work.sqlite")
    with work.transaction():
        work.add_items(Listed(item, b"place", None) for item in items)
    assert [item for chunk in work.unexamined(8) for _, item in chunk] == items
    found = Finding(b"1", 2, "png", 3, 4, False, False, Box(1.0, 2.0, 3.0))
    write_entries(str(tmp_path / "entries"), [(items[0], found), (items[1], found)])
    read = list(_read_entries(str(tmp_path / "entries")))
    assert [item.box for item, _ in read] == [items[0].box, None]
    assert read[0][1] == found
    work.close()


def test_work_files_of_a_version_without_boxes(prepared, expw, tmp_path):
    import sqlite3

    folder = tmp_path / ".out.preparing"
    folder.mkdir()
    with sqlite3.connect(folder / "work.sqlite") as old:
        old.execute("CREATE TABLE images (id INTEGER PRIMARY KEY, name BLOB)")
        old.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT)")
        old.execute("INSERT INTO facts VALUES ('plan', 'another')")
    old.close()
    assert len(prepared(expw)[1]) == 3


def test_boxes_on_beam(prepared, expw, tmp_path):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed")
    here, *_ = prepared(expw, "--crop_margin=1.3")
    there, records, *_ = prepared(expw, "--crop_margin=1.3", "--beam", output="beam")
    assert len(records) == 3
    for split in here.manifest.splits:
        for one, other in zip(
            here.shard_paths(split), there.shard_paths(split), strict=True
        ):
            with open(one, "rb") as local, open(other, "rb") as beam:
                assert local.read() == beam.read()
