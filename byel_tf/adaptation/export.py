"""An export made anew: the network, changed for images, behind the same signature."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import special

from byel_tf.adaptation.adapt import Adaptation
from byel_tf.adaptation.guard import Guard
from byel_tf.adaptation.images import Images
from byel_tf.adaptation.running import Running
from byel_tf.adaptation.settings import MethodSettings, Source
from byel_tf.errors import RunError
from byel_tf.files import new_directory
from byel_tf.serving.action_units import ActionUnitReader
from byel_tf.serving.export import (
    ServingModule,
    read_metadata,
    require_same_outputs,
    write_saved_model,
)
from byel_tf.serving.model_card import collect_facts, write_model_card
from byel_tf.serving.networks import UNREADABLE, read_network, variables_file

# Of what it was adapted to, so many are compared.
_CHECKED = 64
# Facts that are of the files, not of the model: what is written is in float32.
_OF_FILES = ("limits", "files", "weights", "weights_parity")


@dataclasses.dataclass(frozen=True)
class SourceModel:
    """An export to adapt.

    Attributes:
      path: Its version folder.
      facts: What it states of itself.
      running: Its network.
      source: What the methods know of it besides.
      bias: Of its classifier, (K,), as it was read.
      action_units: What reads the action units of its representations; None if it has
        none.
    """

    path: pathlib.Path
    facts: Mapping[str, Any]
    running: Running
    source: Source
    bias: np.ndarray
    action_units: ActionUnitReader | None = None


def read_source_model(export: str | os.PathLike, batch_size: int) -> SourceModel:
    """Reads an export's network.

    Args:
      export: A version folder such as `RUN/export/1`.
      batch_size: Images at a time.

    Raises:
      RunError: If it is none whose network can be built, or was adapted before.
    """
    try:
        facts = read_metadata(export)
        network, action_units = read_network(export, facts)
        classes = len(facts["classes"])
        shares = facts.get("class_shares") or [1.0 / classes] * classes
        fitted = facts.get("fitted_temperature", facts["temperature"])
        source = Source(float(fitted), tuple(map(float, shares)))
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{export} is no export whose network can be built ({reason}): give a "
            "run's folder, or a version folder such as RUN/export/1"
        ) from error
    if "adaptation" in facts:
        raise RunError(
            f"{export} was adapted before: give the export that it was made from, "
            "adaptations do not add up"
        )
    return SourceModel(
        pathlib.Path(export),
        facts,
        Running(network, batch_size),
        source,
        network.head.bias.numpy(),
        action_units,
    )


def write_adapted(
    folder: str | os.PathLike,
    model: SourceModel,
    adaptation: Adaptation,
    settings: MethodSettings,
    guard: Guard | None,
    images: Images,
) -> None:
    """Writes the changed network as an export with its card.

    Args:
      folder: Folder to make.
      model: What it was made from, its network changed.
      adaptation: How.
      settings: Those of the methods.
      guard: What kept it from harm, if anything did.
      images: What it was adapted to.

    Raises:
      RunError: If the folder exists and is not empty, or what is written says something
        else than the network.
    """
    shares = _class_shares(model, adaptation)
    facts = {
        **{k: v for k, v in model.facts.items() if k not in _OF_FILES},
        "class_shares": shares,
        "adaptation": {
            **adaptation.to_json(model.facts["classes"]),
            "settings": dataclasses.asdict(settings),
            "guard": guard and dataclasses.asdict(guard),
            "data_sha256": images.sha256(),
            "source_sha256": hashlib.sha256(
                variables_file(model.path).read_bytes()
            ).hexdigest(),
        },
    }
    module = ServingModule(
        model.running.network,
        model.facts["classes"],
        model.facts["image_size"],
        float(model.facts["temperature"]),
        model.action_units,
        shares,
    )
    found = collect_facts(model.path, model.path)
    # Its scores and converted files are the source's.
    card = dataclasses.replace(found, export=facts, results={}, formats={})
    with new_directory(folder) as whole:
        write_saved_model(whole, module, facts)
        few = {f"image {i}": _png(p) for i, p in enumerate(images.pixels()[:_CHECKED])}
        require_same_outputs(whole, module, few)
        write_model_card(whole, card)


def _png(pixels: np.ndarray) -> bytes:
    return tf.io.encode_png(pixels).numpy()


def _class_shares(model: SourceModel, adaptation: Adaptation) -> list[float]:
    """Those that the changed classifier's probabilities are for.

    They are the source's, unless a prior was taken into its bias: a prior that is given
    later then counts from there.
    """
    shares = np.log(model.source.shares)
    if adaptation.method == "prior":
        moved = model.running.network.head.bias.numpy() - model.bias
        shares = shares + moved / float(model.facts["temperature"])
    return special.softmax(shares).tolist()
