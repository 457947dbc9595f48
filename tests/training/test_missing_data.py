import pytest

from byel_tf.config import DataOptions
from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.training.missing_data import synthesize_missing


@pytest.fixture
def options(tmp_path):
    def make(**changes):
        values = {
            "train_data": str(tmp_path / "synthetic"),
            "eval_data": (f"shifted={tmp_path / 'other'}", f"real={tmp_path / 'real'}"),
        }
        return DataOptions(**{**values, **changes})

    return make


def test_asked_for_and_missing(options, tmp_path, capsys):
    synthesize_missing(options(synthesize_train=30, synthesize_eval=6), seed=5)
    train = open_dataset(str(tmp_path / "synthetic")).manifest
    assert {n: s.count for n, s in train.splits.items()} == {
        "train": 24,
        "validation": 6,
    }
    assert (train.source["domain"], train.source["seed"]) == ("synthetic", 5)
    other = open_dataset(str(tmp_path / "other")).manifest
    assert {n: s.count for n, s in other.splits.items()} == {"test": 6}
    assert other.source["domain"] == "shifted"
    assert not (tmp_path / "real").exists()
    assert "drawing 30 synthetic faces" in capsys.readouterr().out


def test_not_asked_for(options, tmp_path):
    synthesize_missing(options(), seed=5)
    assert list(tmp_path.iterdir()) == []


def test_existing_folders_are_left_alone(options, tmp_path):
    (tmp_path / "synthetic").mkdir()
    (tmp_path / "synthetic" / "mine").write_text("")
    synthesize_missing(options(synthesize_train=30), seed=5)
    assert [p.name for p in (tmp_path / "synthetic").iterdir()] == ["mine"]


def test_a_mistyped_path_is_not_drawn_into(options, tmp_path):
    synthesize_missing(
        options(train_data=str(tmp_path / "my_facse"), synthesize_train=30), seed=5
    )
    assert list(tmp_path.iterdir()) == []
