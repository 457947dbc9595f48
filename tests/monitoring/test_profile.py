import pytest
import tensorflow as tf

from byel_tf.errors import UsageError
from byel_tf.monitoring.profile import Profile, parse_steps


def test_steps_are_read():
    assert parse_steps("") == range(0)
    assert parse_steps("3:5") == range(3, 6)
    assert parse_steps("7:7") == range(7, 8)


@pytest.mark.parametrize("text", ["3", "5:3", "0:4", "a:b", "1:2:3", "-1:3"])
def test_other_text_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match=f"--profile_steps={text}: give"):
        parse_steps(text)


def test_the_chosen_steps_are_in_the_profile(tmp_path, capsys):
    profile = Profile(parse_steps("2:3"), tmp_path)
    seen = []
    for step in range(1, 6):
        profile.before(step)
        with tf.profiler.experimental.Trace("step", step_num=step, _r=1):
            seen.append(float(tf.reduce_sum(tf.ones([10]))))
        profile.after(step)
    profile.close()
    (file,) = tmp_path.rglob("*.xplane.pb")
    assert file.stat().st_size > 0
    assert capsys.readouterr().out.count("profile: ") == 1


def test_a_stage_that_ends_before_leaves_what_there_is(tmp_path):
    profile = Profile(parse_steps("1:99"), tmp_path)
    profile.before(1)
    profile.after(1)
    profile.close()
    assert list(tmp_path.rglob("*.xplane.pb"))


def test_without_steps_nothing_is_written(tmp_path):
    profile = Profile(parse_steps(""), tmp_path)
    profile.before(1)
    profile.after(1)
    profile.close()
    assert not list(tmp_path.iterdir())
