"""`--init_from`: networks that begin with the weights of another run or export."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping

import numpy as np

from byel_tf.errors import RunError
from byel_tf.models.normalization import mean_of_replicas
from byel_tf.models.step import StageModel
from byel_tf.pretrained import NAMES, pretrained_folder
from byel_tf.serving.export import METADATA_FILE_NAME
from byel_tf.serving.networks import UNREADABLE, read_network, variables_file
from byel_tf.training.checkpoints import Checkpoints
from byel_tf.training.state import (
    is_each_replicas_own,
    named_variables,
    without_prefix,
)

_ENCODER = "encoder/"


@dataclasses.dataclass(frozen=True)
class Source:
    """Weights to begin with.

    Attributes:
      path: What was given.
      what: What they are, such as "pre-training, step 92".
      sha256: Hash of the file that they are in.
      weights: By the network's name and the attributes that lead to them; of an export
        or a fine-tuning those of the encoder only, such as
        `encoder/backbone/stem/kernel`.
    """

    path: str
    what: str
    sha256: str
    weights: Mapping[str, np.ndarray]

    def to_json(self) -> dict[str, str]:
        """The entry in `run.json`."""
        return {"path": self.path, "what": self.what, "sha256": self.sha256}


def read_source(text: str) -> Source:
    """Reads what `--init_from` names.

    Args:
      text: A run's folder, of which the pre-training counts if it has one, else the
        fine-tuning, else the export; the folder of a stage's checkpoints; that of an
        export's version; or the name of a model that comes with the package.

    Raises:
      RunError: If there is nothing of the kind.
    """
    path = pathlib.Path(text)
    if text in NAMES and not path.exists():
        path = pretrained_folder(text)
    if (path / METADATA_FILE_NAME).is_file():
        return _read_export(text, path)
    for folder in (
        path,
        path / "checkpoints" / "pretrain",
        path / "checkpoints" / "finetune",
    ):
        newest = Checkpoints(folder).newest(read_only=True)
        if newest is not None:
            return _from_arrays(text, newest.arrays, newest.numbers, newest.sha256)
    versions = [p for p in (path / "export").glob("*") if p.name.isdecimal()]
    if versions:
        return _read_export(text, max(versions, key=lambda p: int(p.name)))
    raise RunError(
        f"--init_from={text} holds no weights: give a run's folder, "
        "RUN/checkpoints/pretrain or RUN/export/1"
    )


def take(source: Source, model: StageModel) -> str:
    """Gives a model's networks the weights that fit them.

    Of a pre-training all networks of the same name are taken, and what joint training
    has of them, or, where a fine-tuning begins, its online encoder; of anything else
    the encoder, into every encoder.

    Returns:
      A table, for people: what was taken and what was not.

    Raises:
      RunError: If not a single weight of an encoder fits.
    """
    rows = []
    for name, network in model.networks.items():
        taken, left = {}, {}
        for path, variable in named_variables(network):
            value = _find(source.weights, name, path)
            part = f"{name}/{path.partition('/')[0]}"
            if value is not None and is_each_replicas_own(variable):
                # An export has one of each.
                is_one = value.ndim == variable.shape.rank
                value = value if is_one else mean_of_replicas(value)
            if value is not None and value.shape == tuple(variable.shape):
                variable.assign(value)
                taken[part] = taken.get(part, 0) + 1
            else:
                found = "not in it" if value is None else f"{value.shape} in it"
                left.setdefault(part, []).append(f"{path}: {found}")
        for part in dict.fromkeys([*taken, *left]):
            missing = left.get(part, [])
            words = f"; first {missing[0]}" if missing else ""
            rows.append((part, taken.get(part, 0), len(missing), words))
    if not any(part.endswith("/encoder") and number for part, number, *_ in rows):
        raise RunError(
            f"--init_from={source.path} ({source.what}) has no weight that fits "
            "the encoder: give the flags of its --encoder, --width, --stem and "
            "--channels"
        )
    width = max(len(part) for part, *_ in rows)
    lines = [f"init_from: {source.path} ({source.what})"]
    lines += [
        f"  {part:{width}}  {taken:4} taken, {left:4} not{words}"
        for part, taken, left, words in rows
    ]
    return "\n".join(lines)


def _find(
    weights: Mapping[str, np.ndarray], network: str, path: str
) -> np.ndarray | None:
    # Joint training has the parts of the online network by themselves.
    for name in (f"{network}/{path}", f"online/{network}/{path}"):
        if name in weights:
            return weights[name]
    if path.startswith(_ENCODER):
        # A network of another stage: the encoder is what they have in common.
        return weights.get(f"online/{path}", weights.get(path))
    return None


def _from_arrays(
    text: str,
    arrays: Mapping[str, np.ndarray],
    numbers: Mapping[str, object],
    sha256: str,
) -> Source:
    step = numbers["step"]
    weights = without_prefix(arrays, "networks/")
    if any(name.startswith("online/") for name in weights):
        what = f"pre-training, step {step}"
    else:
        best = numbers["best"]
        if best:
            step = best["step"]
            weights = without_prefix(arrays, "best/networks/")
        # What was validated: the average, where there is one.
        average = without_prefix(weights, "averaged/")
        network = average or without_prefix(weights, "network/")
        weights = {k: v for k, v in network.items() if k.startswith(_ENCODER)}
        what = f"fine-tuning, step {step}"
    return Source(text, what, sha256, weights)


def _read_export(text: str, folder: pathlib.Path) -> Source:
    try:
        about = json.loads((folder / METADATA_FILE_NAME).read_text(encoding="utf-8"))
        what = f"export {folder.name}, fine-tuning step {about.get('step', '?')}"
        network, _ = read_network(folder, about)
        data = variables_file(folder).read_bytes()
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"--init_from={text} is no export whose weights can be read ({reason}): "
            "give a version folder such as RUN/export/1"
        ) from error
    weights = {
        path: variable.numpy()
        for path, variable in named_variables(network)
        if path.startswith(_ENCODER)
    }
    return Source(text, what, hashlib.sha256(data).hexdigest(), weights)
