import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed")

from byel_tf.data.preparation.beam import BeamRunner  # noqa: E402
from byel_tf.errors import RunError, UsageError  # noqa: E402


def square(number):
    return number * number


def fail(number):
    raise RunError(f"no {number}")


def fail_otherwise(number):
    raise KeyError(number)


def test_every_task_once(tmp_path):
    run = BeamRunner([], tmp_path / "new" / "out")
    results = sorted(run(square, range(300)))
    assert results == [(n, n * n) for n in range(300)]
    assert list(run(square, [])) == []
    assert list((tmp_path / "new").iterdir()) == []


def test_failure_of_a_task(tmp_path):
    with pytest.raises(RunError, match="^no 1$"):
        list(BeamRunner([], tmp_path / "out")(fail, [1]))
    assert list(tmp_path.iterdir()) == []


def test_failure_of_the_pipeline(tmp_path):
    with pytest.raises(RunError, match="Beam pipeline failed") as caught:
        list(BeamRunner([], tmp_path / "out")(fail_otherwise, [1]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["--nope=1", "nope", "--runer=DirectRunner"])
def test_option_that_beam_does_not_know(tmp_path, option):
    with pytest.raises(UsageError, match=f"--beam_option={option}: give an option"):
        BeamRunner([option], tmp_path / "out")
