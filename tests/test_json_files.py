import json

import pytest

from byel_tf.json_files import has_shape, read_object

SHAPE = {"name": str, "scores": {str: [int | float]}, "ends": (type(None), [float])}


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({}, True),
        ({"name": "a", "other": [1]}, True),
        ({"name": None}, False),
        ({"scores": {"x": [1, 0.5], "y": []}}, True),
        ({"scores": {"x": [1, "0.5"]}}, False),
        ({"scores": {"x": 1}}, False),
        ({"scores": []}, False),
        ({"ends": None}, True),
        ({"ends": [0.5]}, True),
        ({"ends": 0.5}, False),
        ([], False),
        (None, False),
    ],
)
def test_shape(value, fits, tmp_path):
    assert has_shape(value, SHAPE) == fits
    (tmp_path / "x.json").write_text(json.dumps(value))
    assert read_object(tmp_path / "x.json", SHAPE) == (value if fits else {})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 200_000])
def test_no_json(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    assert read_object(tmp_path / "x.json", {}) == {}
    assert read_object(tmp_path / "y.json", {}) == {}
