import dataclasses
import io
import os

import numpy as np
import pytest
from PIL import Image

from byel_tf.data import contact_sheets as module
from byel_tf.data.contact_sheets import (
    TILE,
    draw_sheet,
    label_counts,
    sheet_name,
    thumbnail,
    write_contact_sheets,
)
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.writer import write_dataset
from byel_tf.errors import RunError


@pytest.fixture
def chosen(monkeypatch):
    """Writes sheets; returns label, split and file name of the images chosen."""

    def choose(dataset, most):
        seen = []
        original = module._chosen

        def watched(*arguments):
            for split, where, record in original(*arguments):
                seen.append((record.label, split, int(record.filename.split(".")[0])))
                yield split, where, record

        monkeypatch.setattr(module, "_chosen", watched)
        write_contact_sheets(dataset, dataset.path / "sheets", most, 4)
        monkeypatch.setattr(module, "_chosen", original)
        return seen

    return choose


def test_images_are_evenly_spaced_over_all_splits(make_dataset, chosen):
    dataset = make_dataset(train=60, validation=15, test=15)
    assert len(dataset.manifest.splits["train"].shards) > 3
    seen = chosen(dataset, most=6)
    for label in range(3):
        of_label = [(split, number) for k, split, number in seen if k == label]
        # 30 of each class: 20 in train, 5 in each of the others.
        order = [("train", 3 * i + label) for i in range(20)]
        order += [("validation", 3 * i + label) for i in range(5)]
        order += [("test", 3 * i + label) for i in range(5)]
        assert of_label == [order[i] for i in (2, 7, 12, 17, 22, 27)]


def test_all_images_where_there_are_few(make_dataset, chosen):
    dataset = make_dataset(train=7, unlabelled=2)
    seen = chosen(dataset, most=5)
    assert sorted(number for _, _, number in seen) == list(range(9))


def test_only_chosen_images_are_read(make_dataset, monkeypatch):
    dataset = make_dataset(train=60)
    read = []
    original = module.read_frame
    monkeypatch.setattr(module, "read_frame", lambda *a: read.append(a) or original(*a))
    write_contact_sheets(dataset, dataset.path / "sheets", 2, 4)
    assert len(read) == 3 * 2


def test_label_that_does_not_stand_at_the_beginning(make_dataset, chosen, monkeypatch):
    dataset = make_dataset(train=30)
    expected = chosen(dataset, most=4)
    monkeypatch.setattr(module, "peek_label", lambda start: None)
    assert chosen(dataset, most=4) == expected


def test_written_files(make_dataset):
    dataset = make_dataset(train=9, unlabelled=1)
    steps = []
    folder = dataset.path / "deep" / "sheets"
    written = write_contact_sheets(dataset, folder, 64, 2, steps.append)
    assert {label: path.name for label, path in written.items()} == {
        -1: "unlabelled.png",
        0: "00-anger.png",
        1: "01-fear.png",
        2: "02-happiness.png",
    }
    assert sorted(os.listdir(folder)) == sorted(p.name for p in written.values())
    assert sum(steps) == 10
    with Image.open(written[0]) as sheet:
        assert sheet.width == 2 * (TILE + 2) + 2
        pixels = np.asarray(sheet)
    # The pictures of the class, in order: 0, 3, 6.
    top = module._HEADING
    for row, column, number in ((0, 0, 0), (0, 1, 3), (1, 0, 6)):
        y, x = top + row * (TILE + 2), 2 + column * (TILE + 2)
        assert (pixels[y : y + TILE, x : x + TILE] == (number, 0, 7)).all()


def test_same_bytes_again(make_dataset):
    dataset = make_dataset(train=9)
    first = write_contact_sheets(dataset, dataset.path / "a", 64, 2)
    second = write_contact_sheets(dataset, dataset.path / "b", 64, 2)
    for label, path in first.items():
        assert path.read_bytes() == second[label].read_bytes()


def test_class_without_images_has_no_sheet(tmp_path, classes, make_record):
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        writer.add("test", make_record(0, label=1))
    dataset = open_dataset(str(tmp_path / "set"))
    assert list(write_contact_sheets(dataset, tmp_path / "sheets", 4, 4)) == [1]
    assert label_counts(dataset.manifest)[0] == {"test": 0}


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        (0, "anger", "00-anger.png"),
        (12, "a/b", "12-a_b.png"),
        (1, "..", "01-_.png"),
        (1, "Wut & Ärger", "01-Wut_Ärger.png"),
        (1, "驚き", "01-驚き.png"),
        (1, 'a\n:*?"<>|\0b', "01-a_b.png"),
        (1, "", "01-.png"),
        (100, "CON", "100-CON.png"),
        (-1, "", "unlabelled.png"),
    ],
)
def test_names_that_every_file_system_takes(label, name, expected):
    assert sheet_name(label, name) == expected


