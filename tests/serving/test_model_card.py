import json

import pytest

from byel_tf.data.prepared_dataset import open_dataset
from byel_tf.errors import RunError
from byel_tf.serving.model_card import (
    CardFacts,
    count_images,
    model_card,
    write_model_card,
    write_model_card_from_files,
)

EXPORT = {
    "classes": ["anger", "fear"],
    "image_size": 48,
    "encoder": "resnet18",
    "channels": 1,
    "flip_average": True,
    "temperature": 1.25,
    "selection": "synthetic",
    "step": 12,
}
SCORES = {
    "count": 2982,
    "accuracy": 0.5,
    "macro_f1": 0.43214,
    "per_class": {
        "anger": {"precision": 0.5, "recall": 0.5, "f1": 0.61, "support": 1400},
        "fear": {"precision": 0.5, "recall": 0.5, "f1": 0.22, "support": 1582},
    },
}
INTERVALS = {
    "unit": "subject",
    "macro_f1": [0.41, 0.45],
    "accuracy": [0.48, 0.52],
    "per_class_f1": {"anger": [0.6, 0.62], "fear": None},
}
RUN = {
    "byel_tf": "0.1.0",
    "git_commit": "abc",
    "python": "3.13.0",
    "packages": {"tensorflow": "2.21.0", "tensorflow-addons": None},
    "devices": "CPU, 2 cores",
    "encoder_weights": "none",
    "datasets": {
        "train_data": {
            "name": "mine",
            "path": "nowhere",
            "sha256": "f00d",
            "source": {"kind": "synthesis", "domain": "synthetic", "count": 46080},
        },
        "eval_data fer2013": {
            "name": "fer2013",
            "path": "nowhere",
            "sha256": "beef",
            "source": {"kind": "folder"},
        },
    },
}


def results(**more):
    return {"classes": EXPORT["classes"], "datasets": {"fer2013": {**SCORES, **more}}}


@pytest.mark.parametrize(
    ("flag", "words"),
    [("best", "synthetic images"), ("last", "nothing, it is the last")],
)
def test_what_the_epoch_was_selected_on(flag, words):
    card = model_card(CardFacts(EXPORT, flags=(f"--selection={flag}",)))
    assert f"| epoch selected on | {words} |" in card


def test_everything_that_is_known():
    card = model_card(
        CardFacts(
            EXPORT,
            RUN,
            results(intervals=INTERVALS),
            ("--objective=byel", "--seed=1"),
            {"files": {}},
            {"f00d": {"train": 36864, "test": 4608}},
            "3",
        )
    )
    for words in (
        "# Model card: facial expression classifier, version 3",
        "| classes | anger, fear |",
        "| method | BYEL",
        "| temperature | 1.25 |",
        "| epoch selected on | synthetic images |",
        "48 × 48 px, turned grey; outputs averaged over the mirror image",
        "byel_tf 0.1.0, tensorflow 2.21.0, Python 3.13.0, commit abc; CPU, 2 cores",
        "| mine | synthesis, synthetic | train 36,864, test 4,608 | `f00d` |",
        "| report | fer2013 | folder | not recorded | `beef` |",
        "| fer2013 | 2,982 | 0.4321 [0.4100, 0.4500] | 0.5000 [0.4800, 0.5200] |",
        "bootstrapped over each subject",
        "| anger | 0.610 [0.600, 0.620] (1,400) |",
        "| fear | 0.220 (1,582) |",
        "## Intended use",
        "## Limits",
        "Regulation (EU) 2024/1689",
        "Article 5(1)(f)",
        "Annex III",
        "Article 50",
        "--seed=1\n",
    ):
        assert words in card, words
    assert "](\n" not in card  # a link that is broken over lines


def test_without_intervals():
    card = model_card(CardFacts(EXPORT, RUN, results(intervals=None)))
    assert "| fer2013 | 2,982 | 0.4321 | 0.5000 |" in card
    assert "bootstrapped" not in card


def test_formats():
    parity = {"images": 1000, "max_probability_difference": 9e-7}
    int8 = {"images": 1000, "macro_f1": 0.43, "saved_model_macro_f1": 0.4321}
    files = {
        "model.onnx": {"bytes": 11_000_000, "parity": parity},
        "model_int8.tflite": {"bytes": 3_000_000, "parity": int8},
    }
    card = model_card(CardFacts(EXPORT, formats={"files": files}))
    expected = "labels equal, probabilities within 9e-07, on 1,000 images"
    assert f"| `model.onnx` | 11,000,000 | {expected} |" in card
    expected = "macro F1 0.4300, the SavedModel's 0.4321, on 1,000 images"
    assert f"| `model_int8.tflite` | 3,000,000 | {expected} |" in card


