import pathlib

import numpy as np
import pytest

from byel_tf.adaptation.comparison import (
    compare_methods,
    comparison_json,
    comparison_table,
    worst_case,
)
from byel_tf.adaptation.export import SourceModel
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.images import read_split
from byel_tf.adaptation.settings import MethodSettings, Source
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.errors import RunError

CLASSES = ("a", "b", "c")


@pytest.fixture
def dataset(prepare_pictures, tmp_path):
    folder = prepare_pictures(tmp_path / "set", classes=CLASSES, test=90, train=1)
    return open_dataset(str(folder))


def test_everything(running, dataset):
    source = Source(1.0, (1 / 3, 1 / 3, 1 / 3))
    facts, bias = {"image_size": 16}, running.network.head.bias.numpy()
    model = SourceModel(pathlib.Path("1"), facts, running, source, bias)
    settings, guard = MethodSettings(), Guard(confidence=0.0, diversity=0.0)
    methods = ("prototypes", "prior")
    found = compare_methods(
        model, [dataset], "test", methods, settings, guard, limit=60
    )
    cases = found["set"]["prior"]
    assert len(cases) == 14
    content = comparison_json(found, settings, guard)
    entry = content["datasets"]["set"]["prior"]
    differences = [case["difference"] for case in entry["cases"]]
    assert entry["worst_difference"] == min(differences)
    assert worst_case(cases).difference == min(differences)
    assert content["guard"]["diversity"] == 0
    title, header, *rows = comparison_table(found).splitlines()
    assert title == "macro F1 beside no adaptation:"
    assert header.split()[:4] == ["data", "set", "method", "none"]
    assert [row.split()[:2] for row in rows] == [["set", name] for name in methods]
    assert rows[1].split()[-1] == f"{min(differences):+.4f}"
    with pytest.raises(RunError, match="has 1 labelled images in its train split"):
        compare_methods(model, [dataset], "train", methods, settings, guard, 60)


def test_so_many_images_are_drawn(dataset):
    everything, labels = read_split(dataset, "test", 16, 1000, seed=1)
    assert everything.shape == (90, 16, 16, 3)
    assert sorted(labels) == sorted(np.arange(90) % 3)
    drawn, some = read_split(dataset, "test", 16, 40, seed=1)
    assert len(drawn) == len(some) == 40
    of_all = {
        image.tobytes(): label for image, label in zip(everything, labels, strict=True)
    }
    assert all(
        of_all[i.tobytes()] == label for i, label in zip(drawn, some, strict=True)
    )
    # The first batch of records, or the second, has none that was drawn.
    assert len(read_split(dataset, "test", 16, 1, seed=1)[0]) == 1
    others, _ = read_split(dataset, "test", 16, 40, seed=2)
    assert not np.array_equal(drawn, others)
