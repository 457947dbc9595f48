import numpy as np
import pytest
import tensorflow as tf

from byel_tf.errors import UsageError
from byel_tf.serving.class_subset import restrict
from byel_tf.serving.load import ExportedModel

CLASSES = ("anger", "neutral", "happiness")
PROBABILITIES = [[0.1, 0.6, 0.3], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]


def signature(image_bytes):
    count = len(image_bytes)
    return {
        "probabilities": tf.constant(PROBABILITIES[:count], tf.float32),
        "logits": tf.constant([[1.0, 2.0, 3.0]] * count),
        "label": tf.constant(["neutral", "neutral", ""][:count]),
        "valid": tf.constant([True, True, False][:count]),
        "representation": tf.zeros([count, 4]),
    }


MODEL = ExportedModel(signature, CLASSES, {"image_size": 16})


def test_there_are_no_other_classes():
    model = restrict(MODEL, ("happy", "anger"))  # by other spellings, too
    assert model.classes == ("happiness", "anger")
    found = model.signature(image_bytes=tf.constant(["a", "b", "c"]))
    np.testing.assert_allclose(
        found["probabilities"], [[0.75, 0.25], [0.5, 0.5], [0.5, 0.5]], rtol=1e-6
    )
    assert found["logits"].numpy().tolist() == [[3, 1]] * 3
    assert found["label"].numpy().tolist()[::2] == [b"happiness", b""]
    assert found["representation"].shape == (3, 4)
    assert model.metadata == MODEL.metadata


def test_all_classes_are_the_model_itself():
    assert restrict(MODEL, ()) is MODEL


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("anger", "fear"), "'fear' is no class of the model, which has anger, neu"),
        (("happiness", "happy"), "is given twice"),
    ],
)
def test_classes_that_cannot_be_meant(classes, message):
    with pytest.raises(UsageError, match=message):
        restrict(MODEL, classes)