def test_flags_of_more_than_a_line():
    card = model_card(CardFacts(EXPORT, flags=("--head=a", "b", "--objective=byol")))
    assert "| method | BYOL" in card
    assert "--head=a\nb\n" in card


def test_class_names_keep_to_their_cell():
    card = model_card(CardFacts({**EXPORT, "classes": ["a|b", "c"]}))
    assert r"| classes | a\|b, c |" in card


INIT = {"path": "/home/me/old", "sha256": "beef" * 16, "what": "an encoder's export"}
INIT_WORDS = (
    f"those of another model (an encoder's export, SHA-256 `{'beef' * 16}`): its own "
    "card says whether they are synthetic only"
)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"encoder_weights": "none"}, "none"),
        ({"encoder_weights": "none", "init_from": None}, "none"),
        ({"encoder_weights": "imagenet"}, "imagenet: not synthetic only"),
        ({"encoder_weights": "none", "init_from": INIT}, INIT_WORDS),
        ({"init_from": INIT}, INIT_WORDS),
        (
            {"encoder_weights": "imagenet", "init_from": INIT},
            f"{INIT_WORDS}; imagenet: not synthetic only",
        ),
        ({}, "not recorded"),
    ],
)
def test_pretrained_weights_are_not_hidden(run, words):
    card = model_card(CardFacts(EXPORT, run))
    assert f"| pre-trained weights | {words} |" in card
    assert "/home/me" not in card


def test_the_method_claims_no_random_start():
    flags = ("--objective=supervised",)
    card = model_card(CardFacts(EXPORT, {"init_from": INIT}, flags=flags))
    assert "| method | fine-tuning alone, no stage 1 |" in card
    assert "random" not in card


def test_where_nothing_is_known():
    card = model_card(CardFacts({"classes": ["a"]}))
    assert card.count("ot recorded") >= 5
    assert "Article 5(1)(f)" in card


@pytest.fixture
def run_folder(tmp_path, prepare_pictures):
    run = tmp_path / "run"
    for version in ("1", "2"):
        folder = run / "export" / version
        folder.mkdir(parents=True)
        (folder / "byel.json").write_text(json.dumps(EXPORT))
    data = prepare_pictures(tmp_path / "data", train=12)
    used = {**RUN["datasets"]["train_data"], "path": str(data)}
    used["sha256"] = open_dataset(str(data)).manifest_sha256
    (run / "run.json").write_text(json.dumps({**RUN, "datasets": {"train_data": used}}))
    (run / "results.json").write_text(json.dumps(results()))
    (run / "flags.cfg").write_text("--seed=7\n--objective=byol\n")
    return run


def test_from_facts_nothing_is_read(tmp_path, prepare_pictures):
    folder = tmp_path / "run" / "export" / "4"
    folder.mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("not read")
    data = open_dataset(str(prepare_pictures(tmp_path / "data", train=12, test=3)))
    used = {"name": "mine", "sha256": data.manifest_sha256, "source": {"kind": "test"}}
    write_model_card(
        folder,
        CardFacts(
            EXPORT,
            {**RUN, "datasets": {"train_data": used}},
            results(),
            ("--objective=byol",),
            counts=count_images([data]),
            version="4",
        ),
    )
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    for words in ("version 4", "0.4321", "| method | BYOL", "| train 12, test 3 |"):
        assert words in card, words
    assert [path.name for path in folder.iterdir()] == ["model_card.md"]


def test_images_are_counted_by_the_hash_of_their_manifest(tmp_path, prepare_pictures):
    sizes = {"a": {"train": 12, "validation": 2}, "b": {"test": 5}}
    datasets = {
        name: open_dataset(str(prepare_pictures(tmp_path / name, **counts)))
        for name, counts in sizes.items()
    }
    assert count_images(datasets.values()) == {
        datasets[name].manifest_sha256: counts for name, counts in sizes.items()
    }
    assert count_images([]) == {}


def test_facts_in_memory_and_on_disk_make_the_same_card(run_folder):
    folder = run_folder / "export" / "2"
    write_model_card_from_files(folder, folder)
    on_disk = (folder / "model_card.md").read_bytes()
    run = json.loads((run_folder / "run.json").read_text())
    data = open_dataset(run["datasets"]["train_data"]["path"])
    flags = tuple((run_folder / "flags.cfg").read_text().splitlines())
    counts = count_images([data])
    facts = CardFacts(EXPORT, run, results(), flags, counts=counts, version="2")
    write_model_card(folder, facts)
    assert (folder / "model_card.md").read_bytes() == on_disk


