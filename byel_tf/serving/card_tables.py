"""The model card's tables; each is a sentence where there is nothing to list."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from byel_tf.config import TRAINING_OPTIONS

_PATH_FLAGS = frozenset(
    field.name
    for options in TRAINING_OPTIONS
    for field in dataclasses.fields(options)
    if field.metadata["path"]
)
_USES = {
    "train_data": "training",
    "selection_data": "validation",
    "eval_data": "report",
}


def data_table(run: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> str:
    """Data sets with their use, source, images and hash.

    Args:
      run: Content of `run.json`.
      counts: Images a split of each data set, by its hash.
    """
    used = run.get("datasets") or {}
    if not used:
        return "Not recorded."
    rows = [("use", "data set", "source", "images", "SHA-256 of `dataset.json`")]
    for use, dataset in used.items():
        source = dataset.get("source") or {}
        splits = counts.get(dataset.get("sha256"), {})
        images = ", ".join(f"{name} {count:,}" for name, count in splits.items())
        words = [source.get("kind", "?"), source.get("head"), source.get("domain")]
        rows.append(
            (
                _USES.get(use.split()[0], use),
                dataset.get("name", "?"),
                ", ".join(str(word) for word in words if word),
                images or str(source.get("count", "not recorded")),
                f"`{dataset.get('sha256', '?')}`",
            )
        )
    note = (
        "A source of the kind `synthesis` was drawn by this program. Of imported "
        "images, that they are synthetic is the word of who imported them."
    )
    return table(rows) + "\n\n" + note


def score_table(results: Mapping[str, Any]) -> str:
    """Scores of each data set's test split.

    Args:
      results: Content of `results.json`; intervals are shown where it has them.
    """
    datasets = results.get("datasets") or {}
    if not datasets:
        return "Not recorded for this version: run `python -m byel_tf.cli.evaluate`."
    rows = [("data set", "images", "macro F1", "accuracy")]
    units = set()
    for name, scores in datasets.items():
        intervals = scores.get("intervals") or {}
        if intervals:
            units.add(str(intervals.get("unit", "image")))
        rows.append(
            (
                name,
                f"{scores.get('count', 0):,}",
                *(
                    with_interval(scores.get(key), intervals.get(key))
                    for key in ("macro_f1", "accuracy")
                ),
            )
        )
    removed = [
        f"{name} is scored without {', '.join(scores['removed_classes'])}, whose "
        "probability is removed and the rest divided by its sum."
        for name, scores in datasets.items()
        if scores.get("removed_classes")
    ]
    if not units:
        return "\n\n".join([table(rows), *removed])
    drawn = " or ".join(sorted(units))
    note = f"In brackets 95 % intervals, bootstrapped over each {drawn}."
    return "\n\n".join([table(rows), note, *removed])


def class_table(results: Mapping[str, Any]) -> str:
    """F1 and number of images of each class, a column a data set."""
    datasets = results.get("datasets") or {}
    if not datasets:
        return ""
    rows = [("F1 (images)", *datasets)]
    for name in results.get("classes", []):
        cells = []
        for scores in datasets.values():
            found = (scores.get("per_class") or {}).get(name)
            if not found:
                cells.append("not scored")
                continue
            intervals = (scores.get("intervals") or {}).get("per_class_f1") or {}
            f1 = with_interval(found.get("f1"), intervals.get(name), digits=3)
            cells.append(f"{f1} ({found.get('support', 0):,})")
        rows.append((name, *cells))
    return table(rows)


def adaptation_words(adaptation: Mapping[str, Any]) -> str:
    """How the model was made from another, for unlabelled images.

    Args:
      adaptation: The entry in `byel.json`.
    """
    shares = adaptation.get("shares") or {}
    settings = adaptation.get("settings") or {}
    guard = "not recorded"
    if "guard" in adaptation:
        limits = adaptation["guard"] or {}
        guard = ", ".join(f"{k} {v:.3g}" for k, v in limits.items()) or "none"
    rows = {
        "method": adaptation.get("method", "?"),
        "images": f"{adaptation.get('images', 0):,}, unlabelled; the classifier is no "
        "longer of synthetic images only",
        "SHA-256 of the images": f"`{adaptation.get('data_sha256', '?')}`",
        "estimated class shares": ", ".join(f"{k} {v:.3f}" for k, v in shares.items()),
        "strength": f"{adaptation.get('strength', 0):g} (0: the weights are those of "
        "the model that it was made from)",
        "held back because": adaptation.get("reason") or "it was not",
        "images with another label than before": f"{adaptation.get('changed', 0):.1%}",
        "SHA-256 of the weights that it was made from": (
            f"`{adaptation.get('source_sha256', '?')}`"
        ),
        "settings": ", ".join(f"{k} {v}" for k, v in settings.items()),
        "guard": guard,
    }
    return table([("", ""), *rows.items()])


def action_unit_table(results: Mapping[str, Any]) -> str:
    """Correlation and error of each action unit, a column a data set that has them."""
    scored = {
        name: scores["action_units"]
        for name, scores in (results.get("datasets") or {}).items()
        if scores.get("action_units")
    }
    if not scored:
        return ""
    rows = [("action unit: correlation, mean absolute error", *scored)]
    for unit in dict.fromkeys(name for units in scored.values() for name in units):
        cells = []
        for units in scored.values():
            found = units.get(unit) or {}
            numbers = (found.get("correlation"), found.get("mean_absolute_error"))
            words = ("–" if n is None else f"{n:.3f}" for n in numbers)
            cells.append(", ".join(words) if found else "")
        rows.append((unit, *cells))
    note = (
        "Pearson's correlation of the intensities that are read with those that the "
        "faces were drawn with; a unit that no face shows has none."
    )
    return table(rows) + "\n\n" + note


_MODIFIED = re.compile(r" \(modified, sha256 [0-9a-f]+\)")
_WORDS_ON_MODIFIED = (
    " The heads' own data, which the command fetches, was modified for this model: the "
    "section on data names it by its hash."
)


def commands(run: Mapping[str, Any], export: Mapping[str, Any]) -> str:
    """What makes the model again: drawing its faces, then the run's flags.

    Args:
      run: Content of `run.json`.
      export: Content of `byel.json`.
    """
    if not run.get("datasets"):
        return "Not recorded."
    lines, modified = [], ""
    for use, dataset in run["datasets"].items():
        source = dict(dataset.get("source") or {})
        if source.get("kind") == "synthesis" and use == "train_data":
            # What a head's name says of its data is no part of the flag.
            source["head"], changes = _MODIFIED.subn("", str(source.get("head", "")))
            modified = _WORDS_ON_MODIFIED if changes else ""
            names = ("head", "domain", "count", "seed", "size", "pairs")
            given = [n for n in names if source.get(n) not in (None, "", "none")]
            words = [f"--{name}={source[name]}" for name in given]
            words += ["--grey"] if source.get("grey") else []
            shares = source.get("splits")
            if isinstance(shares, Mapping):
                parts = ",".join(f"{split}={share}" for split, share in shares.items())
                words.append(f"--splits={parts}")
            words.append(f"--classes={','.join(export.get('classes', []))}")
            lines.append(f"byel synthesize {' '.join(words)} --output=FACES")
    before = "" if lines else "Its own data set, then: "
    lines.append("byel train --flagfile=flags.cfg --train_data=FACES --model_dir=RUN")
    if export.get("weights") == "float16":
        lines.append(
            "byel export --model=RUN --weights=float16 --data=FACES --output=MODEL"
        )
    release = run.get("byel_tf")
    drawn = f" Faces are those of byel_tf {release}." if release and not before else ""
    text = (
        f"{before}`flags.cfg` holds the flags at the end of this card, where paths are "
        "shortened: take out its lines --eval_data, or give data as they are with you."
        f"{drawn}{modified}"
    )
    return "\n".join(["```bash", *lines, "```", "", text])


def format_table(
    formats: Mapping[str, Any], export: Mapping[str, Any] | None = None
) -> str:
    """The converted files and how they compared.

    Args:
      formats: Content of `formats.json`.
      export: Content of `byel.json`.
    """
    files = formats.get("files") or {}
    rows = [("file", "bytes", "compared with the SavedModel")]
    words = "is the SavedModel"
    parity = (export or {}).get("weights_parity")
    if parity:
        words += (
            "; weights in half precision, probabilities within "
            f"{parity['max_probability_difference']:.1g} of those in float32, which "
            f"the scores above are of, and {parity['labels_that_differ']} of "
            f"{parity['images']:,} labels another"
        )
    rows.append(("`saved_model.pb`, `variables/`", "", words))
    for name, entry in sorted(files.items()):
        parity = entry.get("parity") or {}
        images = f"{parity.get('images', 0):,} images"
        if "macro_f1" in parity:
            words = (
                f"macro F1 {parity['macro_f1']:.4f}, the SavedModel's "
                f"{parity['saved_model_macro_f1']:.4f}, on {images}"
            )
        else:
            difference = parity.get("max_probability_difference", float("nan"))
            words = f"labels equal, probabilities within {difference:.1g}, on {images}"
        rows.append((f"`{name}`", f"{entry.get('bytes', 0):,}", words))
    return table(rows)


def flag_lines(flags: Sequence[str]) -> str:
    """All flags of the run, folded away; of paths the last name, for a card travels."""
    if not flags:
        return "Not recorded."
    lines = ["<details><summary>All flags of the run</summary>", "", "```"]
    lines += map(_without_folders, flags)
    return "\n".join([*lines, "```", "", "</details>"])


def _without_folders(line: str) -> str:
    flag, _, value = line.partition("=")
    if flag.removeprefix("--") not in _PATH_FLAGS or os.sep not in value:
        return line
    name, separator, path = value.rpartition("=")
    if os.sep in name:  # a folder with a = in its name
        name, separator, path = "", "", value
    return f"{flag}={name}{separator}…/{os.path.basename(path.rstrip(os.sep))}"


def with_interval(
    value: float | None, interval: Sequence[float] | None, digits: int = 4
) -> str:
    """A number and, where there is one, its interval in brackets."""
    if value is None:
        return ""
    words = f"{value:.{digits}f}"
    if isinstance(interval, (list, tuple)) and len(interval) == 2:
        words += f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"
    return words


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])
