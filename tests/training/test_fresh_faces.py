"""Faces drawn while training are those of a set that is drawn first."""

import contextlib
import dataclasses
import types

import numpy as np
import pytest

from byel_tf.config import training_config
from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.records import SplitRecords
from byel_tf.errors import RunError, UsageError
from byel_tf.synthesis.dataset import synthesize
from byel_tf.training import fresh_faces
from byel_tf.training import run as run_module
from byel_tf.training.fresh_faces import drawn_epochs, require_drawing
from byel_tf.training.inputs import build_inputs, stage_policy
from byel_tf.training.run import train
from byel_tf.training.run_directory import RunDirectory
from tests import small_network

COUNT, TRAIN, EPOCHS = 21, 18, 4
STEPS = 3  # of an epoch: the last one is partial
NEW = 24  # the first person of whom the set has no picture begins with it


def draw(path, count, **shares):
    arguments = {"domain": "synthetic", "head": "built-in", "size": 16, "seed": 3}
    synthesize(
        path,
        count=count,
        classes=DEFAULT_CLASSES,
        shares=shares,
        workers=1,
        **arguments,
    )
    return open_dataset(str(path))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A set, and one that holds all that four epochs learn from."""
    folder = tmp_path_factory.mktemp("drawn")
    one = draw(folder / "one", COUNT, train=0.8, validation=0.2)
    return one, draw(folder / "all", NEW + (EPOCHS - 1) * TRAIN, train=1.0)


@pytest.fixture
def config(drawn, tmp_path):
    def make(**flags):
        defaults = {
            "model_dir": str(tmp_path / "run"),
            "draw": "stream",
            "objective": "supervised",
            "finetune_epochs": EPOCHS,
        }
        return training_config(
            train_data=str(drawn[0].path),
            image_size=16,
            batch_size=7,
            augmentation="faces",
            **{**defaults, **flags},
        )

    return make


class Window:
    """Some records of a split."""

    def __init__(self, records, faces):
        self._records, self._faces = records, faces

    def __len__(self):
        return len(self._faces)

    def read(self, positions):
        return self._records.read([self._faces[position] for position in positions])

    def parse(self, position):
        return self._records.parse(self._faces[position])


def windows(drawn):
    """The records of each epoch, out of the set that was drawn first."""
    records = SplitRecords(drawn[1], "train")
    starts = [0, *range(NEW, NEW + (EPOCHS - 1) * TRAIN, TRAIN)]
    return [Window(records, range(start, start + TRAIN)) for start in starts]


def inputs(config, dataset, records_of):
    return build_inputs(
        dataset,
        config.data,
        config.run,
        stage=2,
        num_views=1,
        augmentation=stage_policy(config, 2),
        drop_remainder=False,
        cache="memory",  # which images of one epoch are no use for
        records_of=records_of,
    )


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for key, value in other.items():
            np.testing.assert_array_equal(one[key], value, err_msg=key)


def test_batches_are_those_of_a_set_drawn_first(config, drawn):
    config = config()
    first = inputs(config, drawn[0], windows(drawn).__getitem__)
    expected = list(first.batches(0).take(EPOCHS * STEPS))
    assert len({image.tobytes() for b in expected for image in b["image"].numpy()}) > 54
    directory = RunDirectory(config.run.model_dir)
    folder = directory.path / fresh_faces.FOLDER_NAME
    with (
        pytest.raises(KeyboardInterrupt),
        drawn_epochs(config, drawn[0], directory) as epochs,
    ):
        ours = inputs(config, drawn[0], epochs.stage(0))
        assert_same(ours.data.batches(0, 2 * STEPS), expected[: 2 * STEPS])
        names = ours.data.filenames(STEPS)
        raise KeyboardInterrupt
    assert names == first.data.filenames(STEPS)
    # It goes on in the second epoch, with the faces that are there.
    kept = sorted(folder.glob("*.tfrecord"))
    assert kept[0].name == "00000024-00000042.tfrecord"
    was = kept[0].stat().st_ino  # a file drawn again would be another
    with drawn_epochs(config, drawn[0], directory) as epochs:
        ours = inputs(config, drawn[0], epochs.stage(0))
        start = 2 * STEPS - 1
        assert ours.data.filenames(start) == first.data.filenames(start)
        assert kept[0].stat().st_ino == was
        assert_same(ours.batches(start).take(2 * STEPS + 1), expected[start:])
        held = {file.name[:8] for file in folder.glob("*.tfrecord")}
        assert held == {"00000042", "00000060"}
        assert not list(folder.glob("*.faces"))
    assert not folder.exists()


def test_a_run_is_that_of_a_set_drawn_first(config, drawn, tmp_path, monkeypatch):
    small = {"encoder": small_network.NAME, "width": 0.25, "stem": "small"}
    small |= {"finetune_epochs": 2, "log_every_steps": 1, "strategy": "one_device"}
    small |= {"xla": "off"}
    monkeypatch.setattr(run_module._Run, "_finish", lambda *_: {})

    def losses(name, **flags):
        run = tmp_path / name
        with small_network.there():
            train(config(**small, **flags, model_dir=str(run)))
        return (run / "history.jsonl").read_text()

    losses("stream", max_steps=STEPS + 1)
    found = losses("stream")  # continued in the second epoch
    assert not (tmp_path / "stream" / fresh_faces.FOLDER_NAME).exists()

    @contextlib.contextmanager
    def read_in_windows(*_):
        yield types.SimpleNamespace(stage=lambda _: windows(drawn).__getitem__)

    monkeypatch.setattr(run_module, "drawn_epochs", read_in_windows)
    assert found == losses("first")
    assert found.count("loss") >= 2 * STEPS


def test_the_stages_of_a_run_have_other_epochs(config, drawn):
    options = config(objective="byel", pretrain_epochs=1, finetune_epochs=3)
    directory = RunDirectory(options.run.model_dir)
    with drawn_epochs(options, drawn[0], directory) as epochs:
        second = epochs.stage(1)(0)
        expected = windows(drawn)[1]
        assert second.read(range(TRAIN)) == expected.read(range(TRAIN))


def test_what_fails_reaches_all_that_read(config, drawn):
    options = config()
    directory = RunDirectory(options.run.model_dir)
    with drawn_epochs(options, drawn[0], directory) as epochs:
        epochs._companion._worker._process.kill()
        for _ in range(2):
            with pytest.raises(RunError, match="draws faces ended unexpectedly"):
                epochs.stage(0)(1)
        epochs.close()
        epochs._failure = None
        with pytest.raises(RunError, match="was ended"):
            epochs.stage(0)(1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "folder"}, "was not drawn.*or --draw=first"),
        ({"domain_sha256": "0"}, "a file of your own"),
        ({"domain_sha256": None}, "or of another release"),
        ({"head": "ict-facekit"}, "drawn with ict-facekit.*give --head=ict-facekit"),
    ],
)
def test_other_data_are_refused(config, drawn, changes, expected):
    (dataset, _), options = drawn, config()
    source = {**dataset.manifest.source, **changes}
    manifest = dataclasses.replace(dataset.manifest, source=source)
    dataset = dataclasses.replace(dataset, manifest=manifest)
    with (
        pytest.raises(UsageError, match=f"^--draw=stream: .*{expected}"),
        drawn_epochs(options, dataset, RunDirectory(options.run.model_dir)),
    ):
        pass


def test_what_does_not_go_together(config):
    require_drawing(config(), workers=1)
    require_drawing(config(draw="first", class_balance="weights"), workers=2)
    with pytest.raises(UsageError, match="--class_balance=sampling: with --draw="):
        require_drawing(config(class_balance="sampling"), workers=1)
    with pytest.raises(UsageError, match="--draw=stream draws for one process"):
        require_drawing(config(), workers=2)
