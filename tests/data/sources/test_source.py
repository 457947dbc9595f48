import subprocess
import sys

import pytest

from byel_tf.data.sources.source import SourceOptions
from byel_tf.errors import UsageError


@pytest.mark.parametrize("name", ["subject_pattern", "label_pattern"])
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "no regular expression"),
        ("abc", "received 0 groups"),
        ("(a)(b)", "received 2 groups"),
    ],
)
def test_patterns_are_checked_early(name, pattern, message):
    with pytest.raises(UsageError, match=f"--{name}=.*{message}"):
        SourceOptions(**{name: pattern})


def test_named_group_among_others():
    options = SourceOptions(subject_pattern=r"(\w)(?P<subject>\d+)(x)?")
    assert options.subjects.find("a12x") == "12"
    assert options.subjects.find("a") is None


def test_group_that_takes_no_part():
    assert SourceOptions(label_pattern="a(b)?").label_names.find("ac") is None


def test_vote_labels_are_checked():
    with pytest.raises(UsageError, match="give majority or soft"):
        SourceOptions(votes="x", vote_labels="hard")
    with pytest.raises(UsageError, match="needs votes"):
        SourceOptions(vote_labels="soft").allow("folder", "votes")
    SourceOptions(vote_labels="soft").allow("ferplus", "vote_labels")


def test_sources_are_light():
    code = (
        "import sys, byel_tf.data.sources.detect; "
        "print({'numpy', 'pandas', 'PIL', 'tensorflow'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"
