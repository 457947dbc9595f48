import base64
import dataclasses
import json
import pickle

import pytest

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.manifest import Shard
from byel_tf.data.preparation.convert import Conversion, Finding
from byel_tf.data.preparation.exchange import decode, encode
from byel_tf.data.preparation.shards import ChangedFile, ShardTask
from byel_tf.data.sources.item import Item
from byel_tf.errors import RunError
from byel_tf.faces.crop import Box

ITEM = Item("a/é\udcff.png", "/x/a.png", 2, "train", "S1", (0.5, 2.0), (7, 9))
FINDING = Finding(bytes(range(32)), 9, "png", 4, 5, True, False, Box(1.5, -2.0, 3.0))
CONVERSION = Conversion(("a", "b"), ImageLimits(max_side=9), True, 1.5, "reject")


@pytest.mark.parametrize(
    "value",
    [
        [(0, ITEM), (1, dataclasses.replace(ITEM, box=(0.0, 1.5, 2.0, 3.0), row=None))],
        [(FINDING, "8 123"), ("empty file", None)],
        ShardTask("gs://b/entries", "gs://b/shard", CONVERSION),
        Shard("train-00000-of-00001.tfrecord", 3, 99, "0" * 64),
        ([], ()),
        1e-3,
    ],
)
def test_what_is_written_is_read_back(value):
    line = encode(value)
    assert line.isascii() and "\n" not in line
    assert decode(line) == value
    assert decode(line.encode()) == value


@pytest.mark.parametrize(
    "error", [RunError("no 1"), ChangedFile("a was changed"), OSError(28, "full")]
)
def test_what_went_wrong(error):
    _, found = decode(encode((1, error)))
    assert type(found) is type(error) and str(found) == str(error)


def test_what_cannot_be_exchanged():
    with pytest.raises(TypeError, match="ImportError cannot be exchanged"):
        encode(ImportError("x"))


class Shell:
    def __reduce__(self):
        return print, ("it ran",)


@pytest.mark.parametrize(
    "line",
    [
        base64.b64encode(pickle.dumps(Shell())).decode(),
        "",
        "{}",
        '{"eval": "1"}',
        json.dumps({"Item": {"nope": 1}}),
        json.dumps({"bytes": "?"}),
        json.dumps({"RunError": ["a"], "Item": {}}),
        json.dumps({"Box": {"left": 0, "top": 0, "side": -1}}),
    ],
)
def test_what_others_have_written_is_refused(line, capsys):
    with pytest.raises(RunError, match="give another as --beam_staging"):
        decode(line)
    assert capsys.readouterr().out == ""
