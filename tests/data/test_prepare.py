import collections
import csv
import os
import pathlib
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from byel_tf.data import prepare as module
from byel_tf.data.image_files import ImageLimits
from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.preparation import convert, shards
from byel_tf.data.preparation.convert import Conversion
from byel_tf.data.preparation.dealing import Dealing
from byel_tf.data.prepare import LocalRunner, Preparation, prepare
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.sources.detect import open_source
from byel_tf.data.sources.source import SourceOptions
from byel_tf.errors import RunError
from byel_tf.worker_pool import DIED

HALVES = {"train": 0.5, "validation": 0.25, "test": 0.25}
ONE_PROCESS = LocalRunner(1)


@pytest.fixture
def prepare_images(tmp_path, classes):
    """Prepares a source in this process, and opens the result."""

    def run(
        source,
        output="out",
        shares=HALVES,
        seed=1,
        classes=classes,
        run=ONE_PROCESS,
        validation_share=0.0,
        **more,
    ):
        if not isinstance(run, LocalRunner):
            run = runner_of(run)
        opened = open_source(
            source, format="auto", labels=ClassNames(classes), options=SourceOptions()
        )
        preparation = Preparation(
            Conversion(tuple(classes), ImageLimits()),
            Dealing(shares, validation_share),
            seed,
            **more,
        )
        manifest = prepare(opened, tmp_path / output, preparation, run)
        dataset = open_dataset(str(tmp_path / output))
        assert dataset.manifest == manifest
        return dataset

    return run


