"""`python -m byel_tf.cli.export`: an exported model in other formats."""

import contextlib
import dataclasses
import pathlib
import shutil
import sys
import typing
from collections.abc import Iterator, Sequence

from byel_tf.data.prepared_dataset import PreparedDataset, open_dataset
from byel_tf.errors import RunError, UsageError
from byel_tf.files import new_directory, require_new_directory
from byel_tf.flagging import option, parse
from byel_tf.pretrained import NAMES, is_pretrained
from byel_tf.program import run_program

if typing.TYPE_CHECKING:
    from byel_tf.serving.load import ExportedModel


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Convert an exported model; each format is compared with the SavedModel first.

    A format that differs is not written, and the program ends with exit code 1.
    Without a format only the model card is written.
    """

    model: str = option(
        dataclasses.MISSING,
        "Exported model, as RUN/export/1; RUN: its newest version; or the name of one "
        f"that comes with the package, {' or '.join(NAMES)}.",
        path="local",
    )
    weights: str = option(
        "float32",
        "float16: keep the weights in half precision, in files of half the size, from "
        "which it computes in float32 as before. Takes --data and --output.",
        choices=("float32", "float16"),
    )
    data: tuple[str, ...] = option(
        (),
        "Prepared data set, as [NAME=]FOLDER, whose test split the formats are "
        "compared on; the first one with a train split gives --int8 its representative "
        "images.",
        path="named",
    )
    onnx: bool = option(False, "Make model.onnx.")
    litert: bool = option(False, "Make model.tflite, in float32.")
    int8: bool = option(False, "Make model_int8.tflite.")
    static_batch: bool = option(
        False,
        "LiteRT files take one image at a time, as delegates for a phone's processors "
        "need it; without it any number.",
    )
    note: tuple[str, ...] = option(
        (),
        "Paragraph for the model card's section on licences, such as where data come "
        "from; the card within a run has those of the last command alone.",
    )
    output: str | None = option(
        None,
        "Folder to make, of the SavedModel and the formats; without it the formats go "
        "into the exported model's folder.",
        path="local",
    )


OPTIONS = (ExportOptions,)


def main(argv: Sequence[str]) -> None:
    """Parses the command line and exports."""
    (options,) = parse(argv, *OPTIONS)
    if options.static_batch and not (options.litert or options.int8):
        raise UsageError(
            "--static_batch has no meaning without --litert or --int8: ONNX files take "
            "any number of images"
        )
    has_format = options.onnx or options.litert or options.int8
    is_halved = options.weights == "float16"
    if is_halved and not options.output:
        raise UsageError(
            "--weights=float16 makes a copy of the exported model: give --output"
        )
    if (has_format or is_halved) and not options.data:
        raise UsageError(
            "--data is missing: formats are compared on the test split of a prepared "
            "data set, give one as [NAME=]FOLDER"
        )
    datasets = [open_dataset(text) for text in options.data]
    if len({dataset.name for dataset in datasets}) < len(datasets):
        raise UsageError("two --data have one name: name them apart as NAME=FOLDER")
    if options.output:
        require_new_directory(options.output)
    calibration = _with_train_split(datasets) if options.int8 else None
    import byel_tf.compat  # noqa: F401  (TensorFlow without its remarks at import)
    from byel_tf.serving.load import find_export, load_export
    from byel_tf.serving.model_card import write_model_card_from_files

    _require_packages(options)
    export = find_export(options.model)
    if options.output and _is_within(options.output, export):
        raise UsageError(
            f"--output={options.output} lies in the exported model {export}, which is "
            "copied there: choose another folder"
        )
    if is_pretrained(export) and not options.output:
        raise UsageError(
            f"--model={options.model} is part of the package, where nothing is "
            "written: give --output"
        )
    model = load_export(export)
    with _folder(export, options.output, is_halved) as folder:
        if is_halved:
            model = _halve(export, model, datasets, folder)
        if has_format:
            _add_formats(options, model, datasets, calibration, folder)
        write_model_card_from_files(folder, export, options.note)
    print(f"written to {options.output or export}", flush=True)


def _require_packages(options: ExportOptions) -> None:
    """Complains before anything is computed.

    Raises:
      UsageError: If a package is missing.
    """
    from byel_tf.serving.litert import require_litert
    from byel_tf.serving.onnx import require_onnx

    if options.onnx:
        require_onnx()
    if options.litert or options.int8:
        require_litert()


def _halve(
    export: pathlib.Path,
    model: "ExportedModel",
    datasets: Sequence[PreparedDataset],
    folder: pathlib.Path,
) -> "ExportedModel":
    """Writes the model with weights in half precision, and loads that.

    Raises:
      RunError: If it differs from the model, or there are no images to compare on.
      UsageError: If the model is such a one already.
    """
    from byel_tf.serving.check_images import MAX_CHECK_IMAGES, read_files
    from byel_tf.serving.half_precision import WEIGHTS, write_in_half_precision
    from byel_tf.serving.load import load_export
    from byel_tf.serving.networks import UNREADABLE, read_network

    if model.metadata.get(WEIGHTS, "float32") != "float32":
        raise UsageError(
            f"--weights=float16: the model has {model.metadata[WEIGHTS]} weights "
            "already"
        )
    images = read_files(datasets, MAX_CHECK_IMAGES)
    if not images:
        raise RunError(
            "--weights=float16 compares on test splits, and no --data has one: prepare "
            "it with --splits"
        )
    weights = []
    with contextlib.suppress(*UNREADABLE):  # a network of another making serves as well
        network, _ = read_network(export, model.metadata)
        weights = network.get_weights()
    parity = write_in_half_precision(folder, model, images, weights)
    print(
        f"weights in half precision: probabilities within "
        f"{parity['max_probability_difference']:.1g} of the SavedModel's, "
        f"{parity['labels_that_differ']} of {parity['images']} labels differ"
    )
    return load_export(folder)


def _add_formats(
    options: ExportOptions,
    model: "ExportedModel",
    datasets: Sequence[PreparedDataset],
    calibration: PreparedDataset | None,
    folder: pathlib.Path,
) -> None:
    """Converts, compares, and writes all formats that were asked for or none.

    Raises:
      RunError: If one differs from the SavedModel, or data cannot be used.
    """
    from byel_tf.serving import check_images, formats, litert, onnx
    from byel_tf.serving.decoded import decoded_classifier

    classifier = decoded_classifier(model)
    images = check_images.read_check_images(model, datasets)
    print(f"compared on {len(images.names)} images:", flush=True)
    files = {}
    if options.onnx:
        files[onnx.FILE_NAME] = formats.convert_to_onnx(classifier, images)
    for_litert = decoded_classifier(model, 1) if options.static_batch else classifier
    if options.litert:
        files[litert.FILE_NAME] = formats.convert_to_litert(for_litert, images)
    if calibration:
        representative = check_images.read_representative_images(
            calibration, classifier.image_size
        )
        in_float = files.get(litert.FILE_NAME)
        files[litert.INT8_FILE_NAME] = formats.convert_to_int8(
            for_litert,
            in_float.content if in_float else litert.to_litert(for_litert),
            images,
            representative,
            calibration.name,
        )
    hashes = {dataset.name: dataset.manifest_sha256 for dataset in datasets}
    formats.write_formats(folder, classifier, files, hashes)
    for name, file in files.items():
        print(f"  {name}: {len(file.content):,} bytes, {_words(file.facts['parity'])}")


def _with_train_split(datasets: Sequence[PreparedDataset]) -> PreparedDataset:
    """The data set that the representative images are from.

    Raises:
      UsageError: If none has a train split.
    """
    for dataset in datasets:
        if "train" in dataset.manifest.splits:
            return dataset
    raise UsageError(
        "--int8 needs a --data with a train split, such as the one trained on, to take "
        "its representative images from"
    )


def _is_within(path: str, folder: pathlib.Path) -> bool:
    return folder.resolve() in pathlib.Path(path).resolve().parents


@contextlib.contextmanager
def _folder(
    export: pathlib.Path, output: str | None, is_new: bool
) -> Iterator[pathlib.Path]:
    """Where to write: the export's own folder, or one that appears at the end.

    That is a copy of the export, unless it is to be a new one.
    """
    if output is None:
        yield export
        return
    with new_directory(output) as folder:
        if not is_new:
            shutil.copytree(export, folder, dirs_exist_ok=True)
        yield folder


def _words(parity: dict[str, float | int]) -> str:
    """A format's check in words."""
    if "macro_f1" in parity:
        return (
            f"macro F1 {parity['macro_f1']:.4f} on {parity['images']} images, the "
            f"SavedModel's is {parity['saved_model_macro_f1']:.4f}"
        )
    return (
        f"probabilities within {parity['max_probability_difference']:.1g} of the "
        f"SavedModel's, all labels equal on {parity['images']} images"
    )


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
