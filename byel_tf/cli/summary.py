"""What a prepared data set holds, as text."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from byel_tf.data.labels import ALIASES, known_class, label_index
from byel_tf.data.manifest import FILE_NAME, SPLITS, Manifest
from byel_tf.data.preparation.dry_run import Preview
from byel_tf.data.prepared_dataset import PreparedDataset
from byel_tf.data.sources.item import Item
from byel_tf.data.sources.outside import OUTSIDE_FILE_NAME
from byel_tf.data.writer import (
    NO_FACE_FILE_NAME,
    REJECTED_FILE_NAME,
)
from byel_tf.flagging import one_line

_SHOWN_REASONS = 8
_SHOWN_SIZES = 5
_LONGEST = 2000
_UNKNOWN_CLASS = re.compile(r"unknown class '(.+)'")


def summarize(manifest: Manifest, output: str) -> str:
    """What was written: a row for each split, and what stands out."""
    rows = _per_split(
        manifest.classes,
        {name: split.per_class for name, split in manifest.splits.items()},
        {name: split.unlabelled for name, split in manifest.splits.items()},
    )
    lines = [f"{output}:", *_table(rows), *_rejected(manifest), *_no_face(manifest)]
    lines += _outside(manifest)
    if manifest.duplicates["images"]:
        lines.append(_duplicates(manifest))
    if manifest.grey:
        lines.append(_grey(manifest))
    return _text([*lines, *_without_images(manifest)])


def show_preview(preview: Preview, classes: Sequence[str], shares: str | None) -> str:
    """What would be prepared.

    Args:
      preview: What was found.
      classes: Class names in label order.
      shares: By which shares images would be dealt; None where splits are given.
    """
    splits = {s: preview.splits[s] for s in ("", *SPLITS) if s in preview.splits}
    named = {split or f"dealt by {shares}": n for split, n in splits.items()}
    unlabelled = {
        split: preview.unlabelled[s] for split, s in zip(named, splits, strict=True)
    }
    count = sum(preview.reasons.values())
    lines = [
        "dry run: the source is listed whole, nothing is written",
        *_table(_per_split(classes, named, unlabelled)),
        f"would be rejected by what the source says: {count or 'none'}",
        *_reasons(preview.reasons, classes),
        f"of {preview.looked_at} images opened, would be rejected: "
        f"{sum(preview.unusable.values()) or 'none'}",
        *_reasons(preview.unusable, classes),
        *([preview.outside] if preview.outside else []),
        "the first images, as understood:",
        *(f"  {_understood(item, classes, shares)}" for item in preview.first),
        *_lacking(classes, named, preview.reasons),
    ]
    return _text(lines)


def _understood(item: Item, classes: Sequence[str], shares: str | None) -> str:
    parts = [f"class {classes[item.label]}" if item.label >= 0 else "unlabelled"]
    if shares is None:
        parts.append(f"split {item.split}")
    if item.subject is not None:
        parts.append(f"subject {item.subject}")
    if item.box is not None:
        parts.append(f"box {', '.join(f'{value:g}' for value in item.box)}")
    return f"{item.name}: {', '.join(parts)}"


def _per_split(
    classes: Sequence[str],
    splits: Mapping[str, Mapping[str, int]],
    unlabelled: Mapping[str, int],
) -> list[list[str]]:
    """A row for each split, a column for each class."""
    has_unlabelled = any(unlabelled.values())
    rows = [["", *classes, *["unlabelled"] * has_unlabelled, "total"]]
    for name, per_class in splits.items():
        counts = [per_class[class_name] for class_name in classes]
        counts += [unlabelled[name]] * has_unlabelled
        rows.append([name, *map(str, counts), str(sum(counts))])
    return rows


def describe(dataset: PreparedDataset) -> str:
    """All that the manifest says: a row for each class, then the rest line by line."""
    manifest = dataset.manifest
    splits = manifest.splits
    rows = [["", *splits, "total"]]

    def add(name: str, counts: Sequence[int]) -> None:
        rows.append([name, *map(str, counts), str(sum(counts))])

    for name in manifest.classes:
        add(name, [split.per_class[name] for split in splits.values()])
    if any(split.unlabelled for split in splits.values()):
        add("unlabelled", [split.unlabelled for split in splits.values()])
    add("total", [split.count for split in splits.values()])
    shards = [shard for split in splits.values() for shard in split.shards]
    size = _human(sum(shard.bytes for shard in shards))
    source = ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in manifest.source.items()
    )
    lines = [
        f"{dataset.path}:",
        *_table(rows),
        *_sizes(manifest),
        _grey(manifest),
        _duplicates(manifest),
        *_no_face(manifest),
        *_outside(manifest),
        *(_rejected(manifest) or ["rejected: none"]),
        *_without_images(manifest),
        f"shards: {len(shards)}, {size}",
        f"source: {source}",
    ]
    if manifest.action_units:
        lines.append(f"action units: {', '.join(manifest.action_units)}")
    if "pairs" in manifest.source:
        lines.append(f"second picture of each face: {manifest.source['pairs']}")
    lines.append(f"SHA-256 of {FILE_NAME}: {dataset.manifest_sha256}")
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    """Names and reasons may hold line breaks and, of a stranger's set, be endless."""
    shown = (f"{s[:_LONGEST]}…" if len(s) > _LONGEST else s for s in lines)
    return "\n".join(map(one_line, shown))


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """First column to the left, numbers to the right."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]


def _total(manifest: Manifest) -> int:
    return sum(split.count for split in manifest.splits.values())


def _sizes(manifest: Manifest) -> Iterator[str]:
    sizes = sorted(manifest.image_sizes.items(), key=lambda size: (-size[1], size[0]))
    if not sizes:
        return
    shown = ", ".join(f"{count} of {size}" for size, count in sizes[:_SHOWN_SIZES])
    if len(sizes) == 1:
        yield f"image sizes: all {sizes[0][0]}"
        return
    sides = [[int(side) for side in size.split("x")] for size, _ in sizes]
    (least_width, least_height), (most_width, most_height) = (
        [choose(of_axis) for of_axis in zip(*sides, strict=True)]
        for choose in (min, max)
    )
    more = ", …" if len(sizes) > _SHOWN_SIZES else ""
    yield (
        f"image sizes: {len(sizes)}, width {least_width} to {most_width}, height "
        f"{least_height} to {most_height}; {shown}{more}"
    )


def _grey(manifest: Manifest) -> str:
    total = _total(manifest)
    share = 100 * manifest.grey / total if total else 0
    return f"grey: {manifest.grey} of {total} images ({share:.1f} %)"


def _duplicates(manifest: Manifest) -> str:
    return (
        f"duplicates: {manifest.duplicates['images']} (equal to an earlier image); "
        f"contradictory: {manifest.duplicates['contradictory']} (under several labels)"
    )


def _no_face(manifest: Manifest) -> list[str]:
    if "count" not in manifest.no_face:
        return []
    listed = f", listed in {NO_FACE_FILE_NAME}" if "sha256" in manifest.no_face else ""
    return [f"no face found: {manifest.no_face['count']}, kept whole{listed}"]


def _outside(manifest: Manifest) -> list[str]:
    if not manifest.outside:
        return []
    count = manifest.outside["count"]
    return [f"from outside the source: {count}, listed in {OUTSIDE_FILE_NAME}"]


def _rejected(manifest: Manifest) -> list[str]:
    count = manifest.rejected["count"]
    if not count:
        return []
    lines = [f"rejected: {count}, listed in {REJECTED_FILE_NAME}"]
    return [*lines, *_reasons(manifest.rejected["reasons"], manifest.classes)]


def _reasons(reasons: Mapping[str, int], classes: Sequence[str]) -> Iterator[str]:
    """The most frequent reasons, with what takes a known class that is not listed."""
    for reason, count in list(reasons.items())[:_SHOWN_REASONS]:
        unknown = _UNKNOWN_CLASS.fullmatch(reason)
        known = known_class(unknown[1]) if unknown else None
        takes = ""
        if known is not None and label_index(known, classes) is None:
            takes = f": --classes={','.join(classes)},{known} takes it"
        yield f"  {count} × {reason}{takes}"
    if len(reasons) > _SHOWN_REASONS:
        yield f"  and {len(reasons) - _SHOWN_REASONS} other reasons"


def _without_images(manifest: Manifest) -> Iterator[str]:
    splits = {name: split.per_class for name, split in manifest.splits.items()}
    return _lacking(manifest.classes, splits, manifest.rejected.get("reasons", {}))


def _lacking(
    classes: Sequence[str],
    splits: Mapping[str, Mapping[str, int]],
    reasons: Mapping[str, int],
) -> Iterator[str]:
    """Warnings of the classes of which there is no image, or none in a split.

    Args:
      classes: Class names in label order.
      splits: Images of each class, by split.
      reasons: Of rejected images, among which a misspelt class may be.
    """
    labelled = {name: n for name, n in splits.items() if any(n.values())}
    unknown = [m[1] for m in map(_UNKNOWN_CLASS.fullmatch, reasons) if m]
    alike: dict[str, list[str]] = {}
    for name in classes:
        lacking = [split for split, n in labelled.items() if not n[name]]
        if lacking:
            where = "" if len(lacking) == len(labelled) else f" in {', '.join(lacking)}"
            alike.setdefault(where, []).append(name)
    for where, names in alike.items():
        meant = "".join(_meant(name, unknown) for name in names)
        yield f"warning: no image of {', '.join(names)}{where}{meant}"


def _meant(name: str, unknown: Sequence[str]) -> str:
    """Which of the unknown classes may be a misspelt one, as a question."""
    spellings = [name.casefold(), *(s for s, meant in ALIASES.items() if meant == name)]
    for found in unknown:
        if difflib.get_close_matches(found.casefold(), spellings, 1, 0.7):
            return f"; did '{found}' mean {name}? --alias={found}={name}"
    return ""


def _human(size: int) -> str:
    """Bytes in the largest decimal unit that keeps a whole one."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
