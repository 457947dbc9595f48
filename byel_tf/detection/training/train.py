"""The whole training: heads, scenes, the first network, patches, the second."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import threadpoolctl

from byel_tf.compat import keras
from byel_tf.detection.networks import LOOKING, PROPOSING, Networks, shapes
from byel_tf.detection.training.drawn import draw_heads
from byel_tf.detection.training.learning import learn_to_look, learn_to_propose
from byel_tf.detection.training.models import folded, looking_model, proposing_model
from byel_tf.detection.training.patches import (
    Patches,
    cut_errors,
    cut_patches,
    recognisable,
)
from byel_tf.detection.training.scene_sets import draw_scenes, save_heads
from byel_tf.detection.training.scenes import Scene
from byel_tf.detection.weights import weights_file
from byel_tf.errors import RunError
from byel_tf.files import write_atomically
from byel_tf.progress import progress

#: What a training writes into its folder.
WEIGHTS_FILE_NAME, RECORD_FILE_NAME = "weights.npz", "training.json"
# Scenes with faces for one without, of the first network.
_FACELESS_OF = 8


@dataclasses.dataclass(frozen=True)
class DetectorTraining:
    """What decides the weights.

    Attributes:
      heads: As for `load_head`.
      domain: As for `load_domain`.
      heads_each: Pictures drawn of each head.
      scenes: Scenes with faces.
      faceless: Scenes without, for the second network.
      mend_rounds: How often the second network is learned anew, with the errors of the
        one before.
      mend_scenes: Further scenes without faces, in each round, for those errors.
      propose_steps: Steps of the first network.
      look_steps: Steps of each second network before the last.
      final_steps: Steps of the last.
      batch_size: Scenes a step; of patches eight times as many.
      learning_rate: Greatest rate.
      seed: Decides everything.
      workers: Processes that draw.
    """

    heads: tuple[str, ...]
    domain: str
    heads_each: int
    scenes: int
    faceless: int
    mend_rounds: int
    mend_scenes: int
    propose_steps: int
    look_steps: int
    final_steps: int
    batch_size: int
    learning_rate: float
    seed: int
    workers: int


def train_detector(training: DetectorTraining, output: str | os.PathLike) -> None:
    """Trains both networks and writes their weights.

    Args:
      training: What to do.
      output: Folder for the weights; it must not hold any.

    Raises:
      UsageError: If there is no such head or domain.
      RunError: If the folder holds weights, a head can't be read, or a process ends
        unexpectedly.
    """
    folder = pathlib.Path(output)
    if (folder / WEIGHTS_FILE_NAME).exists():
        raise RunError(
            f"{folder} holds the weights of another training: name another --output"
        )
    keras.utils.set_random_seed(training.seed)
    with tempfile.TemporaryDirectory(prefix="byel_tf_detector") as scratch:
        heads = draw_heads(
            training.heads,
            training.domain,
            training.heads_each,
            training.seed,
            training.workers,
        )
        save_heads(heads, pathlib.Path(scratch))
        del heads
        weights = _learn(training, pathlib.Path(scratch))
    write_atomically(folder / WEIGHTS_FILE_NAME, weights_file(weights))
    record = dataclasses.asdict(training) | {
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    }
    write_atomically(folder / RECORD_FILE_NAME, json.dumps(record, indent=2) + "\n")


def _learn(training: DetectorTraining, heads: pathlib.Path) -> dict[str, np.ndarray]:
    """Both networks' weights, from heads in a folder."""
    batch, rate, seed = training.batch_size, training.learning_rate, training.seed

    def draw(count: int, seed: int, *, faces: bool) -> list[Scene]:
        return draw_scenes(heads, count, seed, training.workers, faces=faces)

    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes().items()}
    scenes = draw(training.scenes, seed, faces=True)
    scenes += draw(training.faceless, seed, faces=False)
    # Not all without faces: the first network is to miss none.
    some = scenes[: training.scenes + training.scenes // _FACELESS_OF]
    proposing = proposing_model()
    learn_to_propose(proposing, some, training.propose_steps, batch, rate, seed)
    weights |= folded("propose", proposing, PROPOSING)

    networks = Networks(weights)
    patches = _gathered(
        scenes,
        lambda number, scene: cut_patches(
            networks,
            scene.pixels,
            scene.points,
            np.random.default_rng((seed, number, 13)),
        ),
    )
    for done in range(training.mend_rounds + 1):
        is_last = done == training.mend_rounds
        looking = looking_model()
        learn_to_look(
            looking,
            patches,
            training.final_steps if is_last else training.look_steps,
            8 * batch,
            rate,
            seed + done,
        )
        weights |= folded("look", looking, LOOKING)
        if is_last:
            return weights
        networks = Networks(weights)
        if done == 0:
            with threadpoolctl.threadpool_limits(1, user_api="blas"):
                patches = recognisable(networks, patches)
        errors = _gathered(
            draw(training.mend_scenes, seed + 1 + done, faces=False),
            functools.partial(_errors, networks),
        )
        print(f"{len(errors.pixels)} patches were taken for faces", flush=True)
        patches = patches + errors + errors  # twice, being few


def _errors(networks: Networks, number: int, scene: Scene) -> Patches:
    return cut_errors(networks, scene.pixels)


def _gathered(scenes: list[Scene], cut: Callable[[int, Scene], Patches]) -> Patches:
    """The patches that are cut out of many scenes."""
    parts = []
    with (
        threadpoolctl.threadpool_limits(1, user_api="blas"),
        progress(len(scenes), "scene", "look for patches") as bar,
    ):
        for number, scene in enumerate(scenes):
            parts.append(cut(number, scene))
            bar.update()
    return Patches(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.targets for part in parts]),
    )