def test_written_from_the_run_around_it(run_folder):
    folder = run_folder / "export" / "2"
    write_model_card_from_files(folder, folder)
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    for words in ("version 2", "0.4321", "--seed=7", "| method | BYOL", "train 12"):
        assert words in card, words
    assert sorted(p.name for p in folder.iterdir()) == ["byel.json", "model_card.md"]


def test_scores_are_of_the_newest_version(run_folder):
    folder = run_folder / "export" / "1"
    write_model_card_from_files(folder, folder)
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert "0.4321" not in card
    assert "Not recorded for this version" in card


def test_a_copy_tells_of_the_run_it_is_from(run_folder, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "byel.json").write_text(json.dumps(EXPORT))
    write_model_card_from_files(tmp_path / "copy", run_folder / "export" / "2")
    card = (tmp_path / "copy" / "model_card.md").read_text(encoding="utf-8")
    assert "0.4321" in card
    assert "version 2" in card


@pytest.mark.parametrize(
    ("run", "scores"),
    [
        ("{", "{"),
        ("[" * 200_000, "[" * 200_000),
        ("[1]", "[1]"),
        ('{"packages": "x"}', '{"classes": 3, "datasets": {"a": {}}}'),
        ('{"init_from": "x"}', "{}"),
        ('{"init_from": {"what": 1}}', "{}"),
        ('{"encoder_weights": 1}', "{}"),
        ('{"datasets": []}', '{"datasets": [1]}'),
        ('{"datasets": {"train_data": null}}', '{"datasets": {"a": null}}'),
        (
            '{"datasets": {"train_data": {"name": 1}}}',
            '{"datasets": {"a": {"count": ""}}}',
        ),
        (
            '{"datasets": {"train_data": {"sha256": []}}}',
            '{"datasets": {"a": {"per_class": {"anger": {"f1": "x"}}}}}',
        ),
        (
            '{"datasets": {"train_data": {"source": "x"}}}',
            '{"datasets": {"a": {"intervals": {"macro_f1": ["x", "y"]}}}}',
        ),
    ],
)
def test_damaged_files_of_the_run_are_not_recorded(run_folder, run, scores):
    (run_folder / "run.json").write_text(run)
    (run_folder / "results.json").write_text(scores)
    (run_folder / "flags.cfg").write_bytes(b"--a=\xff")
    folder = run_folder / "export" / "2"
    write_model_card_from_files(folder, folder)
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert "## Data\n\nNot recorded" in card
    assert "## Scores\n\nNot recorded" in card
    assert "| pre-trained weights | not recorded |" in card


def test_no_export(tmp_path):
    with pytest.raises(RunError, match="is not an exported model"):
        write_model_card_from_files(tmp_path, tmp_path)


def test_a_card_names_no_folders():
    flags = (
        "--train_data=mine=/home/ann/data/faces",
        "--eval_data=/home/ann/data/a=b/c",
        "--model_dir=/home/ann/runs/1/",
        "--init_from=",
        "--head=built-in",
        "--seed=7",
    )
    card = model_card(CardFacts(EXPORT, RUN, flags=flags))
    assert "/home" not in card and RUN["datasets"]["train_data"]["path"] not in card
    for line in (
        "--train_data=mine=…/faces",
        "--eval_data=…/c",
        "--model_dir=…/1",
        "--init_from=",
        "--head=built-in",
        "--seed=7",
    ):
        assert f"\n{line}\n" in card


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        ({"crop": "face", "crop_margin": 1.5}, "cropped to the face (margin 1.5)"),
        ({"crop": "none", "crop_margin": 1.0}, "whole"),
        ({}, "not recorded how cropped"),
    ],
)
def test_how_training_images_were_cropped(crop, expected):
    card = model_card(CardFacts({**EXPORT, **crop}))
    assert f"| training images | {expected} |" in card
    assert "should not be used commercially" in card


DRAWN = {
    "kind": "synthesis",
    "head": "ict-facekit:2,makehuman:1",
    "domain": "synthetic",
    "count": 49152,
    "seed": 3,
    "size": 64,
    "grey": False,
    "splits": {"train": 0.8, "test": 0.2},
}


