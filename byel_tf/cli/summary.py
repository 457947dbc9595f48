"""What was written, as a small table."""

from byel_tf.data.manifest import Manifest
from byel_tf.data.writer import REJECTED_FILE_NAME

_SHOWN_REASONS = 8


def summarize(manifest: Manifest, output: str) -> str:
    """Counts of classes and splits, and of what was rejected."""
    names = [*manifest.classes, "total"]
    widths = [max(len(name), 7) for name in names]

    def line(title, cells):
        padded = (str(c).rjust(w) for c, w in zip(cells, widths, strict=True))
        return f"{title:10}  " + "  ".join(padded)

    lines = [f"{output}:", line("", names)]
    for name, split in manifest.splits.items():
        lines.append(line(name, [*split.per_class.values(), split.count]))
    if manifest.rejected["count"]:
        count = manifest.rejected["count"]
        lines.append(f"rejected: {count}, listed in {REJECTED_FILE_NAME}")
        reasons = list(manifest.rejected["reasons"].items())
        lines += [f"  {n} × {reason}" for reason, n in reasons[:_SHOWN_REASONS]]
        if len(reasons) > _SHOWN_REASONS:
            lines.append(f"  and {len(reasons) - _SHOWN_REASONS} other reasons")
    return "\n".join(lines)
