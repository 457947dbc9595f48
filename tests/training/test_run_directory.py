import json

import pytest

from byel_tf.errors import RunError
from byel_tf.training.run_directory import RunDirectory


def test_files_are_written_and_read(tmp_path):
    directory = RunDirectory(str(tmp_path / "deep" / "run"))
    assert directory.read("flags.cfg") is None
    directory.write("flags.cfg", "--a=é\n")
    assert directory.read("flags.cfg") == "--a=é\n"
    directory.write_json("run.json", {"name": "é"})
    text = (directory.path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "é"}
    assert "é" in text


def test_places_differ(tmp_path):
    directory = RunDirectory(str(tmp_path))
    places = {
        directory.checkpoints("pretrain"),
        directory.checkpoints("finetune"),
        directory.tensorboard("pretrain"),
        directory.tensorboard("finetune"),
    }
    assert len(places) == 4


def test_versions_of_the_export(tmp_path):
    directory = RunDirectory(str(tmp_path))
    assert directory.next_export() == tmp_path / "export" / "1"
    for name in ("1", "9", "10", "notes", "²", ".10.partial-ab"):
        (tmp_path / "export" / name).mkdir(parents=True)
    assert directory.next_export() == tmp_path / "export" / "11"


@pytest.mark.parametrize("path", ["file", "file/run"])
def test_folder_that_cannot_be_made(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="--model_dir=.*file.* cannot be used: "):
        RunDirectory(str(tmp_path / path))


def test_file_that_is_no_text(tmp_path):
    (tmp_path / "flags.cfg").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"flags\.cfg is damaged"):
        RunDirectory(str(tmp_path)).read("flags.cfg")
