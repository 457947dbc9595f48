import re

import pytest

from byel_tf.errors import UsageError
from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.domain import DOMAINS, load_domain, sided
from byel_tf.synthesis.sampling import sample_face


@pytest.fixture
def write(tmp_path):
    def written(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written


@pytest.mark.parametrize("name", DOMAINS)
def test_the_packages_own(name):
    domain = load_domain(name)
    assert domain.name == name
    assert domain.expressions.keys() == {
        "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness",
        "surprise",
    }  # fmt: skip
    for expression in domain.expressions.values():
        assert sum(variant.share for variant in expression.variants) == pytest.approx(1)
        for variant in expression.variants:
            assert set(sided(variant.units)) <= set(SHAPES)


def test_own_file_changes_what_it_names(write):
    domain = load_domain(
        write(
            'base = "synthetic"\n[pose]\nyaw = 7\n'
            "[expressions.wink]\nintensity = [1, 1]\n"
            '[[expressions.wink.variants]]\nname = "left"\nshare = 1\n'
            "units.eyeBlink_L = [1, 1]\n"
        )
    )
    synthetic = load_domain("synthetic")
    assert domain.name == "mine"
    assert domain.sections["pose"]["yaw"](0.1) == 7
    assert domain.sections["pose"]["roll"](0.1) == (
        synthetic.sections["pose"]["roll"](0.1)
    )
    wink = domain.expressions["wink"].variants[0]
    assert sided(wink.units) == {"eyeBlink_L": (1.0, 1.0)}
    fear = [described.expressions["fear"] for described in (domain, synthetic)]
    assert fear[0].variants == fear[1].variants


def test_expression_with_a_picture_of_its_own(write):
    file = write(
        'base = "synthetic"\n[expressions.asleep]\nintensity = [1, 1]\n'
        "[expressions.asleep.changes.pose]\nroll = 80\n"
        '[[expressions.asleep.variants]]\nname = "so"\nshare = 1\n'
    )
    domain = load_domain(file)
    assert sample_face(domain, "asleep", 1, 0).pose.roll == 80
    awake = sample_face(domain, "neutral", 1, 0)
    assert awake.pose.roll != 80
    # Nothing else changes.
    assert sample_face(domain, "asleep", 1, 0).camera == awake.camera


def test_expression_without_variants_changes_the_bases(write):
    domain = load_domain(
        write(
            'base = "synthetic"\n[expressions.sadness]\nintensity = [0.5, 0.6]\n'
            'without = ["crying"]\n[expressions.sadness.changes.pose]\nroll = 3\n'
        )
    )
    sadness = domain.expressions["sadness"]
    before = load_domain("synthetic").expressions["sadness"]
    names = {variant.name: variant.share for variant in sadness.variants}
    left = {v.name: v.share for v in before.variants if v.name != "crying"}
    assert names.keys() == left.keys() and len(left) == len(before.variants) - 1
    ratios = [names[name] / left[name] for name in left]
    assert ratios == pytest.approx([ratios[0]] * len(ratios)) and ratios[0] > 1
    assert sadness.intensity == (0.5, 0.6)
    assert sadness.changes["pose"]["roll"](0.9) == 3
    assert sadness.changes["pose"]["pitch"](0.9) == before.changes["pose"]["pitch"](0.9)
    assert sadness.changes.keys() == before.changes.keys()


def test_own_file_on_another(write):
    write('base = "shifted"\n[pose]\nroll = 3\n', "first.toml")
    second = load_domain(write('base = "first.toml"\n[pose]\nyaw = 7\n'))
    assert second.sections["pose"]["roll"](0.5) == 3
    assert second.sections["pose"]["yaw"](0.5) == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[pose]\nyaw = 1\n", "lacks"),
        ("base = 3\n", "base must be a name"),
        ('base = "mine.toml"\n', "leads back to itself"),
        ('base = "absent.toml"\n', "absent.toml"),
        ('base = "synthetic"\n[poses]\nyaw = 1\n', "no 'poses'"),
        ('base = "synthetic"\n[pose]\njaw = 1\n', r"\[pose\] has no 'jaw'"),
        ('base = "synthetic"\n[pose]\nyaw = {uniform = [1]}\n', "pose.yaw"),
        ('base = "synthetic"\n[pose]\nyaw = "left"\n', "pose.yaw: expected numbers"),
        (
            'base = "synthetic"\n[accessories]\nhand = "wave"\n',
            "accessories.hand: expected one of none, palm, .* not 'wave'",
        ),
        (
            'base = "synthetic"\n[hair]\n'
            'beard = {mixture = [{share = 1, value = "none"}, '
            "{share = 1e-9, choice = {full = 1, long = 0}}]}\n",
            "hair.beard: expected one of none, .* not 'long'",
        ),
        (
            'base = "synthetic"\n[print]\nkind = {uniform = [0, 1]}\n',
            "print.kind: expected one of none, watermark, caption, not 0",
        ),
        (
            'base = "synthetic"\n[expressions.fear.changes.accessories]\n'
            'glasses = "x"\n',
            "expressions.fear.changes.accessories.glasses: expected one of none",
        ),
        (
            'base = "synthetic"\n[movement]\ngaze_x = "left"\n',
            "movement.gaze_x: expected numbers, not 'left'",
        ),
        ('base = "synthetic"\npose = 3\n', r"\[pose\] must be a table"),
        ('base = "synthetic"\npictures_of_a_person = 0\n', "pictures_of_a_person"),
        ('base = "synthetic"\n[movement]\ntraces = 1.5\n', "movement.traces"),
        ('base = "synthetic"\n[movement]\nmixed_with = ["joy"]\n', "'joy'"),
        ('base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n', "variants"),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [1, 0]\n'
            '[[expressions.a.variants]]\nname = "b"\nshare = 1\n',
            "expressions.a.intensity",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            '[[expressions.a.variants]]\nname = "b"\nshare = 1\nunits.smile = [0, 1]\n',
            "no action unit 'smile'",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            '[[expressions.a.variants]]\nname = "b"\nshare = 0\n',
            "share must be above 0",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            "[expressions.a.changes.skin]\nmelanin = 1\n"
            '[[expressions.a.variants]]\nname = "b"\nshare = 1\n',
            "changes.* has no 'skin'",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            '[[expressions.a.variants]]\nname = "b"\nshare = 1\nmirror = 1\n',
            "mirror must be true or false",
        ),
        (
            'base = "synthetic"\n[expressions.fear]\nwithout = ["joy"]\n',
            "expressions.fear.without has no 'joy'; it has bared teeth, closed mouth",
        ),
        (
            'base = "synthetic"\n[expressions.fear]\nwithout = "screaming"\n',
            "expressions.fear.without: expected a list",
        ),
        ('base = "synthetic"\n[movement]\nmixed_with = []\n', "list of expressions"),
        ('base = "synthetic"\n[movement]\nmixed_with = 3\n', "list of expressions"),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\nvariants = 1\n',
            "expressions.a.variants must be a list of tables",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            "[[expressions.a.variants]]\nshare = 1\n",
            "expressions.a.variants, number 1: expected a table with a name",
        ),
        (
            'base = "synthetic"\n[expressions.a]\nintensity = [0, 1]\n'
            '[[expressions.a.variants]]\nname = "b"\nshare = 1\nunits = 3\n',
            "expressions.a.variants, number 1, units must be a table, not 3",
        ),
        (
            'base = "synthetic"\n[expressions.fear]\nchanges.pose = 5\n',
            r"expressions.fear.changes.pose\] must be a table, not 5",
        ),
        ("base = ", "not a TOML file"),
    ],
)
def test_one_line_for_what_is_wrong(write, text, named):
    with pytest.raises(UsageError, match=named) as caught:
        load_domain(write(text))
    assert "mine.toml" in str(caught.value) or "absent.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_name():
    with pytest.raises(UsageError, match=re.escape("'syntetic'")):
        load_domain("syntetic")


def test_a_field_of_ones_own_holds_for_every_expression_of_the_base(write):
    base = load_domain("synthetic").expressions["sadness"].changes
    assert set(base) == {"pose", "accessories"}
    domain = load_domain(write('base = "synthetic"\n[accessories]\nhand = "none"\n'))
    for expression in domain.expressions.values():
        assert not expression.changes.get("accessories")
    assert set(domain.expressions["sadness"].changes["pose"]) == {"pitch", "roll"}
