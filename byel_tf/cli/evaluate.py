"""`python -m byel_tf.cli.evaluate`: an exported model on prepared data sets."""

import dataclasses
import os
import pathlib
import shlex
import sys
import typing
from collections.abc import Sequence
from typing import Any

from byel_tf.adaptation.settings import METHODS
from byel_tf.cli.adaptation_flags import GuardFlags, MethodFlags
from byel_tf.data.crops import read_cropping
from byel_tf.data.labels import parse_classes
from byel_tf.data.manifest import SPLITS
from byel_tf.data.oddities import warn_of
from byel_tf.data.prepared_dataset import (
    PreparedDataset,
    open_dataset,
    require_classes,
    split_name,
)
from byel_tf.errors import UsageError
from byel_tf.files import new_directory, require_new_directory, write_atomically
from byel_tf.flagging import one_line, option, parse
from byel_tf.pretrained import NAMES
from byel_tf.program import run_program

if typing.TYPE_CHECKING:
    from byel_tf.adaptation.export import SourceModel


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Score an exported model on prepared data sets."""

    model: str = option(
        dataclasses.MISSING,
        "Exported model as [NAME=]FOLDER: a run, whose newest export is meant, or a "
        "version folder such as RUN/export/1; or the name of one that comes with the "
        f"package, {' or '.join(NAMES)}.",
        path="named",
    )
    output: str = option(dataclasses.MISSING, "Folder to make.", path="local")
    data: tuple[str, ...] = option(
        (), "Prepared data set to score, as [NAME=]FOLDER.", path="named"
    )
    classes: str | None = option(
        None,
        "The only classes that count, as a,b,c: the model's probabilities of the "
        "others are removed and the rest divided by their sum, and images of the "
        "others are left out. Without it those of the data set, which may be fewer "
        "than the model's.",
    )
    split: str = option("test", "Split that is scored.", choices=SPLITS)
    compare: tuple[str, ...] = option(
        (),
        "Another exported model, as [NAME=]FOLDER, on the same images: difference of "
        "macro F1 and McNemar's test.",
        path="named",
    )
    probe_data: str | None = option(
        None,
        "Prepared synthetic data set, as [NAME=]FOLDER: its train split teaches a "
        "linear probe and k-NN on frozen representations, its validation split fits a "
        "temperature, and from its test split the domain gap is measured.",
        path="named",
    )
    probe_images: int = option(
        20_000,
        "Images of a split, at most, that probes, temperature and domain gap learn "
        "from, drawn at random.",
        lower=2,
    )
    adapt: tuple[str, ...] = option(
        (),
        "A method of adaptation that is tried on the data sets, of just the model's "
        "classes, beside no adaptation: " + ", ".join(METHODS) + ", or all.",
    )
    adapt_with: str = option(
        "",
        "Flags of byel adapt for --adapt, of its methods and its guard, in quotes: "
        "'--depth=1 --noguard'.",
    )
    adapt_images: int = option(
        2000, "Most images of a data set for --adapt, drawn at random.", lower=2
    )
    resamples: int = option(
        2000, "Bootstrap resamples of the 95 % intervals.", lower=100, upper=1_000_000
    )
    examples: int = option(
        9,
        "Thumbnails in the report, at most: so many of the surest errors, and of the "
        "most uncertain images, of each data set; 0: none.",
        lower=0,
        upper=1000,
    )
    batch_size: int = option(256, "Images at a time.", lower=1, upper=65536)
    seed: int = option(1, "Decides what is drawn.", lower=0, upper=2**31 - 1)


OPTIONS = (EvaluateOptions,)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and evaluates."""
    (options,) = parse(argv, *OPTIONS)
    models = _name_models((options.model, *options.compare))
    _require_distinct(options.data)
    methods = _adaptation_methods(options.adapt)
    adaptation_flags = _adaptation_flags(options)
    require_new_directory(options.output)
    classes = parse_classes(options.classes) if options.classes is not None else ()
    datasets = [open_dataset(text) for text in options.data]
    probe_data = open_dataset(options.probe_data) if options.probe_data else None

    # Here, so that wrong flags and data are answered before TensorFlow is loaded.
    import byel_tf.compat  # noqa: F401  (TensorFlow without its remarks at import)
    from byel_tf.evaluation.evaluation import evaluate_dataset, require_usable
    from byel_tf.evaluation.probe_set import learn_probe_set
    from byel_tf.evaluation.report.build import build_report
    from byel_tf.evaluation.report.files import evaluation_files, results_content
    from byel_tf.evaluation.report.markdown import number
    from byel_tf.evaluation.report.origin import find_origin
    from byel_tf.evaluation.report.screen import screen_table
    from byel_tf.evaluation.settings import Settings
    from byel_tf.serving.load import find_export, load_export

    models = {name: find_export(path) for name, path in models.items()}
    loaded = {name: load_export(path) for name, path in models.items()}
    require_usable(loaded, datasets, probe_data, options.split, classes)
    learned = read_cropping(next(iter(loaded.values())).metadata)
    for dataset in datasets:
        warn_of(dataset, learned)
    settings = Settings(
        options.split,
        options.batch_size,
        options.probe_images,
        options.resamples,
        options.seed,
        classes,
    )
    name, model = next(iter(loaded.items()))
    origin = find_origin(models[name])
    # Now, for what cannot be adapted is to be known before anything is computed.
    batch_size = adaptation_flags[0].batch_size
    adapted = _read_source(models[name], batch_size) if methods else None
    if adapted:
        for dataset in datasets:
            require_classes(dataset, model.classes)
    probe_set = learn_probe_set(model, probe_data, settings) if probe_data else None
    evaluations = {
        dataset.name: evaluate_dataset(loaded, dataset, probe_set, settings)
        for dataset in datasets
    }
    facts = {"model": name, "split": options.split}
    content = {
        # None for an export that is older than this entry.
        "selection": model.metadata.get("selection"),
        "split": options.split,
        "model": {"name": name, "path": str(models[name]), "sha256": origin.sha256},
        "compared": {other: str(models[other]) for other in list(models)[1:]},
        "data_sha256": {d.name: d.manifest_sha256 for d in datasets},
        "seed": options.seed,
    }
    if probe_set:
        content["probe_data"] = probe_set.to_json()
        temperature = number(probe_set.temperature, 3) or "none"
        facts["synthetic data"] = (
            f"{probe_data.name}; temperature fitted there: {temperature}"
        )
    report = build_report(
        f"Evaluation of {name}",
        evaluations,
        model.classes,
        origin,
        facts,
        probe_set,
        options.examples,
        options.seed,
    )
    table = ""
    if adapted:
        content["adaptation"], table = _adapt(
            options, adapted, datasets, methods, adaptation_flags
        )
    results = results_content(evaluations, model.classes, content)
    files = evaluation_files(report, evaluations, model.classes, results)
    with new_directory(options.output) as folder:
        for file_name, file_content in files:
            write_atomically(folder / file_name, file_content)
    lines = [*screen_table(evaluations).splitlines(), *table.splitlines()]
    print("\n".join(map(one_line, lines)))
    print(one_line(f"report: {os.path.join(options.output, 'report.html')}"))


