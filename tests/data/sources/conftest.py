"""Small sources made of text and empty files."""

import os

import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.sources.detect import open_source
from byel_tf.data.sources.item import Item, Rejected
from byel_tf.data.sources.source import SourceOptions


@pytest.fixture
def labels():
    return ClassNames(DEFAULT_CLASSES)


@pytest.fixture
def root(tmp_path):
    """The folder of the source, beside which there is nothing."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def touch(root):
    """Makes empty files below the source's folder."""

    def make(*names):
        for name in names:
            file = root / os.fsdecode(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
        return root

    return make


@pytest.fixture
def write(root):
    """Writes a file below the source's folder."""

    def make(name, content):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        file.write_bytes(content)
        return file

    return make


@pytest.fixture
def opened(labels):
    """Opens a source with its options as keyword arguments."""

    def make(path, format="auto", labels=labels, **options):
        return open_source(
            path, format=format, labels=labels, options=SourceOptions(**options)
        )

    return make


@pytest.fixture
def read(opened):
    """The items and the reasons of the rejects, by name."""

    def make(path, format="auto", **options):
        source = opened(path, format, **options)
        entries = list(source.items())
        assert list(source.items()) == entries
        items = {e.name: e for e in entries if isinstance(e, Item)}
        rejects = {e.name: e.reason for e in entries if isinstance(e, Rejected)}
        assert len(items) + len(rejects) == len(entries)
        return items, rejects

    return make


@pytest.fixture
def classes_of(read):
    """Class names of the items by name, `None` where unlabelled; and the rejects."""

    def make(path, format="auto", labels=None, **options):
        if labels is not None:
            options["labels"] = labels
        names = DEFAULT_CLASSES if labels is None else labels.names
        items, rejects = read(path, format, **options)
        found = {
            name: names[item.label] if item.label >= 0 else None
            for name, item in items.items()
        }
        return found, rejects

    return make
