import pathlib

import numpy as np
from PIL import Image

from benchmarks import sheets
from byel_tf.synthesis.hands.held import HELD

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "faces.md"


class Stub:
    """Draws a face as one grey, and remembers it."""

    def __init__(self):
        self.faces = []

    def render(self, face, size):
        self.faces.append(face)
        return np.full((size, size, 3), 99, np.uint8)

    render_clean = render


def test_every_sheet_of_the_document(tmp_path, monkeypatch, capsys):
    stubs = {}
    monkeypatch.setattr(sheets, "renderer", lambda name: stubs.setdefault(name, Stub()))
    sheets.main(["sheets", f"--output={tmp_path}", "--makehuman=m"])
    assert list(stubs) == ["ict-facekit", "ict-facekit+m", "m", "built-in"]
    text = DOCUMENT.read_text(encoding="utf-8")
    for file in tmp_path.iterdir():
        assert f"images/{file.name}" in text
        pixels = np.asarray(Image.open(file))
        assert (abs(pixels.astype(int) - 99) < 4).mean() > 0.5
    assert len(list(tmp_path.iterdir())) == text.count("](images/")
    assert capsys.readouterr().out.count("moments.jpg: 1194 × 768") == 1
    faces = stubs["built-in"].faces
    assert {face.accessories.hand for face in faces} >= set(HELD)
    assert {face.print.kind for face in faces} == {"none", "watermark", "caption"}
    assert max(face.pose.yaw for face in faces) >= 60