@pytest.fixture
def write_list(tmp_path, encode):
    """Writes pictures and a CSV list of them from (file, colour, label, …) rows."""

    def write(header, *rows):
        with open(tmp_path / "list.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(header.split(","))
            for name, colour, *rest in rows:
                pixels = np.full((3, 4, 3), colour, np.uint8)
                (tmp_path / name).write_bytes(encode(pixels))
                table.writerow((name, *rest))
        return tmp_path / "list.csv"

    return write


def runner_of(function):
    """A runner that does what a function says."""
    function.exchange = None
    return function


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def examples_of(dataset, split):
    files = dataset.shard_paths(split)
    for serialized in tf.data.TFRecordDataset(files):
        yield tf.train.Example.FromString(serialized.numpy()).features.feature


def names_of(dataset, split):
    if split not in dataset.manifest.splits:
        return []
    return [
        example["image/filename"].bytes_list.value[0].decode()
        for example in examples_of(dataset, split)
    ]


def rejects_of(dataset):
    with open(dataset.path / "rejected.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def test_counts_in_are_counts_out_and_rejects(
    make_folder, prepare_images, classes, encode
):
    source = make_folder(anger=9, fear=5, happiness=12, neutral=2)
    (source / "anger" / "text.jpg").write_bytes(b"text")
    (source / "fear" / "empty.png").write_bytes(b"")
    os.mkfifo(source / "fear" / "fifo")
    (source / "stray.png").write_bytes(encode_one(encode))
    files = [path for path in source.rglob("*") if not path.is_dir()]
    dataset = prepare_images(source)
    manifest = dataset.manifest
    rejected = rejects_of(dataset)
    assert set(rejected) == {
        "anger/text.jpg",
        "fear/empty.png",
        "fear/fifo",
        "stray.png",
        "neutral/000.png",
        "neutral/001.png",
    }
    assert sum(s.count for s in manifest.splits.values()) + len(rejected) == len(files)
    names = collections.Counter()
    for split, content in manifest.splits.items():
        per_class = collections.Counter()
        for example in examples_of(dataset, split):
            name = example["image/filename"].bytes_list.value[0].decode()
            names[name] += 1
            class_name = example["image/class/text"].bytes_list.value[0].decode()
            label = example["image/class/label"].int64_list.value[0]
            assert classes[label] == class_name == name.partition("/")[0]
            encoded = example["image/encoded"].bytes_list.value[0]
            assert encoded == (source / name).read_bytes()
            per_class[class_name] += 1
        assert content.per_class == {name: per_class[name] for name in classes}
    assert set(names.values()) == {1}
    assert {*names, *rejected} == {str(path.relative_to(source)) for path in files}


def encode_one(encode):
    return encode(np.zeros((2, 2, 3), np.uint8))


def test_splits_are_stratified(make_folder, prepare_images):
    source = make_folder(anger=40, fear=8, happiness=20)
    splits = prepare_images(source).manifest.splits
    assert {n: list(s.per_class.values()) for n, s in splits.items()} == {
        "train": [20, 4, 10],
        "validation": [10, 2, 5],
        "test": [10, 2, 5],
    }


def test_same_bytes_again_and_other_ones_with_another_seed(
    make_folder, prepare_images, tmp_path
):
    source = make_folder(anger=9, fear=5)
    prepare_images(source, "a")
    prepare_images(source, "b", run=LocalRunner(3))
    prepare_images(source, "c", seed=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_one_more_image_leaves_the_order_of_the_others(
    make_folder, prepare_images, encode
):
    source = make_folder(anger=9, fear=9)
    before = names_of(prepare_images(source, "a", {"test": 1.0}), "test")
    assert before != sorted(before)
    (source / "fear" / "new.png").write_bytes(encode_one(encode))
    after = names_of(prepare_images(source, "b", {"test": 1.0}), "test")
    assert [name for name in after if name != "fear/new.png"] == before


def test_shards_are_of_about_one_size(make_folder, prepare_images):
    source = make_folder(anger=100, fear=100)
    dataset = prepare_images(source, shares={"train": 1.0}, shard_bytes=20_000)
    sizes = [s.bytes for s in dataset.manifest.splits["train"].shards]
    assert len(sizes) in (3, 4, 5)
    assert max(sizes) < 1.1 * min(sizes)
    whole = prepare_images(source, "whole", shares={"train": 1.0})
    assert names_of(dataset, "train") == names_of(whole, "train")


def test_given_splits_are_kept(write_list, prepare_images):
    source = write_list(
        "path,label,split",
        ("a.png", 1, "anger", "train"),
        ("b.png", 2, "fear", "test"),
        ("c.png", 3, "fear", "validation"),
    )
    dataset = prepare_images(source, shares=None)
    assert names_of(dataset, "train") == ["a.png"]
    assert names_of(dataset, "validation") == ["c.png"]
    assert names_of(dataset, "test") == ["b.png"]
    assert dataset.manifest.source["splits"] == "given"
    dealt = prepare_images(source, "dealt", shares={"test": 1.0})
    assert sorted(names_of(dealt, "test")) == ["a.png", "b.png", "c.png"]


def test_rows_without_a_split_among_others(write_list, prepare_images):
    source = write_list(
        "path,label,split", ("a.png", 1, "anger", "train"), ("b.png", 2, "fear", "")
    )
    dataset = prepare_images(source, shares=None)
    assert list(rejects_of(dataset)) == ["b.png"]


def test_validation_from_the_train_split(write_list, prepare_images):
    rows = [
        (f"{i}.png", i, ("anger", "fear")[i % 2], ("train", "test")[i >= 20])
        for i in range(30)
    ]
    source = write_list("path,label,split", *rows)
    dataset = prepare_images(source, shares=None, validation_share=0.2)
    counts = {n: list(s.per_class.values()) for n, s in dataset.manifest.splits.items()}
    assert counts == {"train": [8, 8, 0], "validation": [2, 2, 0], "test": [5, 5, 0]}
    assert set(names_of(dataset, "test")) == {f"{i}.png" for i in range(20, 30)}


def test_same_image_in_several_given_splits(write_list, prepare_images):
    source = write_list(
        "path,label,split",
        ("train.png", 1, "anger", "train"),
        ("also train.png", 1, "anger", "train"),
        ("validation.png", 1, "anger", "validation"),
        ("test.png", 1, "fear", "test"),
        ("other.png", 2, "fear", "train"),
        ("v2.png", 3, "fear", "validation"),
        ("t2.png", 3, "fear", "train"),
    )
    dataset = prepare_images(source, shares=None)
    assert rejects_of(dataset) == {
        "train.png": "the same image is in the test split",
        "also train.png": "the same image is in the test split",
        "validation.png": "the same image is in the test split",
        "t2.png": "the same image is in the validation split",
    }
    assert names_of(dataset, "test") == ["test.png"]
    assert names_of(dataset, "validation") == ["v2.png"]
    assert names_of(dataset, "train") == ["other.png"]


def test_same_images_are_dealt_together_and_counted(write_list, prepare_images):
    rows = [(f"{i}.png", i // 3, ("anger", "fear")[i % 2]) for i in range(90)]
    dataset = prepare_images(write_list("path,label", *rows))
    split_of = {}
    for split in HALVES:
        for name in names_of(dataset, split):
            split_of[int(name.removesuffix(".png"))] = split
    assert len(split_of) == 90
    for first in range(0, 90, 3):
        assert len({split_of[first + k] for k in range(3)}) == 1
    assert dataset.manifest.duplicates == {"images": 60, "contradictory": 30}
    counts = [s.count for s in dataset.manifest.splits.values()]
    assert counts[0] in range(42, 49)


def test_persons_are_dealt_whole(write_list, prepare_images):
    # Person 8's first picture is the first of person 7, too.
    rows = [
        (f"{i}.png", i if i != 80 else 70, ("anger", "fear")[i % 2], f"p{i // 10}")
        for i in range(100)
    ]
    dataset = prepare_images(write_list("path,label,subject", *rows))
    split_of = {n: s for s in HALVES for n in names_of(dataset, s)}
    assert len(split_of) == 100
    for person in range(10):
        splits = {split_of[f"{10 * person + k}.png"] for k in range(10)}
        assert len(splits) == 1
    assert split_of["70.png"] == split_of["80.png"]
    shares = [s.count / 100 for s in dataset.manifest.splits.values()]
    np.testing.assert_allclose(shares, list(HALVES.values()), atol=0.1)
    subjects = [
        example["image/subject"].bytes_list.value[0].decode()
        for split in HALVES
        for example in examples_of(dataset, split)
    ]
    assert collections.Counter(subjects) == {f"p{i}": 10 for i in range(10)}


def test_unlabelled_images(write_list, prepare_images):
    source = write_list("path,label", ("a.png", 1, "anger"), ("b.png", 1, ""))
    dataset = prepare_images(source, shares={"test": 1.0})
    assert dataset.manifest.splits["test"].unlabelled == 1
    assert dataset.manifest.duplicates == {"images": 1, "contradictory": 0}
    labels = {
        e["image/filename"].bytes_list.value[0]: (
            e["image/class/label"].int64_list.value[0],
            e["image/class/text"].bytes_list.value[0],
        )
        for e in examples_of(dataset, "test")
    }
    assert labels == {b"a.png": (0, b"anger"), b"b.png": (-1, b"")}


def test_table_of_pixels(tmp_path, prepare_images):
    rows = {
        i: " ".join(str((7 * i + k) % 256) for k in range(48 * 48)) for i in range(6)
    }
    usage = ("Training", "PublicTest", "PrivateTest")
    lines = [f"{(0, 2)[i % 2]},{rows[i]},{usage[i % 3]}" for i in rows]
    lines.insert(3, "0,1 2 3,Training")
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
    dataset = prepare_images(tmp_path / "fer2013.csv", shares=None)
    assert [s.count for s in dataset.manifest.splits.values()] == [2, 2, 2]
    assert dataset.manifest.grey == 6
    assert len(rejects_of(dataset)) == 1
    pixels = {
        tuple(tf.io.decode_png(e["image/encoded"].bytes_list.value[0]).numpy().ravel())
        for split in HALVES
        for e in examples_of(dataset, split)
    }
    assert pixels == {tuple(map(int, row.split())) for row in rows.values()}


def test_hostile_names_are_kept(make_folder, prepare_images, encode):
    source = make_folder(anger=1)
    hostile = [b"line\nbreak.png", 'ünï,"☺".png'.encode(), b"\xff.png"]
    for name in hostile:
        (source / "anger" / os.fsdecode(name)).write_bytes(encode_one(encode))
        (source / "anger" / os.fsdecode(b"bad " + name)).write_bytes(b"text")
    dataset = prepare_images(source, shares={"train": 1.0})
    taken = {
        example["image/filename"].bytes_list.value[0]
        for example in examples_of(dataset, "train")
    }
    assert taken == {b"anger/000.png", *(b"anger/" + name for name in hostile)}
    assert set(rejects_of(dataset)) == {
        "anger/bad line\nbreak.png",
        'anger/bad ünï,"☺".png',
        r"anger/bad \udcff.png",
    }


def test_no_image_can_be_taken(make_folder, prepare_images, tmp_path):
    source = make_folder(anger=0)
    (source / "anger" / "a.png").write_bytes(b"text")
    with pytest.raises(RunError, match="no image can be taken: 1 × cannot be decoded"):
        prepare_images(source)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_interrupted_run_goes_on(
    make_folder, prepare_images, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(module, "_CHUNK", 4)
    source = make_folder(anger=60)
    options = {"shard_bytes": 4000, "shares": {"train": 1.0}}
    expected = prepare_images(source, "expected", **options)
    read, opened = convert.read_file, collections.Counter()

    def counting(path, max_bytes):
        opened[path] += 1
        return read(path, max_bytes)

    monkeypatch.setattr(convert, "read_file", counting)
    for broken_off_after in (1, 30, 61, 75, 110):
        left = [broken_off_after]

        def interrupted(function, tasks, left=left):
            for task, result in ONE_PROCESS(function, tasks):
                yield task, result
                if opened.total() >= left[0]:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare_images(source, run=interrupted, **options)
    output = capsys.readouterr().out
    assert output.count("going on with") == 4
    # All are read twice; an unfinished piece of work at most once more.
    assert set(opened.values()) <= {1, 2, 3}
    dataset = prepare_images(source, **options)
    assert contents(dataset.path) == contents(expected.path)
    assert opened.total() < 2 * 60 + 5 * 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["expected", "images", "out"]


def test_finished_shards_are_not_written_again(
    make_folder, prepare_images, tmp_path, monkeypatch
):
    source = make_folder(anger=60)
    options = {"shard_bytes": 4000, "shares": {"train": 1.0}}
    written = []

    def stop_after_two(function, tasks):
        for task, result in ONE_PROCESS(function, tasks):
            yield task, result
            if function is shards.write_shard:
                written.append(task.path)
                if len(written) == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(source, run=stop_after_two, **options)
    before = {path: os.stat(path).st_ino for path in written}
    dataset = prepare_images(source, **options)
    after = {path.name: path.stat().st_ino for path in dataset.path.iterdir()}
    assert len(after) > 5
    for path, inode in before.items():
        assert after[os.path.basename(path)] == inode


@pytest.mark.parametrize("change", ["shorten", "remove"])
def test_a_finished_shard_that_is_damaged_is_written_again(
    make_folder, prepare_images, tmp_path, change
):
    source = make_folder(anger=60)
    options = {"shard_bytes": 4000, "shares": {"train": 1.0}}
    expected = prepare_images(source, "expected", **options)

    def stop_at_the_end(function, tasks):
        yield from ONE_PROCESS(function, tasks)
        if function is shards.write_shard:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(source, run=stop_at_the_end, **options)
    shard = next((tmp_path / ".out.preparing" / "dataset").iterdir())
    os.truncate(shard, 10) if change == "shorten" else shard.unlink()
    assert contents(prepare_images(source, **options).path) == contents(expected.path)


def test_new_images_start_it_anew(
    make_folder, prepare_images, encode, capsys, tmp_path
):
    source = make_folder(anger=9)

    def stop(function, tasks):
        yield from ONE_PROCESS(function, tasks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(source, run=stop)
    (source / "anger" / "new.png").write_bytes(encode_one(encode))
    dataset = prepare_images(source)
    assert "has changed since it was listed" in capsys.readouterr().out
    assert sum(s.count for s in dataset.manifest.splits.values()) == 10


def test_files_repaired_in_between_are_looked_at_again(
    make_folder, prepare_images, encode, capsys
):
    source = make_folder(anger=9)
    (source / "anger" / "bad.png").write_bytes(b"text")

    def stop(function, tasks):
        yield from ONE_PROCESS(function, tasks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(source, run=stop)
    (source / "anger" / "bad.png").write_bytes(encode_one(encode))
    dataset = prepare_images(source)
    assert "has changed since it was listed" in capsys.readouterr().out
    assert sum(s.count for s in dataset.manifest.splits.values()) == 10


def test_persons_in_several_given_splits_are_told(write_list, prepare_images, capsys):
    rows = (
        ("a.png", 1, "anger", "train", "p"),
        ("b.png", 2, "fear", "test", "p"),
        ("c.png", 3, "fear", "test", "q"),
    )
    prepare_images(write_list("path,label,split,subject", *rows), shares=None)
    assert "persons in several of the given splits: 1" in capsys.readouterr().out


def test_address_that_nobody_can_read(tmp_path, write_list, prepare_images):
    source = write_list("path,label", ("a.png", 1, "anger"))
    with source.open("a") as file:
        file.write("nope://host/b.png,anger\n")
    dataset = prepare_images(source, shares={"test": 1.0})
    assert rejects_of(dataset) == {
        "nope://host/b.png": "no file system for nope:// is installed"
    }


def test_other_options_start_it_anew(make_folder, prepare_images, capsys):
    source = make_folder(anger=9)

    def stop(function, tasks):
        yield from ONE_PROCESS(function, tasks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(source, run=stop)
    dataset = prepare_images(source, seed=2)
    assert "had other options" in capsys.readouterr().out
    assert dataset.manifest.source["seed"] == 2


def test_file_that_changes_in_between(make_folder, prepare_images, encode, tmp_path):
    source = make_folder(anger=9)

    def meddling(function, tasks):
        yield from ONE_PROCESS(function, tasks)
        (source / "anger" / "003.png").write_bytes(encode_one(encode))

    with pytest.raises(RunError, match="anger/003.png was changed while"):
        prepare_images(source, run=meddling)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_image_that_ends_its_process(make_folder, prepare_images):
    source = make_folder(anger=20)

    def dying(function, tasks):
        for task in tasks:
            is_deadly = isinstance(task, list) and any(
                item.name == "anger/007.png" for _, item in task
            )
            yield task, DIED if is_deadly else function(task)

    dataset = prepare_images(source, run=dying)
    assert rejects_of(dataset) == {
        "anger/007.png": "a process ended unexpectedly while decoding it"
    }
    assert sum(s.count for s in dataset.manifest.splits.values()) == 19


def test_process_that_ends_while_writing(make_folder, prepare_images):
    def dying(function, tasks):
        for task in tasks:
            is_shard = function is shards.write_shard
            yield task, DIED if is_shard else function(task)

    with pytest.raises(RunError, match="give fewer --workers"):
        prepare_images(make_folder(anger=5), run=dying)


def test_one_at_a_time(make_folder, prepare_images):
    source = make_folder(anger=5)

    def second(function, tasks):
        with pytest.raises(
            RunError, match="process .* is preparing the same data set, in "
        ):
            prepare_images(source)
        return ONE_PROCESS(function, tasks)

    prepare_images(source, run=second)


def test_damaged_working_folder(make_folder, prepare_images, tmp_path):
    (tmp_path / ".out.preparing").mkdir()
    (tmp_path / ".out.preparing" / "work.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(RunError, match="is damaged.*remove"):
        prepare_images(make_folder(anger=5))


def test_root_folder_as_output():
    with pytest.raises(RunError, match="not an empty folder"):
        module.require_output("/")


def test_real_faces_in_three_layouts(tmp_path, prepare_images):
    checkout = pathlib.Path(__file__).resolve().parents[2]
    archive = checkout.parent / "shared" / "real_dev" / "fer2013_public.zip"
    if not archive.exists():
        pytest.skip("the real faces are not on this machine")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "real")
    source = tmp_path / "real"
    count = sum(path.is_file() for path in source.rglob("*"))
    dataset = prepare_images(source, "folder", {"test": 1.0}, classes=DEFAULT_CLASSES)
    manifest = dataset.manifest
    assert list(manifest.splits) == ["test"]
    test = manifest.splits["test"]
    assert (count, test.count, manifest.rejected["count"]) == (3589, 2982, 607)
    assert manifest.rejected["reasons"] == {"unknown class 'neutral'": 607}
    assert manifest.image_sizes == {"48x48": 2982}
    assert manifest.grey == 2982
    assert test.per_class["disgust"] == 56
    labels = {}
    pixels = {}
    for example in examples_of(dataset, "test"):
        name = example["image/filename"].bytes_list.value[0].decode()
        encoded = example["image/encoded"].bytes_list.value[0]
        assert encoded == (source / name).read_bytes()
        labels[name] = example["image/class/label"].int64_list.value[0]
        pixels[name] = tf.io.decode_image(encoded).numpy().ravel()

    folders = ("anger", "disgust", "fear", "happy", "sad", "surprise")
    labels = {name: labels[name] for name in sorted(labels)[::4]}
    names = list(labels)
    with open(tmp_path / "list.csv", "w") as file:
        file.write("image,emotion\n")
        for name in names:
            file.write(f"real/{name},{pathlib.PurePath(name).parts[-2]}\n")
    listed = prepare_images(
        tmp_path / "list.csv", "listed", {"test": 1.0}, classes=DEFAULT_CLASSES
    )
    assert {
        e["image/filename"].bytes_list.value[0].decode().removeprefix("real/"): e[
            "image/class/label"
        ].int64_list.value[0]
        for e in examples_of(listed, "test")
    } == labels

    with open(tmp_path / "fer2013.csv", "w") as file:
        file.write("emotion,pixels,Usage\n")
        for name in names:
            emotion = folders.index(pathlib.PurePath(name).parts[-2])
            row = " ".join(map(str, pixels[name]))
            file.write(f"{emotion},{row},PublicTest\n")
    table = prepare_images(
        tmp_path / "fer2013.csv", "table", None, classes=DEFAULT_CLASSES
    )
    assert list(table.manifest.splits) == ["validation"]
    found = {
        (
            e["image/class/label"].int64_list.value[0],
            tf.io.decode_png(e["image/encoded"].bytes_list.value[0]).numpy().tobytes(),
        )
        for e in examples_of(table, "validation")
    }
    assert found == {(labels[name], pixels[name].tobytes()) for name in names}
    assert table.manifest.splits["validation"].count == len(names)
    shutil.rmtree(tmp_path / "real")