def test_licences_and_how_it_is_made_again():
    data = {"train_data": {**RUN["datasets"]["train_data"], "source": DRAWN}}
    cropped = {**EXPORT, "crop": "face", "crop_margin": 1.0}
    card = model_card(CardFacts(cropped, {**RUN, "datasets": data}))
    words = " ".join(card.split())
    assert "ICT-FaceKit, whose head faces were drawn with, is under the MIT" in words
    assert "photographs of persons its repository does not say" in words
    assert "built-in head" not in words and "were imported" not in words
    assert "trained on drawn faces alone: on no photograph of a face" in words
    assert "| training images | drawn, in the frame of a crop to the face" in words
    assert "byel export" not in words
    assert (
        "byel synthesize --head=ict-facekit:2,makehuman:1 --domain=synthetic "
        "--count=49152 --seed=3 --size=64 --splits=train=0.8,test=0.2 "
        "--classes=anger,fear --output=FACES\n"
        "byel train --flagfile=flags.cfg --train_data=FACES --model_dir=RUN"
    ) in card
    assert "was modified" not in words
    changed = "ict-facekit:2,makehuman (modified, sha256 7fd15e5c):1"
    data["train_data"]["source"] = {**DRAWN, "head": changed, "pairs": "neutral"}
    card = model_card(CardFacts(EXPORT, {**RUN, "datasets": data}))
    assert "synthesize --head=ict-facekit:2,makehuman:1 --domain=synthetic" in card
    assert "--size=64 --pairs=neutral --splits" in card
    assert changed in card and "was modified for this model" in card
    assert "differ from its release" in card
    half = model_card(CardFacts({**EXPORT, "weights": "float16"}, RUN))
    assert "byel export --model=RUN --weights=float16 --data=FACES" in half
    started = {**RUN, "datasets": data, "init_from": {"what": "an export"}}
    assert "drawn faces alone" not in model_card(CardFacts(EXPORT, started))
    adapted = {**EXPORT, "adaptation": {"method": "prior"}}
    card = model_card(CardFacts(adapted, {**RUN, "datasets": data}))
    assert "drawn faces alone" not in card
    started = {**RUN, "datasets": data, "encoder_weights": "imagenet"}
    assert "drawn faces alone" not in model_card(CardFacts(EXPORT, started))
    data["train_data"]["source"] = {"kind": "folder", "crop": "face"}
    card = model_card(CardFacts(EXPORT, {**RUN, "datasets": data}))
    words = " ".join(card.split())
    assert "their licences are not recorded here" in words
    assert "if by mtcnn, what its author says holds for them" in words
    assert "byel synthesize" not in card and "drawn faces alone" not in words


def test_action_units_and_classes_that_are_not_scored():
    units = {"AU12": {"correlation": 0.91234, "mean_absolute_error": 0.05},
             "AU08": {"correlation": None, "mean_absolute_error": 0.01}}  # fmt: skip
    scores = {**SCORES, "action_units": units, "removed_classes": ["neutral"]}
    scores["per_class"] = {"anger": SCORES["per_class"]["anger"]}
    facts = CardFacts(
        EXPORT, RUN, {"classes": ["anger", "fear"], "datasets": {"s": scores}}
    )
    card = model_card(facts)
    assert "| AU12 | 0.912, 0.050 |" in card and "| AU08 | –, 0.010 |" in card
    assert "| fear | not scored |" in card
    assert "s is scored without neutral, whose probability is removed" in card


def test_a_card_outside_its_run_is_kept(run_folder, tmp_path):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "byel.json").write_text(json.dumps(EXPORT))
    write_model_card_from_files(shipped, run_folder / "export" / "2", ["Skins: mine."])
    before = (shipped / "model_card.md").read_text(encoding="utf-8")
    parity = {"images": 9, "max_probability_difference": 4e-4, "labels_that_differ": 0}
    (shipped / "byel.json").write_text(json.dumps({**EXPORT, "weights_parity": parity}))
    write_model_card_from_files(shipped, shipped)
    after = (shipped / "model_card.md").read_text(encoding="utf-8")
    assert "0.4321" in after and "within 0.0004 of those in float32" in after
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(changed) == 1 and changed[0].startswith("| `saved_model.pb`")
    write_model_card_from_files(shipped, shipped, ["Hair: theirs."])
    noted = (shipped / "model_card.md").read_text(encoding="utf-8")
    assert "\n\nSkins: mine.\n\nHair: theirs.\n\n## Made again\n" in noted
