import pytest
from PIL import Image

from byel_tf.cli.prepare import main
from byel_tf.data.preparation.beam import BeamRunner
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.data.record import parse
from byel_tf.data.tfrecord import read_frames
from byel_tf.errors import RunError, UsageError

pytest.importorskip("apache_beam", reason="Apache Beam is not installed")


def square(number):
    return number * number


def fail(number):
    raise RunError(f"no {number}")


def fail_otherwise(number):
    raise KeyError(number)


def test_every_task_once(tmp_path):
    run = BeamRunner([], str(tmp_path / "new"))
    results = sorted(run(square, range(300)))
    assert results == [(n, n * n) for n in range(300)]
    assert list(run(square, [])) == []
    assert list((tmp_path / "new").iterdir()) == []
    assert run.exchange is None


def test_failure_of_a_task(tmp_path):
    with pytest.raises(RunError, match="^no 1$"):
        list(BeamRunner([], str(tmp_path))(fail, [1]))
    assert list(tmp_path.iterdir()) == []


def test_failure_of_the_pipeline(tmp_path):
    with pytest.raises(RunError, match="Beam pipeline failed") as caught:
        list(BeamRunner([], str(tmp_path))(fail_otherwise, [1]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["--nope=1", "nope", "--runer=DirectRunner"])
def test_option_that_beam_does_not_know(tmp_path, option):
    with pytest.raises(UsageError, match=f"--beam_option={option}: give an option"):
        BeamRunner([option], str(tmp_path))


def test_address_that_beam_does_not_know():
    with pytest.raises(RunError, match="knows no file system nope://"):
        BeamRunner([], "nope://bucket/folder")


def test_images_and_staging_at_addresses(tmp_path, write_images):
    from tests.data.preparation.remote import PREFIX, FolderFileSystem

    FolderFileSystem.root = tmp_path / "cloud"
    rows = write_images(tmp_path / "cloud" / "faces", 40)
    missing = ("gone.jpg", "fear")
    header = "path,label"
    listed = tmp_path / "list.csv"
    listed.write_text(
        "\n".join(
            [header, *(f"{PREFIX}faces/{n},{label}" for n, label in [*rows, missing])]
        )
    )
    main(
        [
            "prepare",
            f"--source={listed}",
            f"--output={tmp_path / 'out'}",
            "--splits=train",
            "--shard_bytes=5000",
            "--beam",
            f"--beam_staging={PREFIX}staging",
        ]
    )
    dataset = open_dataset(str(tmp_path / "out"))
    train = dataset.manifest.splits["train"]
    assert (train.count, len(train.shards) > 2) == (40, True)
    assert dataset.manifest.rejected["count"] == 1
    records = {
        record.filename: record
        for path in dataset.shard_paths("train")
        for record in map(parse, read_frames(path))
    }
    for name, label in rows:
        record = records[f"{PREFIX}faces/{name}"]
        content = (tmp_path / "cloud" / "faces" / name).read_bytes()
        assert (record.encoded, record.class_name) == (content, label)
    assert list((tmp_path / "cloud" / "staging").iterdir()) == []


@pytest.fixture
def write_images():
    def write(folder, count):
        folder.mkdir(parents=True)
        rows = []
        for number in range(count):
            name = f"{number}.png"
            Image.new("RGB", (20, 20), (number, 7, 9)).save(folder / name)
            rows.append((name, ("fear", "anger")[number % 2]))
        return rows

    return write
