"""What was written, as a small table."""

import pandas as pd

from byel_tf.data.manifest import Manifest
from byel_tf.data.writer import REJECTED_FILE_NAME

_SHOWN_REASONS = 8


def summarize(manifest: Manifest, output: str) -> str:
    """Counts of classes and splits, and of what was rejected."""
    counts = pd.DataFrame(
        {name: split.per_class for name, split in manifest.splits.items()},
        index=list(manifest.classes),
    ).T
    counts["total"] = [split.count for split in manifest.splits.values()]
    lines = [f"{output}:", counts.to_string()]
    if manifest.rejected["count"]:
        count = manifest.rejected["count"]
        lines.append(f"rejected: {count}, listed in {REJECTED_FILE_NAME}")
        reasons = list(manifest.rejected["reasons"].items())
        lines += [f"  {n} × {reason}" for reason, n in reasons[:_SHOWN_REASONS]]
        if len(reasons) > _SHOWN_REASONS:
            lines.append(f"  and {len(reasons) - _SHOWN_REASONS} other reasons")
    return "\n".join(lines)
