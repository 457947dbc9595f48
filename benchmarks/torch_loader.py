"""Augmentation with torchvision in PyTorch's loader, as its users write it.

A process of its own, started by `views`: `python -m benchmarks.torch_loader` with a
JSON list of policy, size, batch size and workers.
"""

import json
import sys
import time

import torch
import torchvision
from torchvision.transforms import v2

from benchmarks.turns import serve

_IMAGES = 1024


class Pictures(torch.utils.data.Dataset):
    """Decoded images in memory, transformed one by one."""

    def __init__(self, size: int, transform: torch.nn.Module):
        """Draws the images."""
        shape = (_IMAGES, 3, size, size)
        self.images = torch.randint(0, 256, shape, dtype=torch.uint8)
        self.transform = transform

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(self.images[index % _IMAGES])


def transforms(policy: str, size: int) -> torch.nn.Module:
    """The policy in torchvision's words."""
    crop = v2.RandomResizedCrop(size, (0.08, 1.0), (3 / 4, 4 / 3), antialias=True)
    taps = 2 * (size // 20) + 1
    listed = {
        "reference": [
            v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], 0.3),
            v2.RandomGrayscale(0.2),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.GaussianBlur(3, (1.0, 2.0))], 0.2),
            crop,
        ],
        "byol": [
            crop,
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([v2.GaussianBlur(taps, (0.1, 2.0))], 0.1),
            v2.RandomSolarize(128, 0.2),
        ],
        "faces": [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(12, (0.06, 0.06), (0.9, 1.15)),
            v2.RandomApply([v2.GaussianBlur(7, (0.3, 1.0))], 0.3),
            v2.ColorJitter(0.2, 0.2),
        ],
    }[policy]
    listed.append(v2.ToDtype(torch.float32, scale=True))
    if policy == "faces":
        listed += [
            v2.GaussianNoise(sigma=0.015),
            v2.RandomErasing(0.25, (0.02, 0.2), (0.5, 2.0)),
        ]
    return v2.Compose(listed)


def main() -> None:
    """Serves batches to the process that started this one."""
    policy, size, batch_size, workers = json.loads(sys.argv[1])
    dataset = Pictures(size, transforms(policy, size))

    def run(calls: int) -> tuple[float, float]:
        # Anew each turn, so that nothing is made while others have theirs. What the
        # workers make before the first batch arrives is counted with it.
        loader = torch.utils.data.DataLoader(
            dataset,
            batch_size,
            num_workers=workers,
            prefetch_factor=2 if workers else None,
        )
        batches = iter(loader)
        for _ in range(2 * workers):  # what is ready already
            next(batches)
        start = time.perf_counter()
        for _ in range(calls):
            next(batches)
        seconds = time.perf_counter() - start
        del batches
        return seconds, float("nan")  # the workers' processor time is not known yet

    serve({"torchvision": run}, {"torchvision": torchvision.__version__})


if __name__ == "__main__":
    main()
