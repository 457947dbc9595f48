import os
import pathlib
import signal
import subprocess
import sys

import pytest

from byel_tf.errors import RunError, UsageError
from byel_tf.files import new_directory
from byel_tf.program import run_program


def failing(error):
    def main(argv):
        del argv
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("--a=1: no"), 2, "program.py: --a=1: no\n"),
        (RunError("a\nb\x1b\udcff é failed"), 1, r"program.py: a\nb\x1b\udcff é"),
        (PermissionError(13, "Permission denied", "/x"), 1, "/x: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (KeyboardInterrupt(), 130, "program.py: interrupted\n"),
        (MemoryError("9 TB"), 1, "program.py: not enough memory: 9 TB\n"),
    ],
)
def test_what_a_user_causes_is_one_line(error, code, line, capsys):
    assert run_program(failing(error), ["/some/program.py"]) == code
    shown = capsys.readouterr()
    assert line in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_a_package_that_is_missing_is_one_line(capsys):
    missing = ModuleNotFoundError("No module named 'onnx'", name="onnx")
    assert run_program(failing(missing), ["program"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("program: onnx is not installed for this Python (")
    assert error.count("\n") == 1
    ours = ModuleNotFoundError("No module named 'byel_tf.x'", name="byel_tf.x")
    with pytest.raises(ModuleNotFoundError):  # a bug
        run_program(failing(ours), ["program"])


@pytest.mark.parametrize(
    "path", ["C:\\x\\byel-train.exe", "/x/byel-train", "byel-train"]
)
def test_programs_are_named_without_their_folder(path, capsys):
    assert run_program(failing(RunError("no")), [path]) == 1
    assert capsys.readouterr().err == "byel-train: no\n"


def test_a_program_may_have_an_exit_code_of_its_own_for_that():
    assert run_program(failing(KeyboardInterrupt()), ["program"], 75) == 75


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_clears_away_what_is_half_written(number, tmp_path, capsys):
    def main(argv):
        del argv
        with new_directory(tmp_path / "out"):
            os.kill(os.getpid(), number)

    before = signal.signal(number, signal.SIG_DFL)  # under nohup it is ignored
    try:
        assert run_program(main, ["program"]) == 130
        assert capsys.readouterr().err == "program: interrupted\n"
        assert not list(tmp_path.iterdir())
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_success_and_bugs(capsys):
    assert run_program(lambda argv: None, ["program"]) == 0
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ZeroDivisionError):
        run_program(failing(ZeroDivisionError()), ["program"])


def test_names_that_the_terminal_lacks():
    code = (
        "import sys; from byel_tf.program import run_program\n"
        "sys.exit(run_program(lambda argv: print('\\u00e9\\udcff'), ['program']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        cwd=pathlib.Path(__file__).resolve().parents[1],
    )
    assert (done.returncode, done.stdout) == (0, b"\\xe9\\udcff\n"), done.stderr
