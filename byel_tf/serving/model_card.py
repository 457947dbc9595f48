"""`model_card.md` beside an export: what the model is, and what it is not for."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from byel_tf.data.crops import read_cropping
from byel_tf.data.manifest import Manifest
from byel_tf.data.prepared_dataset import PreparedDataset, read_manifest
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.json_files import read_object
from byel_tf.serving.card_licences import licences, training_source
from byel_tf.serving.card_tables import (
    action_unit_table,
    adaptation_words,
    class_table,
    commands,
    data_table,
    flag_lines,
    format_table,
    score_table,
    table,
)
from byel_tf.serving.export import METADATA_FILE_NAME
from byel_tf.serving.formats import read_formats

FILE_NAME = "model_card.md"

_METHODS = {
    "byel": "BYEL, Bootstrap Your Emotion Latent (arXiv 2207.10003), then fine-tuning",
    "byol": "BYOL (arXiv 2006.07733), then fine-tuning",
    "joint": "BYEL (arXiv 2207.10003) and fine-tuning on the same passes, in one stage",
    "fixmatch": "fine-tuning with FixMatch (arXiv 2001.07685)",
    "supervised": "fine-tuning alone, no stage 1",
}

# Of what is read from a run's files.
_RUN = {
    "byel_tf": str | None,
    "git_commit": str | None,
    "packages": {str: str | None},
    "encoder_weights": str,
    "init_from": (type(None), {"sha256": str, "what": str}),
    "datasets": {str: {"name": str, "path": str, "sha256": str, "source": dict}},
}
_UNIT = {"correlation": (type(None), int | float), "mean_absolute_error": int | float}
_INTERVAL = (type(None), [int | float])
_SCORES = {
    "count": int,
    "macro_f1": int | float,
    "accuracy": int | float,
    "per_class": {str: {"f1": int | float, "support": int}},
    "action_units": {str: _UNIT},
    "removed_classes": [str],
    "intervals": (
        type(None),
        {
            "macro_f1": _INTERVAL,
            "accuracy": _INTERVAL,
            "per_class_f1": {str: _INTERVAL},
        },
    ),
}
_RESULTS = {"classes": [str], "datasets": {str: _SCORES}}

_USE = """\
Naming the facial expression, one of the classes above, that a photograph shows, cropped
to one face as the training images are: for research on expression recognition and on
learning from synthetic data, and as a component where the person concerned knows of it
and has agreed.

Not for: inferring what someone feels, thinks or intends; decisions about a person, as
in hiring, schooling, policing, insurance, credit or medicine; covert observation; faces
of another kind than those scored above, until it has been measured on them."""

_LIMITS = """\
- Rendered faces differ from photographs: expect the scores on photographs above, not
  those on synthetic images.
- An expression is one of the classes whatever it shows: there is no "none of these".
  Probabilities of unlike images (no face, several, none cropped) mean nothing.
- A temperature fitted on synthetic images does not make probabilities right on
  photographs.
- Nothing above says how scores differ between groups of people; drawn faces that vary
  in skin tone, age and sex-linked shape do not make a model fair: measure that."""

_FORMATS, _AGAIN = "## Formats", "## Made again"

_ETHICS = """\
A face shows an expression, not what someone feels; people differ in how they show it,
and labels are others' impressions. Do not use this to judge people.