def test_names_are_short_and_differ(tmp_path):
    names = [sheet_name(label, "é" * 300) for label in range(3)]
    assert len(set(names)) == 3
    for name in names:
        assert len(name.encode()) < 170
        (tmp_path / name).write_text("")
    # As on a file system that tells no case.
    assert sheet_name(0, "Fear").lower() != sheet_name(1, "fear").lower()


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((10, 10), (0, 0, 96, 96)),
        ((200, 100), (0, 24, 96, 72)),
        ((100, 200), (24, 0, 72, 96)),
        ((1, 500), (47, 0, 48, 96)),
        ((3000, 2000), (0, 16, 96, 80)),
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_picture_is_whole_in_its_tile(encode, size, box, file_format, mode):
    tile = np.asarray(thumbnail(encode(Image.new(mode, size, "white"), file_format)))
    assert tile.shape == (TILE, TILE, 3)
    left, top, right, bottom = box
    expected = np.full((TILE, TILE, 3), 200, np.uint8)
    expected[top:bottom, left:right] = 255
    np.testing.assert_array_equal(tile, expected)


def test_sections_have_headings():
    tiles = [Image.new("RGB", (TILE, TILE), c) for c in ("red", "lime", "blue")]
    sheet = draw_sheet([("train: 3 of 9", tiles), ("test: 1 of 2", tiles[:1])], 2)
    step, heading = TILE + 2, module._HEADING
    assert sheet.size == (2 * step + 2, 3 * step + 2 + 2 * heading)
    pixels = np.asarray(sheet)
    for top in (0, 2 * step + heading):
        assert (pixels[top : top + heading] < 100).any()  # something is written
    third = pixels[heading + step : heading + step + TILE, 2 : 2 + TILE]
    assert (third == (0, 0, 255)).all()
    first_of_test = pixels[2 * (step + heading) :][:TILE, 2 : 2 + TILE]
    assert (first_of_test == (255, 0, 0)).all()
    assert (pixels[heading + step : heading + 2 * step, 2 + step :] == 255).all()


def test_folder_that_cannot_be_made(make_dataset, tmp_path):
    dataset = make_dataset(train=3)
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "sheets"):
        with pytest.raises(RunError, match="cannot write contact sheets to .*--output"):
            write_contact_sheets(dataset, folder, 4, 4)


def test_sheet_that_cannot_be_written(make_dataset, tmp_path):
    dataset = make_dataset(train=3)
    (tmp_path / "sheets" / "00-anger.png").mkdir(parents=True)
    with pytest.raises(RunError, match=r"cannot write contact sheets .*directory"):
        write_contact_sheets(dataset, tmp_path / "sheets", 4, 4)
    assert os.listdir(tmp_path / "sheets") == ["00-anger.png"]


def test_broken_image(tmp_path, classes, make_record, encode):
    with write_dataset(tmp_path / "set", classes, {"kind": "test"}) as writer:
        encoded = encode(np.zeros((40, 40, 3), np.uint8))[:-30]
        writer.add("test", dataclasses.replace(make_record(0), encoded=encoded))
    dataset = open_dataset(str(tmp_path / "set"))
    expected = r"00001\.tfrecord: record 0: its image: cannot be decoded.*--verify"
    with pytest.raises(RunError, match=expected):
        write_contact_sheets(dataset, tmp_path / "sheets", 4, 4)


def test_broken_shard(make_dataset, tmp_path):
    dataset = make_dataset(train=4)
    shard = dataset.path / dataset.manifest.splits["train"].shards[0].file
    content = bytearray(shard.read_bytes())
    content[120] ^= 1
    shard.write_bytes(content)
    with pytest.raises(
        RunError, match="record 0 does not match its checksum.*--verify"
    ):
        write_contact_sheets(dataset, tmp_path / "sheets", 4, 4)


def test_sheets_are_pngs(make_dataset):
    dataset = make_dataset(train=3)
    for path in write_contact_sheets(dataset, dataset.path / "s", 4, 4).values():
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            assert (image.format, image.mode) == ("PNG", "RGB")
