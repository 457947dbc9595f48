"""`python -m byel_tf.cli.inspect DIR`: what a prepared data set holds, and whether."""

import dataclasses
import pathlib
import sys
import warnings
from collections.abc import Sequence

from byel_tf.cli.summary import describe
from byel_tf.data.contact_sheets import write_contact_sheets
from byel_tf.data.image_files import ImageLimits
from byel_tf.data.prepared_dataset import PreparedDataset, open_folder, read_manifest
from byel_tf.data.verify import verify
from byel_tf.errors import RunError
from byel_tf.flagging import one_line, option, parse
from byel_tf.program import run_program
from byel_tf.progress import progress

#: Folder of the contact sheets within the data set's.
SHEETS_FOLDER = "sheets"

_SHOWN_PROBLEMS = 50


@dataclasses.dataclass(frozen=True)
class InspectOptions:
    """Print what a prepared data set holds and draw a contact sheet of each class.

    With --verify: check every byte of it instead.
    """

    data: str = option(
        dataclasses.MISSING, "Folder of the prepared data set.", path="local"
    )
    verify: bool = option(
        False,
        "Check every hash, count and record, decoding each image, and do nothing else; "
        "exit code 1 if anything is not as it was written.",
    )
    sheets: bool = option(True, "Draw contact sheets; --nosheets only prints.")
    sheet_images: int = option(
        64, "Images on a sheet, evenly spaced among the class's.", lower=1, upper=10_000
    )
    sheet_columns: int = option(8, "Images in a row.", lower=1, upper=100)
    max_pixels: int = option(
        0,
        "Pictures of more pixels are not decoded, but an error; 0: "
        f"{ImageLimits.max_pixels}, or as many as the set was prepared with, up to "
        "268435456.",
        lower=0,
    )
    output: str | None = option(
        None,
        f"Folder of the contact sheets; without it, DATA/{SHEETS_FOLDER}.",
        path="local",
    )


def main(argv: Sequence[str]) -> None:
    """Parses the command line and inspects."""
    (options,) = parse(argv, InspectOptions, positional="data")
    path = pathlib.Path(options.data)
    # What Pillow warns of is harmless, or it raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if options.verify:
        _verify(path, options.max_pixels)
        return
    name = path.resolve().name
    dataset = open_folder(name, path)
    print(describe(dataset), flush=True)
    if options.sheets:
        _draw(dataset, pathlib.Path(options.output or path / SHEETS_FOLDER), options)


def _verify(path: pathlib.Path, max_pixels: int) -> None:
    """Prints what is wrong, or that nothing is.

    Raises:
      RunError: If anything is.
    """
    manifest, _ = read_manifest(path)
    records = sum(split.count for split in manifest.splits.values())
    shards = sum(len(split.shards) for split in manifest.splits.values())
    count = 0
    with progress(records, "record", "verify") as bar:
        for problem in verify(path, bar.update, max_pixels):
            count += 1
            if count <= _SHOWN_PROBLEMS:
                bar.write(one_line(str(problem)))
    if count > _SHOWN_PROBLEMS:
        print(f"and {count - _SHOWN_PROBLEMS} other problems")
    if count:
        sys.stdout.flush()
        problems = "1 problem" if count == 1 else f"{count} problems"
        raise RunError(
            f"{path} is not as it was written, {problems}: copy or prepare it again"
        )
    print(
        f"OK: {records} records in {shards} shards, every hash, count and record as "
        "written"
    )


def _draw(
    dataset: PreparedDataset, folder: pathlib.Path, options: InspectOptions
) -> None:
    """Writes the contact sheets and says where they are."""
    manifest = dataset.manifest
    records = sum(split.count for split in manifest.splits.values())
    with progress(records, "record", "look for images") as bar:
        written = write_contact_sheets(
            dataset,
            folder,
            options.sheet_images,
            options.sheet_columns,
            bar.update,
            options.max_pixels,
        )
    print(f"contact sheets: {len(written)} in {folder}")
    for label, name in enumerate(manifest.classes):
        if label not in written:
            print(one_line(f"  no sheet of {name}: it has no images"))


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
