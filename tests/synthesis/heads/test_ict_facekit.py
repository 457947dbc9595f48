import concurrent.futures
import dataclasses
import hashlib

import numpy as np
import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.ict_facekit import ict_facekit_head
from byel_tf.synthesis.heads.ict_facekit_cache import encode
from byel_tf.synthesis.heads.ict_facekit_layout import read_head
from byel_tf.synthesis.heads.ict_facekit_source import Release, content_digest


@pytest.fixture
def release(checkout, server, pack, layout):
    server.publish(pack(checkout))
    converted = hashlib.sha256(encode(read_head(checkout, "any", layout))).hexdigest()
    return Release(server.url, content_digest(checkout), converted)


@pytest.fixture
def load(tmp_path, release, layout):
    """Loads a head with a cache of the test's own."""

    def head(checkout=None, **changes):
        return ict_facekit_head(
            checkout,
            cache=tmp_path / "cache",
            release=dataclasses.replace(release, **changes),
            layout=layout,
        )

    return head


@pytest.fixture
def cached(tmp_path):
    """The files in the cache, hidden ones too."""
    return lambda: sorted((tmp_path / "cache").glob("**/*"))


def assert_same(head, other):
    assert head.name == other.name
    for field in ("vertices", "triangles", "regions", "identities", "landmarks"):
        np.testing.assert_array_equal(getattr(head, field), getattr(other, field))
    assert tuple(head.expressions) == tuple(other.expressions)
    for name, shape in head.expressions.items():
        np.testing.assert_array_equal(shape.indices, other.expressions[name].indices)
        np.testing.assert_array_equal(shape.offsets, other.expressions[name].offsets)


def test_it_is_fetched_once(load, server, cached, checkout, layout):
    head = load()
    assert head.name == "ict-facekit"
    converted = read_head(checkout, "any", layout)
    np.testing.assert_array_equal(head.vertices, converted.vertices)
    np.testing.assert_allclose(head.identities, converted.identities, atol=1e-4)
    assert server.requests == 1
    assert len(cached()) == 1
    server.stop()
    assert_same(load(), head)


def test_a_checkout_needs_no_network(load, server, checkout, cached):
    server.stop()
    head = load(checkout)
    assert head.name == "ict-facekit"
    assert len(cached()) == 1
    assert_same(load(checkout), head)
    assert_same(load(), head)


def test_a_modified_checkout_shows_in_the_name(load, server, checkout, cached):
    published = load(checkout)
    path = checkout / "FaceXModel" / "jawOpen.obj"
    lines = path.read_text().split("\n")
    assert lines[2].startswith("v ")
    path.write_text("\n".join([*lines[:2], "v 1 2 3", *lines[3:]]))
    head = load(checkout)
    digest = content_digest(checkout)
    assert head.name == f"ict-facekit (modified, sha256 {digest[:16]})"
    assert published.expressions["jawOpen"].indices[0] > 0
    assert head.expressions["jawOpen"].indices[0] == 0
    assert len(cached()) == 1  # nothing is known of what a modified one becomes
    assert_same(load(checkout), head)
    assert_same(load(), published)
    assert server.requests == 0


def test_the_cached_form_is_used(load, checkout, cached, monkeypatch):
    head = load(checkout)
    before = cached()[0].stat().st_mtime_ns
    monkeypatch.setattr("byel_tf.synthesis.heads.ict_facekit.read_head", None)
    assert_same(load(checkout), head)
    assert cached()[0].stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["truncated", "empty", "changed", "a folder"])
def test_a_damaged_cache_is_made_again(load, server, cached, damage):
    head = load()
    (file,) = cached()
    content = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        replacement = {
            "truncated": content[:-100],
            "empty": b"",
            "changed": content[:5000] + b"?" + content[5001:],
        }
        file.write_bytes(replacement[damage])
    if damage == "a folder":  # a file cannot take its place
        with pytest.raises(RunError, match="cannot write to"):
            load()
    else:
        assert_same(load(), head)
        assert file.read_bytes() == content
    assert server.requests == 2


def test_another_head_in_the_cache_is_not_it(load, server, cached, checkout, layout):
    head = load()
    (file,) = cached()
    other = dataclasses.replace(head, vertices=head.vertices + 1)
    for planted in (encode(other), b"PK\3\4", b"\x93NUMPY"):
        file.write_bytes(planted)
        assert_same(load(), head)
    assert server.requests == 4


def test_what_becomes_something_else_here_is_not_kept(load, server, cached):
    head = load(converted="0" * 64)
    assert cached() == []
    assert_same(load(converted="0" * 64), head)
    assert server.requests == 2


def test_what_a_killed_download_left_goes_with_the_next(load, cached, tmp_path):
    left = tmp_path / "cache" / ".fetch.partial-0123abcd"
    left.mkdir(parents=True)
    (left / "FaceXModel").write_text("")
    load()
    assert len(cached()) == 1


def test_a_failure_leaves_nothing(load, server, cached, checkout):
    with pytest.raises(RunError, match="SHA-256 is .* nothing was kept"):
        load(digest="0" * 64)
    assert cached() == []
    server.body = server.body[:10_000]
    with pytest.raises(RunError, match="cannot fetch ICT-FaceKit"):
        load()
    assert cached() == []
    server.stop()
    with pytest.raises(RunError, match="--head=built-in"):
        load()
    assert cached() == []
    (checkout / "FaceXModel/eyeBlink_L.obj").unlink()
    with pytest.raises(RunError, match="eyeBlink_L.obj is missing"):
        load(checkout)
    assert cached() == []


def test_a_cache_that_cannot_be_written(checkout, release, layout, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for where in (in_the_way, in_the_way / "below"):
        for source in (checkout, None):
            with pytest.raises(RunError, match="cannot write to .* set BYEL_TF_CACHE"):
                ict_facekit_head(source, cache=where, release=release, layout=layout)


def test_the_cache_of_the_environment(checkout, release, layout, tmp_path, monkeypatch):
    monkeypatch.setenv("BYEL_TF_CACHE", str(tmp_path / "chosen"))
    ict_facekit_head(checkout, release=release, layout=layout)
    assert len(list((tmp_path / "chosen").iterdir())) == 1


def test_several_may_load_at_once(load, cached):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        heads = list(pool.map(lambda _: load(), range(4)))
    assert len(cached()) == 1
    for head in heads[1:]:
        assert_same(head, heads[0])
