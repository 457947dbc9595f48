"""What a prepared data set holds, as text."""

import json
from collections.abc import Iterator, Sequence

from byel_tf.data.manifest import FILE_NAME, Manifest, PreparedDataset
from byel_tf.data.writer import NO_FACE_FILE_NAME, REJECTED_FILE_NAME
from byel_tf.flagging import one_line

_SHOWN_REASONS = 8
_SHOWN_SIZES = 5


def summarize(manifest: Manifest, output: str) -> str:
    """What was written: a row for each split, and what stands out."""
    has_unlabelled = any(split.unlabelled for split in manifest.splits.values())
    columns = [*manifest.classes, *["unlabelled"] * has_unlabelled, "total"]
    rows = [["", *columns]]
    for name, split in manifest.splits.items():
        counts = [split.per_class[class_name] for class_name in manifest.classes]
        counts += [split.unlabelled] * has_unlabelled
        rows.append([name, *map(str, counts), str(split.count)])
    lines = [f"{output}:", *_table(rows), *_rejected(manifest), *_no_face(manifest)]
    if manifest.duplicates["images"]:
        lines.append(_duplicates(manifest))
    if manifest.grey:
        lines.append(_grey(manifest))
    return _text(lines)


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
        *(_rejected(manifest) or ["rejected: none"]),
        f"shards: {len(shards)}, {size}",
        f"source: {source}",
    ]
    if manifest.action_units:
        lines.append(f"action units: {', '.join(manifest.action_units)}")
    lines.append(f"SHA-256 of {FILE_NAME}: {dataset.manifest_sha256}")
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    """Names and reasons may hold line breaks."""
    return "\n".join(map(one_line, lines))


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


def _rejected(manifest: Manifest) -> list[str]:
    count = manifest.rejected["count"]
    if not count:
        return []
    lines = [f"rejected: {count}, listed in {REJECTED_FILE_NAME}"]
    reasons = list(manifest.rejected["reasons"].items())
    lines += [f"  {n} × {reason}" for reason, n in reasons[:_SHOWN_REASONS]]
    if len(reasons) > _SHOWN_REASONS:
        lines.append(f"  and {len(reasons) - _SHOWN_REASONS} other reasons")
    return lines


def _human(size: int) -> str:
    """Bytes in the largest decimal unit that keeps a whole one."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
