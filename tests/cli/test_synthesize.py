import json

import pytest


def test_drawn_data_set(run, tmp_path):
    done = run("synthesize", "--output=out", "--count=20", "--size=16", "--seed=4")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert {n: s["count"] for n, s in content["splits"].items()} == {
        "train": 18,
        "validation": 2,
    }
    assert content["source"]["domain"] == "synthetic"
    assert content["source"]["seed"] == 4
    assert "rejected" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_domain_classes_and_two_workers(run, tmp_path):
    done = run(
        "synthesize",
        "--output=out",
        "--count=66",
        "--size=16",
        "--domain=shifted",
        "--classes=neutral,fear",
        "--splits=test",
        "--workers=2",
    )
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["splits"]["test"]["per_class"] == {"neutral": 33, "fear": 33}
    assert content["source"]["domain"] == "shifted"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "--output is missing"),
        (("--output=out", "--count=0"), "--count=0: expected an integer of at least 1"),
        (("--output=out", "--size=8"), "--size=8: expected an integer from 16 to 512"),
        (
            ("--output=out", "--domain=real"),
            "expected one of synthetic, shifted or the path",
        ),
        (("--output=out", "--classes=joy,fear"), "the domain 'synthetic' has no 'joy'"),
        (("--output=out", "--pairs=both"), "--pairs=both: expected one of none, "),
        (("--output=out", "--workers=100000"), "expected an integer from 0 to 256"),
        (("--output=out", "--splits=train=0.5"), "sum to 1"),
        (("--output=out", "--head=mine"), "--head=mine: expected built-in"),
    ],
)
def test_wrong_usage(refused, arguments, expected):
    assert expected in refused("synthesize", *arguments, code=2)


def test_output_that_holds_something(refused, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    message = refused("synthesize", "--output=out", "--count=6", code=1)
    assert "out exists and is not an empty folder" in message