In the European Union the AI Act applies,
[Regulation (EU) 2024/1689](https://eur-lex.europa.eu/eli/reg/2024/1689/oj): inferring
emotions from biometric data at the workplace and in education is prohibited, except for
medical or safety reasons (Article 5(1)(f)); other emotion recognition systems are
high-risk (Annex III, point 1(c)), with the duties of Chapter III; and the people whom
one is used on must be told of it (Article 50(3)). This note is no legal advice."""


@dataclasses.dataclass(frozen=True)
class CardFacts:
    """What a card is written from; what is not known is empty.

    Attributes:
      export: Content of `byel.json`.
      run: Content of `run.json`, of the training that made the weights.
      results: Content of `results.json`.
      flags: Lines of `flags.cfg`.
      formats: Content of `formats.json`, as of `read_formats`.
      counts: Images a split of each data set, as of `count_images`.
      version: Name of the version folder.
      notes: Paragraphs on licences and origin, of who makes the card.
    """

    export: Mapping[str, Any]
    run: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    results: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    flags: tuple[str, ...] = ()
    formats: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    version: str = "1"
    notes: tuple[str, ...] = ()


def model_card(facts: CardFacts) -> str:
    """The card, in Markdown.

    Args:
      facts: What is known.
    """
    export, flags = facts.export, _by_name(facts.flags)
    adaptation = export.get("adaptation")
    method = _METHODS.get(flags.get("objective", ""), "not recorded")
    kind = export.get("selection") or facts.results.get("selection")
    selection = f"{kind} images" if kind else "not recorded"
    if flags.get("selection") == "last":
        selection = "nothing, it is the last"
    rows = {
        "classes": ", ".join(export.get("classes", [])),
        "method": method,
        "encoder": export.get("encoder", "not recorded"),
        "pre-trained weights": _pretrained_weights(facts.run),
        "input": _input(export),
        "training images": _training_images(export, facts.run),
        "temperature": export.get("temperature", 1.0),
        "epoch selected on": selection,
        "fine-tuning steps": export.get("step", "not recorded"),
        "made with": _versions(facts.run),
    }
    parts = [
        f"# Model card: facial expression classifier, version {facts.version}",
        table([("", ""), *((name, str(value)) for name, value in rows.items())]),
        "## Data",
        data_table(facts.run, facts.counts),
        "## Scores",
        score_table(facts.results),
        class_table(facts.results),
        action_unit_table(facts.results),
        "## Adaptation" if adaptation else "",
        adaptation_words(adaptation) if adaptation else "",
        _FORMATS,
        format_table(facts.formats, export),
        "## Intended use",
        _USE,
        "## Limits",
        _LIMITS,
        "## Licences",
        "\n\n".join([*_licences(facts), *facts.notes]),
        _AGAIN,
        commands(facts.run, export),
        "## Ethics and the EU AI Act",
        _ETHICS,
        "## Flags",
        flag_lines(facts.flags),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_model_card(folder: str | os.PathLike, facts: CardFacts) -> None:
    """Writes `model_card.md` into an export's folder, whole.

    Args:
      folder: Where to write: a version folder, or a copy of one.
      facts: What is known.
    """
    write_atomically(pathlib.Path(folder, FILE_NAME), model_card(facts))


def write_model_card_from_files(
    folder: str | os.PathLike, export: str | os.PathLike, notes: Sequence[str] = ()
) -> None:
    """Writes the card of an export whose run is over, from what that left.

    Args:
      folder: Where to write: the version folder, or a copy of it.
      export: The version folder within its run.
      notes: As of `CardFacts`; a card that is copied keeps its own as well.

    Raises:
      RunError: If `folder` is no export.
    """
    facts = collect_facts(pathlib.Path(folder), pathlib.Path(export))
    facts = dataclasses.replace(facts, notes=tuple(notes))
    written = pathlib.Path(export, FILE_NAME)
    if not facts.run and written.is_file():
        # Copied out of its run, the card alone still tells of it.
        card = _with_formats(written.read_text(encoding="utf-8"), facts)
        card = _with_notes(card, facts.notes)
        write_atomically(pathlib.Path(folder, FILE_NAME), card)
        return
    write_model_card(folder, facts)


def _licences(facts: CardFacts) -> list[str]:
    is_plain = _pretrained_weights(facts.run) == "none"
    return licences(facts.run, is_plain and not facts.export.get("adaptation"))


def _training_images(export: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    cropping = read_cropping(export)
    if cropping is None:
        return "not recorded how cropped"
    if (training_source(run) or {}).get("kind") == "synthesis":
        return f"drawn, in the frame of a crop to the face (margin {cropping.margin:g})"
    return str(cropping)


def _with_formats(card: str, facts: CardFacts) -> str:
    """A card with its table of formats made anew."""
    before, heading, after = card.partition(f"{_FORMATS}\n\n")
    if not heading:
        return card
    _, following, rest = after.partition("\n\n## ")
    return (
        before
        + heading
        + format_table(facts.formats, facts.export)
        + (following + rest)
    )


def _with_notes(card: str, notes: Sequence[str]) -> str:
    """A card with paragraphs at the end of its section on licences."""
    before, heading, after = card.partition(_AGAIN)
    if not heading:  # of a release before there was that section
        return "\n\n".join([card.rstrip("\n"), *notes]) + "\n"
    return before + "".join(f"{note}\n\n" for note in notes) + heading + after


def count_images(datasets: Iterable[PreparedDataset]) -> dict[str, dict[str, int]]:
    """Images a split of each data set, by the hash of its manifest."""
    return {d.manifest_sha256: _split_counts(d.manifest) for d in datasets}


def collect_facts(folder: pathlib.Path, export: pathlib.Path) -> CardFacts:
    """Reads what an export's folder and its run tell.

    Args:
      folder: The export's folder, or a copy of it.
      export: The version folder, `RUN/export/N`; a run's files count only there, and
        its scores only for the newest version, which they are of.

    Raises:
      RunError: If there is no export.
    """
    try:
        about = json.loads((folder / METADATA_FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"{folder} is not an exported model, give a version folder such as "
            f"RUN/export/1 ({' '.join(str(error).split())})"
        ) from error
    export = export.resolve()
    facts = CardFacts(about, formats=read_formats(folder), version=export.name)
    if export.parent.name != "export":
        return facts
    run_folder = export.parent.parent
    versions = [int(p.name) for p in export.parent.iterdir() if p.name.isdecimal()]
    is_newest = export.name == str(max(versions, default=0))
    run = read_object(run_folder / "run.json", _RUN)
    return dataclasses.replace(
        facts,
        run=run,
        results=read_object(run_folder / "results.json", _RESULTS) if is_newest else {},
        flags=_read_flags(run_folder / "flags.cfg"),
        counts=_count_images_on_disk(run),
    )


def _split_counts(manifest: Manifest) -> dict[str, int]:
    return {name: split.count for name, split in manifest.splits.items()}


def _count_images_on_disk(run: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Images a split, of the run's data sets that are where they were."""
    counts = {}
    for used in run.get("datasets", {}).values():
        try:
            manifest, sha256 = read_manifest(pathlib.Path(used["path"]))
        except (RunError, LookupError, TypeError):
            continue
        counts[sha256] = _split_counts(manifest)
    return counts


def _read_flags(file: pathlib.Path) -> tuple[str, ...]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ()
    return tuple(line for line in lines if line.startswith("--") and "=" in line)


def _by_name(flags: Iterable[str]) -> dict[str, str]:
    return dict(line.removeprefix("--").partition("=")[::2] for line in flags)


def _pretrained_weights(run: Mapping[str, Any]) -> str:
    """What the encoder had learned before the run."""
    start = run.get("init_from")
    weights = run.get("encoder_weights", "not recorded")
    words = []
    if start:
        # Not its path, which says nothing elsewhere.
        words.append(
            f"those of another model ({start.get('what', '?')}, SHA-256 "
            f"`{start.get('sha256', '?')}`): its own card says whether they are "
            "synthetic only"
        )
    if weights not in ("none", "not recorded"):
        words.append(f"{weights}: not synthetic only")
    return "; ".join(words) or weights


def _input(export: Mapping[str, Any]) -> str:
    size = export.get("image_size", "?")
    words = f"JPEG or PNG files, resized to {size} × {size} px"
    if export.get("channels") == 1:
        words += ", turned grey"
    return words + (
        "; outputs averaged over the mirror image" if export.get("flip_average") else ""
    )


def _versions(run: Mapping[str, Any]) -> str:
    if not run:
        return "not recorded"
    packages = {"byel_tf": run.get("byel_tf"), **(run.get("packages") or {})}
    words = [f"{name} {version}" for name, version in packages.items() if version]
    words.append(f"Python {run.get('python', '?')}")
    if run.get("git_commit"):
        words.append(f"commit {run['git_commit']}")
    return ", ".join(words) + f"; {run.get('devices', 'devices not recorded')}"
