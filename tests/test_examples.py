"""The notebooks in examples/ run from beginning to end."""

import pathlib

import nbclient
import nbformat
import pytest

from tests import small_network

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda p: p.name)
def test_notebook(path, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))  # as from a checkout
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # A reader has Keras 3, too.
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # none is kept
    for cell in notebook.cells:
        cell.source = cell.source.replace("resnet18", small_network.NAME)
        # Compiled views have tests of their own.
        run = "training_config(\n"
        cell.source = cell.source.replace(run, f'{run}    xla="off",\n')
    assert any('xla="off"' in cell.source for cell in notebook.cells)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(small_network.CODE))
    client = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.execute(cwd=str(tmp_path))

    def said(cell):
        outputs = cell.get("outputs", ())
        return "".join(o["text"] for o in outputs if o.output_type == "stream")

    shown = "".join(map(said, notebook.cells))
    for stage in ("pretrain", "finetune"):
        assert f"('{stage}', 1, {{" in shown
    assert "report: " in shown
