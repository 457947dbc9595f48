import io

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins import projector

from byel_tf.evaluation.evaluation import evaluate_dataset
from byel_tf.evaluation.settings import Settings
from byel_tf.monitoring import projector as module
from byel_tf.monitoring.projector import write_projector
from byel_tf.serving.load import load_export

CLASSES = ("dark", "bright")


@pytest.fixture
def evaluations(export_brightness, prepare_brightness, tmp_path):
    model = load_export(export_brightness(tmp_path / "export"))
    pictures = [(20 * n, n % 3 - 1) for n in range(12)]  # a third without label
    # Two files, one small set that is shown whole.
    datasets = {
        "a": prepare_brightness("a", shard_bytes=1000, test=pictures),
        "b": prepare_brightness("b", test=[(200, 1), (30, 0)]),
    }
    assert len(datasets["a"].manifest.splits["test"].shards) > 1
    return {
        name: evaluate_dataset({"m": model}, dataset, None, Settings(resamples=100))
        for name, dataset in datasets.items()
    }


def read_table(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def test_tables_and_pictures_belong_together(evaluations, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IMAGES_OF_A_DATASET", 5)
    write_projector(tmp_path, evaluations, CLASSES)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (embedding,) = text_format.Parse(text, projector.ProjectorConfig()).embeddings
    vectors = np.array(read_table(tmp_path / embedding.tensor_path), float)
    header, *rows = read_table(tmp_path / embedding.metadata_path)
    assert header == ["label", "predicted", "confidence", "data set", "file"]
    assert [row[3] for row in rows] == ["a"] * 5 + ["b"] * 2
    sprite = np.asarray(Image.open(tmp_path / embedding.sprite.image_path))
    assert list(embedding.sprite.single_image_dim) == [64, 64]
    assert sprite.shape == (3 * 64, 3 * 64, 3)  # room for 7

    for index, (label, predicted, confidence, name, file) in enumerate(rows):
        number = int(file.split(".")[0])
        every = evaluations[name].predictions
        given = every.labels[number]
        assert label == ("" if given < 0 else CLASSES[given])
        assert predicted == CLASSES[every.predicted[number]]
        assert float(confidence) == pytest.approx(
            every.probabilities[number].max(), abs=1e-3
        )
        np.testing.assert_allclose(
            vectors[index], every.representations[number], rtol=1e-4
        )
        row, column = divmod(index, 3)
        brightness = sprite[row * 64 + 32, column * 64 + 32, 0]
        expected = 20 * number if name == "a" else (200, 30)[number]
        assert brightness == expected


def test_all_together_are_bounded(evaluations, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IMAGES", 4)
    write_projector(tmp_path, evaluations, CLASSES)
    assert len(read_table(tmp_path / "representations.tsv")) == 4


def test_without_copies_of_images(evaluations, tmp_path):
    write_projector(tmp_path, evaluations, CLASSES, with_pictures=False)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    (embedding,) = text_format.Parse(text, projector.ProjectorConfig()).embeddings
    assert not embedding.HasField("sprite")
    assert not (tmp_path / "sprite.png").exists()
    assert len(read_table(tmp_path / embedding.tensor_path)) == 14


def test_names_break_no_table():
    bad = b"a\tb\r\nc\xff\xc2\x85\xe2\x80\xa8.png".decode(errors="surrogateescape")
    assert module._table([(bad, "x")]) == "a b  c?  .png\tx\n"


def test_a_sprite_is_square():
    tiles = [Image.new("RGB", (64, 64), (n, n, n)) for n in range(1, 6)]
    sheet = Image.open(io.BytesIO(module._sprite(tiles)))
    assert sheet.size == (192, 192)
    assert sheet.getpixel((64, 64)) == (5, 5, 5)
