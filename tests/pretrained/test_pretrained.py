import pathlib

import pytest

import byel_tf
from byel_tf import pretrained
from byel_tf.errors import RunError
from byel_tf.pretrained import NAMES, is_pretrained, pretrained_folder
from byel_tf.synthesis.action_units import LABEL_NAMES
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.drawing import renderer
from byel_tf.synthesis.heads.load import BUILT_IN
from byel_tf.synthesis.sampling import sample_face

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


@pytest.mark.parametrize(("name", "classes"), [("people", 6), ("people7", 7)])
def test_models_that_came_name_drawn_faces(name, classes):
    """As they lie in the package, by the TensorFlow that is installed."""
    model = byel_tf.load(name)
    assert len(model.classes) == classes
    domain, draw = load_domain("synthetic"), renderer(BUILT_IN)
    faces = [sample_face(domain, model.classes[i % classes], 5, i) for i in range(42)]
    pictures = [draw.render(face, 64) for face in faces]
    result = model.predict(pictures, crop="none")
    named = [model.classes[i] for i in result.probabilities.argmax(axis=1)]
    right = sum(one == face.expression for one, face in zip(named, faces, strict=True))
    assert right > 21
    assert result.action_units.shape == (42, len(LABEL_NAMES))
    assert model.action_units == LABEL_NAMES


def test_models_are_small_together():
    folder = pathlib.Path(pretrained.__file__).parent
    files = [file for name in NAMES for file in folder.glob(f"{name}/**/*")]
    assert sum(file.stat().st_size for file in files) <= LIMIT
