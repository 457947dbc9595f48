import pytest

from byel_tf.evaluation.evaluation import exported_temperature
from byel_tf.serving.load import ExportedModel


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"temperature": 1.5}, 1.5),
        ({"temperature": 2}, 2),
        ({}, None),
        ({"temperature": "1"}, None),
        ({"temperature": float("nan")}, None),
        ({"temperature": float("inf")}, None),
    ],
)
def test_exported_temperature(metadata, expected):
    assert exported_temperature(ExportedModel(None, (), metadata)) == expected
