"""Where decoded images are kept, by their size and by what is free."""

import pytest

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.errors import RunError
from byel_tf.training import caches as module
from byel_tf.training.caches import plan_caches

#: Of 36 images for training, 12 for validation, 12 for tests, of 16 px.
TRAIN, SCORED = 36 * 16**2 * 3, 24 * 16**2 * 3


@pytest.fixture
def plan(monkeypatch, faces):
    dataset = open_dataset(str(faces))

    def plan(asked, free, room=0, **options):
        monkeypatch.setattr(module, "_free_memory", lambda: float(free))
        monkeypatch.setattr(module, "_memory", lambda: float(free))
        monkeypatch.setattr(
            module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": room})
        )
        scored = [(dataset, "validation"), (dataset, "test"), (dataset, "validation")]
        return plan_caches(asked, dataset, scored, 16, **options)

    return plan


@pytest.mark.parametrize(
    ("free", "room", "expected"),
    [
        (2 * (TRAIN + SCORED), 0, ("memory", "memory")),
        (2 * (TRAIN + SCORED) - 1, 0, ("memory", "none")),
        (2 * TRAIN, 0, ("memory", "none")),
        (2 * TRAIN - 1, 2 * TRAIN, ("disk", "none")),
        (2 * TRAIN - 1, 2 * TRAIN - 1, ("none", "none")),
    ],
)
def test_auto_takes_half_of_what_is_free(plan, free, room, expected):
    found = plan("auto", free, room)
    assert (found.training, found.evaluation) == expected
    assert "\n" not in found.reason


def test_several_processes_of_a_machine_share_it(plan):
    assert plan("auto", 6 * TRAIN, processes=3).training == "memory"
    assert plan("auto", 6 * TRAIN - 1, processes=3).training == "none"


def test_second_pictures_take_as_much_again(plan):
    assert plan("auto", 4 * TRAIN, pictures=2).training == "memory"
    assert plan("auto", 4 * TRAIN - 1, pictures=2).training == "none"


def test_images_of_one_epoch_are_not_kept(faces, monkeypatch):
    scored = [(open_dataset(str(faces)), "validation")]
    for free, expected in ((24 * 16**2 * 3, "memory"), (24 * 16**2 * 3 - 1, "none")):
        monkeypatch.setattr(module, "_free_memory", lambda free=free: float(free))
        found = plan_caches("auto", None, scored, 16)
        assert (found.training, found.evaluation) == ("none", expected)


def test_what_is_asked_for_and_does_not_fit_is_refused(plan):
    assert plan("memory", TRAIN).training == "memory"
    with pytest.raises(RunError, match="--cache=memory needs"):
        plan("memory", TRAIN - 1)
    assert plan("disk", 0, 2 * TRAIN).training == "disk"
    with pytest.raises(RunError, match="--cache=disk needs .*TMPDIR"):
        plan("disk", 0, TRAIN)


def test_none_is_none(plan):
    found = plan("none", 10**12, 10**12)
    assert (found.training, found.evaluation) == ("none", "none")


def test_this_machine_has_memory():
    assert 0 < module._free_memory() <= module._memory()
