import pathlib

import pytest

from byel_tf import pretrained
from byel_tf.errors import RunError
from byel_tf.pretrained import NAMES, is_pretrained, pretrained_folder

LIMIT = 15_000_000


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    return tmp_path


def test_a_model_that_came_with_the_package(package):
    (package / "people").mkdir()
    (package / "people" / "saved_model.pb").touch()
    assert pretrained_folder("people") == package / "people"
    assert is_pretrained(package / "people")
    assert not is_pretrained(package.parent)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_did_not(package, name):
    with pytest.raises(RunError, match=rf"{name} did not come.*flags/{name}\.cfg"):
        pretrained_folder(name)


def test_models_are_small_together():
    folder = pathlib.Path(pretrained.__file__).parent
    files = [file for name in NAMES for file in folder.glob(f"{name}/**/*")]
    assert sum(file.stat().st_size for file in files) <= LIMIT
