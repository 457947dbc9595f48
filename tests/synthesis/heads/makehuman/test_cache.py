import dataclasses

import numpy as np
import pytest

from byel_tf.synthesis.heads.makehuman.cache import cache_file, decode, encode


def same(one, other):
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            same(one[name], other[name])
    else:
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_nothing_is_lost(parts):
    same(parts, decode(encode(parts)))
    assert encode(parts) == encode(parts)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_file_does_not_count(parts, damage):
    data = encode(parts)
    middle = len(data) // 2
    flipped = bytes([data[middle] ^ 1])
    damaged = {
        "cut": data[:-1],
        "flipped": data[:middle] + flipped + data[middle + 1 :],
        "empty": b"",
        "text": b"not a head",
    }[damage]
    assert decode(damaged) is None


def test_each_source_has_a_file_of_its_own(tmp_path):
    file = cache_file(tmp_path, "ab" * 32)
    assert file.parent == tmp_path
    assert file.name.startswith("makehuman-")
    assert file != cache_file(tmp_path, "ac" * 32)
    assert file == cache_file(tmp_path, "ab" * 32)
