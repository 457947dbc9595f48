import pytest

from byel_tf.data.sources.scan import scan
from byel_tf.errors import RunError


def test_entries_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "ü b").write_text("")
    found = {entry.name: entry.is_dir() for entry in scan(str(tmp_path))}
    assert found == {"a": True, "ü b": False}
    monkeypatch.chdir(tmp_path)
    assert {entry.name for entry in scan("")} == set(found)


@pytest.mark.parametrize(
    ("name", "why"),
    [("file", "Not a directory"), ("none", "No such file or directory")],
)
def test_what_cannot_be_read(tmp_path, name, why):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=f"{name} cannot be read: {why}"):
        next(scan(str(tmp_path / name)))
