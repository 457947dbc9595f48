"""The same networks in plain PyTorch: ResNet 18, 34 or 50, projector and predictor."""

import torch
from torch import nn

_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
_LUMINANCE = (0.299, 0.587, 0.114)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)


def _convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


class Block(nn.Module):
    """Two 3×3 convolutions, or 1×1, 3×3, 1×1, added to a shortcut."""

    def __init__(self, inputs: int, channels: int, stride: int, bottleneck: bool):
        """Makes the block of so many input channels and channels inside."""
        super().__init__()
        outputs = channels * (4 if bottleneck else 1)
        if bottleneck:
            shapes = [(inputs, channels, 1, 1), (channels, channels, 3, stride)]
            shapes.append((channels, outputs, 1, 1))
        else:
            shapes = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
        self.convolutions = nn.ModuleList(_convolution(*shape) for shape in shapes)
        self.norms = nn.ModuleList(_norm(shape[1]) for shape in shapes)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                _convolution(inputs, outputs, 1, stride), _norm(outputs)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → (B, output channels, H/stride, W/stride)."""
        shortcut = self.shortcut(features)
        last = len(self.convolutions) - 1
        for i, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            features = norm(convolution(features))
            if i < last:
                features = torch.relu(features)
        return torch.relu(features + shortcut)


class Encoder(nn.Module):
    """Images (B, 3, H, W) in [0, 1] to representations, as the project's encoder."""

    def __init__(self, depth: str, width: float, stem: str, channels: int, norm: str):
        """Makes the network of these flags."""
        super().__init__()
        bottleneck = depth == "resnet50"
        sizes = [max(1, round(64 * width * 2**i)) for i in range(4)]
        self.grey, self.per_image = channels == 1, norm == "per_image"
        layers = [_convolution(channels, sizes[0], 3, 1 if stem == "small" else 2)]
        if stem == "imagenet":
            layers = [_convolution(channels, sizes[0], 7, 2)]
        layers += [_norm(sizes[0]), nn.ReLU()]
        if stem == "imagenet":
            layers.append(nn.MaxPool2d(3, 2, 1))
        inputs = sizes[0]
        for group, count in enumerate(_BLOCKS[depth]):
            for block in range(count):
                stride = 2 if group > 0 and block == 0 else 1
                layers.append(Block(inputs, sizes[group], stride, bottleneck))
                inputs = sizes[group] * (4 if bottleneck else 1)
        self.layers = nn.Sequential(*layers)
        self.representation_size = inputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Standardises in float32, then the layers and a mean over positions."""
        if self.grey:
            weights = torch.tensor(_LUMINANCE).view(1, 3, 1, 1)
            images = (images * weights).sum(1, keepdim=True)
        if self.per_image:
            variance, mean = torch.var_mean(images, (1, 2, 3), False, keepdim=True)
            images = (images - mean) / variance.sqrt().clamp(min=1 / 255)
        else:
            mean, deviation = torch.tensor(_MEAN), torch.tensor(_DEVIATION)
            if self.grey:
                weights = torch.tensor(_LUMINANCE)
                mean, deviation = (mean @ weights)[None], (deviation @ weights)[None]
            images = (images - mean.view(1, -1, 1, 1)) / deviation.view(1, -1, 1, 1)
        images = images.contiguous(memory_format=torch.channels_last)
        return self.layers(images).mean((2, 3))


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Module:
    """Projector or predictor."""
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden, eps=1e-5, momentum=0.1),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )
