import json

import pytest

from benchmarks.startup import main
from byel_tf.errors import RunError

CONFIG = "flags/facekit_supervised.cfg"  # one stage
TINY = ("--image_size=16", "--batch_size=8", "--width=0.0625", "--repeats=1")


def test_phases_follow_one_another(tmp_path, capsys):
    output = tmp_path / "r.json"
    main(["startup", f"--output={output}", f"--configs={CONFIG}", *TINY])
    found = json.loads(output.read_text())["seconds"][CONFIG]
    medians = [found[phase]["median"] for phase in found]
    assert len(medians) == 3
    assert medians[0] > 0 and medians == sorted(medians)
    assert "first step" in capsys.readouterr().out


def test_a_flagfile_that_does_not_exist_is_named(tmp_path):
    flags = ["--configs=flags/nothing.cfg", f"--output={tmp_path / 'r.json'}"]
    with pytest.raises(RunError, match=r"^startup.py: --flagfile=flags/nothing\.cfg"):
        main(["startup", *flags, *TINY])
