import io

import pytest

from byel_tf import progress as module
from byel_tf.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_of_a_short_job_in_a_log(capsys):
    with progress(3, "image", "examine") as bar:
        for _ in range(3):
            bar.update()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("total", "expected"), [(100, "examine: 60/100 images"), (None, "examine: 60")]
)
def test_lines_in_a_log(capsys, monkeypatch, total, expected):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0)
    with progress(total, "image", "examine", 10) as bar:
        for _ in range(50):
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert "\r" not in "".join(lines)
    assert any(line.startswith(expected) for line in lines), lines
    assert all(line.startswith("examine: ") for line in lines)


def test_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(module.sys, "stderr", terminal)
    with progress(100, "image", "examine") as bar:
        bar.update(100)
    assert "100%" in terminal.getvalue()
    assert "image/s" in terminal.getvalue()