def _adaptation_methods(names: Sequence[str]) -> tuple[str, ...]:
    """The methods that `--adapt` names, each once.

    Raises:
      UsageError: If there is no such method.
    """
    for name in names:
        if name not in (*METHODS, "all"):
            raise UsageError(
                f"--adapt={name}: expected one of {', '.join(METHODS)}, all"
            )
    return METHODS if "all" in names else tuple(dict.fromkeys(names))


def _adaptation_flags(options: EvaluateOptions) -> tuple[MethodFlags, GuardFlags]:
    """What `--adapt_with` says.

    Raises:
      UsageError: If it is not of such flags.
    """
    try:
        words = shlex.split(options.adapt_with)
    except ValueError as error:
        raise UsageError(f"--adapt_with={options.adapt_with}: {error}") from error
    if words and not options.adapt:
        raise UsageError("--adapt_with has no meaning without --adapt")
    try:
        method_flags, guard_flags = parse(["", *words], MethodFlags, GuardFlags)
    except UsageError as error:
        raise UsageError(f"--adapt_with: {error}") from error
    if method_flags.seed != MethodFlags.seed:
        raise UsageError("--adapt_with: --seed is given to evaluate itself")
    return method_flags, guard_flags


def _read_source(export: pathlib.Path, batch_size: int) -> "SourceModel":
    from byel_tf.adaptation.export import read_source_model

    return read_source_model(export, batch_size)


def _adapt(
    options: EvaluateOptions,
    model: "SourceModel",
    datasets: Sequence[PreparedDataset],
    methods: Sequence[str],
    flags: tuple[MethodFlags, GuardFlags],
) -> tuple[dict[str, Any], str]:
    """Tries methods of adaptation; the entry in `results.json`, and a table."""
    from byel_tf.adaptation.comparison import (
        compare_methods,
        comparison_json,
        comparison_table,
    )

    method_flags, guard_flags = flags
    settings = dataclasses.replace(method_flags.settings(), seed=options.seed)
    guard = guard_flags.used()
    found = compare_methods(
        model, datasets, options.split, methods, settings, guard, options.adapt_images
    )
    return comparison_json(found, settings, guard), comparison_table(found)


def _name_models(texts: Sequence[str]) -> dict[str, str]:
    """Folders by name; without a name the folder is one.

    Raises:
      UsageError: If two have the same name.
    """
    models = {}
    for text in texts:
        name, separator, path = text.partition("=")
        if not (separator and name and path) or os.sep in name:
            name = path = text
        if name in models:
            raise UsageError(
                f"two models are named '{name}': name one of them as NAME={path}"
            )
        models[name] = path
    return models


def _require_distinct(texts: Sequence[str]) -> None:
    """Refuses no data set, and two of one name.

    Raises:
      UsageError: With the way out.
    """
    if not texts:
        raise UsageError("--data is missing: give a prepared data set as [NAME=]FOLDER")
    seen = set()
    for text in texts:
        name, path = split_name(text)
        if name in seen:
            raise UsageError(
                f"two data sets are named '{name}': name one of them as "
                f"--data=NAME={path}"
            )
        seen.add(name)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
