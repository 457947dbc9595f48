"""The report: `report.md`, the same as one `report.html`, and its pictures."""

import dataclasses
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from byel_tf.evaluation.calibration import Reliability, reliability, temper
from byel_tf.evaluation.evaluation import Evaluation
from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.probe_set import ProbeSet
from byel_tf.evaluation.report import curves, examples, figures
from byel_tf.evaluation.report.details import detail_lines
from byel_tf.evaluation.report.html import to_html
from byel_tf.evaluation.report.markdown import code, literal, table
from byel_tf.evaluation.report.origin import Origin
from byel_tf.evaluation.report.representation_map import (
    data_set_map_png,
    map_png,
    map_representations,
)
from byel_tf.evaluation.report.tables import (
    calibration_table,
    class_table,
    score_table,
)

#: Thumbnails of sure mistakes, and of doubtful images, of each data set.
DEFAULT_EXAMPLES = 9


@dataclasses.dataclass
class Report:
    """A report in the making.

    Attributes:
      title: Its first heading.
      lines: Markdown.
      pictures: Files by their path beside the report.
    """

    title: str
    lines: list[str] = dataclasses.field(default_factory=list)
    pictures: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def add(self, *lines: str) -> None:
        """Adds lines, an empty one before them; nothing for no lines."""
        if lines:
            self.lines += ["", *lines]

    def show(
        self, path: str, text: str, content: bytes, caption: Sequence[str] = ()
    ) -> str:
        """Keeps a picture; returns the Markdown that shows it.

        Args:
          path: Where it goes, beside the report.
          text: What stands for it where it cannot be seen.
          content: The file.
          caption: Lines that stand below it, on the page.
        """
        self.pictures[path] = content
        lines = [literal(line).replace('"', r"\"") for line in caption]
        # A line of its own may begin a list or another block, as "1. Face.jpg" does.
        title = ' "{}"'.format("&#10;".join(lines)) if lines else ""
        return f"![{literal(text)}]({urllib.parse.quote(path)}{title})"

    def files(self) -> dict[str, str | bytes]:
        """All files by name."""
        markdown = "\n".join([f"# {literal(self.title)}", *self.lines]) + "\n"
        page = to_html(markdown, self.pictures, self.title)
        return {"report.md": markdown, "report.html": page, **self.pictures}


def build_report(
    title: str,
    evaluations: Mapping[str, Evaluation],
    classes: Sequence[str],
    origin: Origin,
    facts: Mapping[str, str],
    probe_set: ProbeSet | None = None,
    shown_examples: int = DEFAULT_EXAMPLES,
    seed: int = 1,
) -> Report:
    """Says all that is known of a model on some data sets.

    Args:
      title: The first heading.
      evaluations: By data set.
      classes: Names of the classes.
      origin: Where the model comes from.
      facts: What else to state: name and value.
      probe_set: What was learned from a synthetic data set, or None.
      shown_examples: Thumbnails of a kind and data set, at most; 0 for none.
      seed: Decides which images are on the map.

    Raises:
      RunError: If a file of a data set is damaged.
    """
    report = Report(title)
    report.add(*score_table({n: e.assessment for n, e in evaluations.items()}))
    report.add(*_numbers_key(figures.numbered_names(classes)))
    for name, evaluation in evaluations.items():
        _add_data_set(report, name, evaluation, classes, shown_examples)
    _add_map(report, _mapped(evaluations, probe_set), classes, seed)
    _add_training(report, origin, classes)
    _add_origin(report, evaluations, origin, facts)
    return report


def _add_data_set(
    report: Report,
    name: str,
    evaluation: Evaluation,
    classes: Sequence[str],
    shown_examples: int,
) -> None:
    """Charts, classes, calibration, details and examples of one data set."""
    result, scored = evaluation.assessment, evaluation.classes
    charts = {
        "confusion_matrix": figures.confusion_matrix_png(
            np.array(result.scores.confusion_matrix), scored, name
        ),
        "class_f1": figures.class_f1_png(result.scores, result.intervals, scored),
        "reliability": figures.reliability_png(_reliability_curves(evaluation)),
    }
    report.add(f"## {literal(name)}")
    report.add(f"{result.scores.count} labelled images of the {evaluation.split} split")
    if evaluation.note:
        report.add(literal(f"{evaluation.note[0].upper()}{evaluation.note[1:]}."))
    report.add(
        *(
            report.show(
                f"figures/{name}/{kind}.png", f"{kind.replace('_', ' ')} of {name}", png
            )
            for kind, png in charts.items()
        )
    )
    report.add(*class_table(result, scored))
    report.add(*calibration_table(result))
    report.lines += detail_lines(evaluation)
    for kind, heading, choose in (
        ("error", "Most confident errors", examples.confident_errors),
        ("uncertain", "Most uncertain images", examples.most_uncertain),
    ):
        chosen = choose(evaluation.predictions, classes, shown_examples)
        _add_examples(report, f"{name}/{kind}", heading, evaluation, chosen)


def _add_examples(
    report: Report,
    folder: str,
    heading: str,
    evaluation: Evaluation,
    chosen: Sequence[examples.Example],
) -> None:
    if not chosen:
        return
    files = examples.thumbnails(evaluation.dataset, evaluation.split, chosen)
    report.add(f"### {heading}", "", "Label → prediction and its probability, file.")
    report.add(
        *(
            report.show(
                f"figures/{folder}-{rank:02d}.jpg",
                example.caption,
                content,
                (example.caption, example.filename),
            )
            for rank, (example, content) in enumerate(
                zip(chosen, files, strict=True), start=1
            )
        )
    )


