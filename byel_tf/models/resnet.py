"""ResNet 18, 34 and 50 (arXiv 1512.03385), with width and stem options.

The bottleneck's stride lies on its 3×3 convolution, as in the networks that BYOL and
BYEL use; convolutions have no bias, since batch norm follows each.
"""

import dataclasses

import tensorflow as tf

from byel_tf.compat import keras
from byel_tf.models.convolution import Convolution
from byel_tf.models.normalization import BatchNorm, batch_norm


@dataclasses.dataclass(frozen=True)
class _Depth:
    blocks: tuple[int, int, int, int]
    bottleneck: bool


DEPTHS = {
    "resnet18": _Depth((2, 2, 2, 2), bottleneck=False),
    "resnet34": _Depth((3, 4, 6, 3), bottleneck=False),
    "resnet50": _Depth((3, 4, 6, 3), bottleneck=True),
}
STEMS = ("imagenet", "strided", "small")

_FIRST_CHANNELS = 64
_BOTTLENECK_EXPANSION = 4


def _convolution(
    channels: int, size: int, stride: int, name: str
) -> keras.layers.Layer:
    return Convolution(
        channels,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        name=name,
    )


class ResidualBlock(keras.layers.Layer):
    """Two 3×3 convolutions, or 1×1, 3×3, 1×1, added to a shortcut."""

    def __init__(
        self,
        channels: int,
        stride: int,
        bottleneck: bool,
        name: str,
        make_norm: BatchNorm = batch_norm,
    ):
        """Makes the block.

        Args:
          channels: Channels of the 3×3 convolutions.
          stride: Stride of the first 3×3 convolution and of the shortcut.
          bottleneck: Whether 1×1 convolutions surround one 3×3; the output then has
            four times the channels.
          name: Name of the block.
          make_norm: Makes each batch norm.
        """
        super().__init__(name=name)
        self.channels = channels
        self.stride = stride
        self.bottleneck = bottleneck
        self.output_channels = channels * (_BOTTLENECK_EXPANSION if bottleneck else 1)
        if bottleneck:
            shapes = [(channels, 1, 1), (channels, 3, stride)]
            shapes.append((self.output_channels, 1, 1))
        else:
            shapes = [(channels, 3, stride), (channels, 3, 1)]
        self.convolutions = [
            _convolution(*shape, name=f"convolution_{i}")
            for i, shape in enumerate(shapes)
        ]
        self.norms = [make_norm(f"norm_{i}") for i in range(len(shapes))]
        self.shortcut = None
        self._make_norm = make_norm

    def build(self, input_shape):
        """Makes the shortcut a 1×1 convolution where the shape changes."""
        if self.stride != 1 or int(input_shape[-1]) != self.output_channels:
            self.shortcut = _convolution(
                self.output_channels, 1, self.stride, name="shortcut"
            )
            self.shortcut_norm = self._make_norm("shortcut_norm")
        super().build(input_shape)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, H, W, C) → (B, ⌈H/stride⌉, ⌈W/stride⌉, output channels)."""
        shortcut = features
        if self.shortcut is not None:
            shortcut = self.shortcut_norm(self.shortcut(features), training=training)
        last = len(self.convolutions) - 1
        for i, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            features = norm(convolution(features), training=training)
            if i < last:
                features = tf.nn.relu(features)
        return tf.nn.relu(features + shortcut)


class ResNet(keras.Model):
    """Images to representations: stem, four groups of blocks, mean over positions.

    Attributes:
      representation_size: R; 512·width, or 2048·width with bottlenecks.
    """

    def __init__(
        self,
        depth: str,
        width: float = 1.0,
        stem: str = "imagenet",
        name: str = "",
        make_norm: BatchNorm = batch_norm,
    ):
        """Makes the network.

        Args:
          depth: "resnet18", "resnet34" or "resnet50".
          width: Multiplier of all channel counts.
          stem: "imagenet" (7×7 stride 2, 3×3 max pooling stride 2), "strided" (one
            3×3 stride 2) or "small" (one 3×3 stride 1): for images down to about 128,
            48 and 32 px.
          name: Name of the model; the depth when empty.
          make_norm: Makes each batch norm.

        Raises:
          ValueError: If depth or stem is unknown.
        """
        super().__init__(name=name or depth)
        if depth not in DEPTHS or stem not in STEMS:
            raise ValueError(
                f"depth must be one of {tuple(DEPTHS)} and stem one of {STEMS}. "
                f"Received: depth={depth!r}, stem={stem!r}"
            )
        kind = DEPTHS[depth]
        channels = [max(1, round(_FIRST_CHANNELS * width * 2**i)) for i in range(4)]
        if stem == "imagenet":
            self.stem = _convolution(channels[0], 7, 2, name="stem")
            self.pool = keras.layers.MaxPooling2D(3, 2, padding="same", name="pool")
        else:
            stride = 2 if stem == "strided" else 1
            self.stem = _convolution(channels[0], 3, stride, name="stem")
            self.pool = None
        self.stem_norm = make_norm("stem_norm")
        self.blocks = [
            ResidualBlock(
                channels[group],
                stride=2 if group > 0 and block == 0 else 1,
                bottleneck=kind.bottleneck,
                name=f"group_{group}_block_{block}",
                make_norm=make_norm,
            )
            for group, count in enumerate(kind.blocks)
            for block in range(count)
        ]
        self.representation_size = self.blocks[-1].output_channels

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Standardised images (B, H, W, C) → representations (B, R)."""
        features = tf.nn.relu(self.stem_norm(self.stem(images), training=training))
        if self.pool is not None:
            features = self.pool(features)
        for block in self.blocks:
            features = block(features, training=training)
        return tf.reduce_mean(features, axis=(1, 2))
