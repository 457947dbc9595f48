"""BYEL's and the fine-tuning step in plain PyTorch, written from the published method.

A process of its own, started by `train_step`, since the project does not depend on
PyTorch: `python -m benchmarks.torch_step` with a JSON object of the sizes. Networks
are channels-last, bfloat16 is by autocast, the optimizer is PyTorch's fused AdamW, and
averages are by `torch._foreach_lerp_`: what an experienced user would write.
"""

import copy
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.timing import timed
from benchmarks.torch_networks import Encoder, mlp
from benchmarks.torch_views import faces
from benchmarks.turns import refuse, serve

_CLASSES = 6
_BATCHES = 4


def build_step(options: dict[str, Any], with_views: bool) -> Callable[[], None]:
    """A function that trains one step on the next of a few batches in memory.

    Args:
      options: objective, precision, batch_size, image_size, encoder, width, stem,
        channels, normalization, projection_size, hidden_size, weight_ema.
      with_views: Whether it makes the views; else they are in memory.
    """
    torch.manual_seed(1)
    learner = (_Supervised if options["objective"] == "supervised" else _Byel)(options)
    learner = learner.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(learner.learned(), 1e-3, fused=True)
    size, count = options["image_size"], options["batch_size"]
    views = 1 if options["objective"] == "supervised" else 2
    images = [
        torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8).contiguous(
            memory_format=torch.channels_last
        )
        for _ in range(_BATCHES)
    ]
    ready = [[image.float() / 255 for _ in range(views)] for image in images]
    labels = torch.randint(0, _CLASSES, (count,))
    is_mixed = options["precision"] == "mixed_bfloat16"
    number = 0

    def step() -> None:
        nonlocal number
        index = number % _BATCHES
        number += 1
        made = ready[index]
        if with_views:
            made = [faces(images[index]) for _ in range(views)]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            loss = learner(made, labels)
        loss.backward()
        optimizer.step()
        learner.follow()

    return step


class _Byel(nn.Module):
    """Two views, online and target network, classifier and subtraction."""

    def __init__(self, options: dict[str, Any]):
        super().__init__()
        size, hidden = options["projection_size"], options["hidden_size"]
        encoder = _encoder(options)
        projector = mlp(encoder.representation_size, hidden, size)
        self.online = nn.Sequential(encoder, projector)
        self.predictor = mlp(size, hidden, size)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.has_emotions = options["objective"] == "byel"
        self.vectors = nn.Parameter(nn.init.orthogonal_(torch.empty(size, _CLASSES)))
        self.norm = nn.BatchNorm1d(_CLASSES, eps=1e-5)

    def learned(self):
        """What the optimizer changes."""
        parts = [self.online, self.predictor]
        learned = [one for part in parts for one in part.parameters()]
        if self.has_emotions:
            learned += [self.vectors, *self.norm.parameters()]
        return learned

    def forward(self, views, labels):
        """The total loss."""
        with torch.no_grad():
            targets = [self.target(view).float() for view in views]
        predictions = [self.predictor(self.online(view)).float() for view in views]
        loss = 0.0
        with torch.autocast("cpu", enabled=False):
            for prediction, target in zip(predictions, targets[::-1], strict=True):
                aimed = prediction
                if self.has_emotions:
                    length = prediction.norm(dim=1, keepdim=True)
                    aimed = prediction - length * self.vectors.T[labels]
                    logits = self.norm(prediction @ self.vectors)
                    loss = loss + functional.cross_entropy(logits, labels)
                cosine = functional.cosine_similarity(aimed, target)
                loss = loss + (2 - 2 * cosine).mean()
            if self.has_emotions:
                gram = self.vectors.T @ self.vectors
                loss = loss + (torch.eye(_CLASSES) - gram).abs().sum()
        return loss

    @torch.no_grad()
    def follow(self):
        """Moves the target network."""
        targets, online = self.target.parameters(), self.online.parameters()
        torch._foreach_lerp_(list(targets), list(online), 0.01)


class _Supervised(nn.Module):
    """Encoder, dropout, one dense layer; and the average of all weights."""

    def __init__(self, options: dict[str, Any]):
        super().__init__()
        encoder = _encoder(options)
        head = nn.Linear(encoder.representation_size, _CLASSES)
        self.network = nn.Sequential(encoder, nn.Dropout(0.3), head)
        self.averaged = None
        if options["weight_ema"]:
            self.averaged = copy.deepcopy(self.network).requires_grad_(False)

    def learned(self):
        """What the optimizer changes."""
        return list(self.network.parameters())

    def forward(self, views, labels):
        """The loss."""
        logits = self.network(views[0]).float()
        return functional.cross_entropy(logits, labels, label_smoothing=0.1)

    @torch.no_grad()
    def follow(self):
        """Moves the averaged weights, batch norm's statistics included."""
        if self.averaged is not None:
            torch._foreach_lerp_(_floats(self.averaged), _floats(self.network), 0.001)


def _floats(module: nn.Module) -> list[torch.Tensor]:
    both = [*module.parameters(), *module.buffers()]
    return [one for one in both if one.is_floating_point()]


def _encoder(options: dict[str, Any]) -> Encoder:
    return Encoder(
        options["encoder"],
        options["width"],
        options["stem"],
        options["channels"],
        options["normalization"],
    )


def main() -> None:
    """Serves the steps to the process that started this one."""
    options = json.loads(sys.argv[1])
    if not options["encoder"].startswith("resnet"):
        refuse(f"the PyTorch step has no {options['encoder']}")
        return
    if options["threads"]:
        torch.set_num_threads(options["threads"])
    contenders = {"PyTorch": timed(build_step(options, with_views=False))}
    if options["views"]:
        step = build_step(options, with_views=True)
        contenders["PyTorch with views"] = timed(step)
    threads = torch.get_num_threads()
    serve(contenders, {"torch": torch.__version__, "threads": threads})


if __name__ == "__main__":
    main()
