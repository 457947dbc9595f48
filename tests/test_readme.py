"""The README says what the code does."""

import pathlib
import re

from byel_tf.config import TRAINING_OPTIONS
from byel_tf.flagging import markdown_reference

README = (pathlib.Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_flag_reference_is_that_of_the_code():
    begin, end = "<!-- flags -->\n", "<!-- end of flags -->"
    section = README[README.index(begin) + len(begin) : README.index(end)]
    assert section.strip() == markdown_reference(*TRAINING_OPTIONS).strip()


def test_every_file_that_is_named_exists():
    checkout = pathlib.Path(__file__).resolve().parents[1]
    named = set(re.findall(r"(?:flags|docs|benchmarks|recipes)/[\w./-]+\.\w+", README))
    named |= set(re.findall(r"requirements[\w-]*\.txt", README))
    assert named
    missing = [name for name in named if not (checkout / name).exists()]
    assert not missing
