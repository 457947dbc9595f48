"""The `faces` policy in plain PyTorch, for whole batches."""

import math

import torch
from torch.nn import functional

_ROTATION, _SCALE, _SHIFT, _ASPECT = math.radians(12), (0.9, 1.15), 0.06, 1.06
_TONE, _LOG_GAMMA, _NOISE = (0.8, 1.2), 0.3, 0.03
_BLUR, _SIGMA, _TAPS = 0.3, (0.3, 1.0), 7
_ERASE, _AREA, _RATIO = 0.25, (0.02, 0.2), (0.5, 2.0)


def faces(images: torch.Tensor) -> torch.Tensor:
    """Moves, blurs, re-tones, adds noise and erases, each image with its own draws.

    Args:
      images: (B, 3, H, W), uint8.

    Returns:
      (B, 3, H, W), float32 in [0, 1].
    """
    images = images.float() / 255
    images = _blur(_move(images))
    count = len(images)
    images = images.clamp(min=1e-6) ** torch.exp(_between(count, -1, 1) * _LOG_GAMMA)
    images = (images * _between(count, *_TONE)).clamp(0, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (mean + (images - mean) * _between(count, *_TONE)).clamp(0, 1)
    noise = torch.randn_like(images) * _between(count, 0, _NOISE)
    return _erase((images + noise).clamp(0, 1))


def _between(count: int, low: float, high: float) -> torch.Tensor:
    return low + (high - low) * torch.rand(count, 1, 1, 1)


def _move(images: torch.Tensor) -> torch.Tensor:
    count = len(images)
    angle = _between(count, -_ROTATION, _ROTATION).flatten()
    scale = torch.exp(_between(count, *map(math.log, _SCALE))).flatten()
    stretch = torch.exp(_between(count, -0.5, 0.5) * math.log(_ASPECT)).flatten()
    side = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    across, down = side / (scale * stretch), stretch / scale
    shift = (torch.rand(2, count) * 2 - 1) * _SHIFT * 2
    matrix = torch.stack(
        [
            torch.stack([angle.cos() * across, -angle.sin() * down, shift[0]], 1),
            torch.stack([angle.sin() * across, angle.cos() * down, shift[1]], 1),
        ],
        1,
    )
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, padding_mode="reflection", align_corners=False
    )


def _blur(images: torch.Tensor) -> torch.Tensor:
    """Separable Gaussian blur of some images; the others' kernel is one tap."""
    count, channels, height, width = images.shape
    sigma = _between(count, *_SIGMA).view(count, 1)
    offsets = torch.arange(_TAPS) - _TAPS // 2
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    is_blurred = torch.rand(count, 1) < _BLUR
    kernel = torch.where(is_blurred, kernel, (offsets == 0).float())
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    stacked = images.reshape(1, count * channels, height, width)
    for shape in ((-1, 1, _TAPS, 1), (-1, 1, 1, _TAPS)):
        padding = tuple(size // 2 for size in shape[2:])
        stacked = functional.conv2d(
            stacked, kernel.view(shape), padding=padding, groups=count * channels
        )
    return stacked.view(images.shape)


def _erase(images: torch.Tensor) -> torch.Tensor:
    count, _, height, width = images.shape
    area = _between(count, *_AREA) * height * width
    ratio = torch.exp(_between(count, *map(math.log, _RATIO)))
    tall, wide = (area / ratio).sqrt(), (area * ratio).sqrt()
    top = torch.rand(count, 1, 1, 1) * (height - tall)
    left = torch.rand(count, 1, 1, 1) * (width - wide)
    rows = torch.arange(height).view(1, 1, -1, 1)
    columns = torch.arange(width).view(1, 1, 1, -1)
    inside = (rows >= top) & (rows < top + tall)
    inside = inside & (columns >= left) & (columns < left + wide)
    inside = inside & (torch.rand(count, 1, 1, 1) < _ERASE)
    return torch.where(inside, torch.rand(count, 1, 1, 1), images)