def _reliability_curves(evaluation: Evaluation) -> dict[str, Reliability]:
    """Of each temperature once, in words with its name."""
    labelled = evaluation.scored_predictions
    if not len(labelled.labels):
        return {}
    shown = {}
    seen = set()
    for kind, at in evaluation.assessment.calibration.items():
        if at.temperature in seen:
            continue
        seen.add(at.temperature)
        probabilities = labelled.probabilities
        if kind != "exported":
            probabilities = temper(labelled.logits, at.temperature)
        words = kind
        if at.temperature is not None:
            words += f", temperature {at.temperature:.3g}"
        shown[words] = reliability(labelled.labels, probabilities)
    return shown


def _mapped(
    evaluations: Mapping[str, Evaluation], probe_set: ProbeSet | None
) -> dict[str, Predictions]:
    """What is on the map: every split once, the synthetic one first."""
    mapped = {name: e.predictions for name, e in evaluations.items()}
    if probe_set is None:
        return mapped
    synthetic, split = probe_set.dataset, probe_set.gap_split
    if any(e.is_of(synthetic, split) for e in evaluations.values()):
        return mapped
    return {f"{synthetic.name} ({split})": probe_set.gap_predictions, **mapped}


def _add_map(
    report: Report,
    predictions: Mapping[str, Predictions],
    classes: Sequence[str],
    seed: int,
) -> None:
    places = map_representations(predictions, seed)
    if not places:
        return
    counts = [f"{literal(name)} {len(p.labels)}" for name, p in places.items()]
    report.add("## Representations")
    text = (
        f"t-SNE of the frozen representations ({', '.join(counts)} images): what lies "
        "together was alike; distances between groups and their sizes say nothing. The "
        "colour is the label."
    )
    pictures = [report.show("figures/map/all.png", "map", map_png(places, classes))]
    if len(places) > 1:
        text += " After the picture of all, each data set with the others in grey."
        for number, name in enumerate(places, start=1):
            picture = data_set_map_png(places, name, classes)
            path = f"figures/map/{number}.png"
            pictures.append(report.show(path, f"map of {name}", picture))
    report.add(text)
    report.add(*_numbers_key(figures.numbered_names(places, "data set")))
    report.add(*pictures)


def _numbers_key(names: Mapping[str, str]) -> list[str]:
    """What names stand as numbers in the pictures, if any do."""
    if not names:
        return []
    pairs = ", ".join(f"{shown}: {literal(name)}" for shown, name in names.items())
    return [f"No font of this computer has these names, in pictures they are: {pairs}."]


def _add_training(report: Report, origin: Origin, classes: Sequence[str]) -> None:
    """The training's curves and the emotion vectors, as far as they are known."""
    pictures, notes = [], []
    for stage, words in curves.STAGES.items():
        if origin.history is None:
            break
        found = curves.read_curves(origin.history, stage)
        for group, what in (("losses", "losses"), ("macro_f1", "macro F1")):
            title = f"{words}, {what}"
            picture = curves.curves_png(found, group, title)
            if picture:
                path = f"figures/training/{stage}-{group}.png"
                pictures.append(report.show(path, title, picture))
                names = curves.curve_names(found, group)
                numbered = figures.numbered_names(names, "curve")
                notes += [f"{title}: {line}" for line in _numbers_key(numbered)]
    if pictures:
        notes.append(
            "Macro F1 of `train` is of the augmented views learned from, of "
            "`validation` of held-out images as they are; nothing is selected on test "
            "splits."
        )
    elif origin.run:
        notes.append("No curves: the run's folder has none recorded (`history.jsonl`).")
    if origin.emotion_vector_cosines is not None:
        path = "figures/training/emotion_vectors.png"
        picture = figures.similarity_png(origin.emotion_vector_cosines, classes)
        pictures.append(report.show(path, "cosines of the emotion vectors", picture))
        notes.append("Emotion vectors are drawn towards cosines of 0.")
    if notes:
        report.add("## Training")
        report.add(" ".join(notes))
        report.add(*pictures)


def _add_origin(
    report: Report,
    evaluations: Mapping[str, Evaluation],
    origin: Origin,
    facts: Mapping[str, str],
) -> None:
    """Flags, versions and hashes that the report rests on."""
    report.add("## What made it")
    report.add(*(f"- {literal(n)}: {literal(v)}" for n, v in _facts(origin, facts)))
    rows = [("model", str(origin.export), origin.sha256)]
    for use, dataset in (origin.run.get("datasets") or {}).items():
        if not use.startswith("eval_data"):
            name, sha256 = (dataset.get(key, "?") for key in ("name", "sha256"))
            rows.append((use, name, sha256))
    for name, scored in evaluations.items():
        sha256 = scored.dataset.manifest_sha256
        rows.append((f"scored, {scored.split} split", name, sha256))
    rows = [(literal(use), literal(name), f"`{sha256}`") for use, name, sha256 in rows]
    report.add(*table(("use", "name", "SHA-256"), rows, text_columns=3))
    report.add(
        "A data set's hash is that of its `dataset.json`, which holds those of its "
        "files."
    )
    if origin.flags:
        report.add("The flags of the training run:")
        report.add(*code("\n".join(origin.flags)))


def _facts(origin: Origin, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from facts.items()
    run = origin.run
    versions = {"byel_tf": run.get("byel_tf"), **(run.get("packages") or {})}
    made = [f"{name} {version}" for name, version in versions.items() if version]
    if made:
        made.append(f"Python {run.get('python', 'unknown')}")
        yield "trained with", ", ".join(made)
    if run.get("git_commit"):
        yield "commit", run["git_commit"]
