import json
import pathlib

import pytest

from benchmarks.startup import main
from byel_tf.errors import RunError

TINY = ("--image_size=16", "--batch_size=8", "--width=0.0625", "--repeats=1")


def test_phases_follow_one_another(tmp_path, capsys):
    output, config = tmp_path / "r.json", tmp_path / "one_stage.cfg"
    flags = pathlib.Path("flags/facekit_supervised.cfg").read_text()
    config.write_text(f"{flags}--xla=off\n")  # compiled views have tests of their own
    main(["startup", f"--output={output}", f"--configs={config}", *TINY])
    found = json.loads(output.read_text())["seconds"][str(config)]
    medians = [found[phase]["median"] for phase in found]
    assert len(medians) == 3
    assert medians[0] > 0 and medians == sorted(medians)
    assert "first step" in capsys.readouterr().out


def test_a_flagfile_that_does_not_exist_is_named(tmp_path):
    flags = ["--configs=flags/nothing.cfg", f"--output={tmp_path / 'r.json'}"]
    with pytest.raises(RunError, match=r"^startup.py: --flagfile=flags/nothing\.cfg"):
        main(["startup", *flags, *TINY])
