"""Encoders by name: images in [0, 1] to representations."""

import inspect
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from byel_tf.augment.colour import LUMINANCE
from byel_tf.compat import keras
from byel_tf.errors import RunError, UsageError
from byel_tf.models.normalization import BatchNorm, batch_norm, renormalized
from byel_tf.models.resnet import DEPTHS, ResNet

# Means and deviations of ImageNet's RGB channels in [0, 1], as torchvision uses them.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

NORMALIZATIONS = ("imagenet", "per_image")


def luminance(images: tf.Tensor) -> tf.Tensor:
    """Turns images grey, with the weights of ITU-R BT.601.

    Args:
      images: (B, H, W, 3), float.

    Returns:
      (B, H, W, 1), of the dtype of the images.
    """
    # Not a matrix product, which GPUs may round to ten bits.
    red, green, blue = tf.split(images, 3, axis=-1)
    return LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue


def normalize(images: tf.Tensor, normalization: str) -> tf.Tensor:
    """Standardises images.

    Args:
      images: (B, H, W, C) in [0, 1], float; C is 3, or 1 for grey images.
      normalization: "imagenet": by ImageNet's channel means and deviations, for grey
        images their means weighted as the luminance is, which is exact for the mean
        and takes the channels as fully correlated for the deviation; "per_image":
        each image to mean 0 and deviation 1 over all its values.

    Returns:
      (B, H, W, C), float.

    Raises:
      ValueError: If the normalization is unknown.
    """
    if normalization == "imagenet":
        mean, deviation = _IMAGENET_MEAN, _IMAGENET_DEVIATION
        if images.shape[-1] == 1:
            mean, deviation = np.dot([mean, deviation], LUMINANCE).tolist()
        return (images - mean) / deviation
    if normalization == "per_image":
        mean, variance = tf.nn.moments(images, axes=(1, 2, 3), keepdims=True)
        # The floor is one grey level: a blank image becomes zeros, not noise.
        return (images - mean) / tf.maximum(tf.sqrt(variance), 1.0 / 255.0)
    raise ValueError(
        f"normalization must be one of {NORMALIZATIONS}. "
        f"Received: normalization={normalization!r}"
    )


class Encoder(keras.Model):
    """f: standardisation and a backbone, so that callers only know [0, 1].

    Attributes:
      representation_size: R, size of the representation.
    """

    def __init__(
        self,
        standardize,
        backbone: keras.Model,
        representation_size: int,
        name: str = "encoder",
    ):
        """Makes the encoder.

        Args:
          standardize: Function of images (B, H, W, 3) in [0, 1] to the backbone's
            input.
          backbone: Network to (B, R).
          representation_size: R.
          name: Name of the model.
        """
        # Images stay float32 up to here also under mixed precision: in 8 bits of
        # precision a dim image would lose its contrast. The backbone casts.
        super().__init__(name=name, autocast=False)
        self.standardize = standardize
        self.backbone = backbone
        self.representation_size = representation_size

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Images (B, H, W, 3) in [0, 1], float32 → representations (B, R)."""
        return self.backbone(self.standardize(images), training=training)


def application_names() -> tuple[str, ...]:
    """Class names of the networks in the installed `keras.applications`."""
    return tuple(
        sorted(
            name
            for name, value in vars(keras.applications).items()
            if inspect.isfunction(value)
        )
    )


def draws_by_itself(model: keras.Model) -> bool:
    """Whether a layer has a generator of its own, as dropout in the EfficientNets.

    Its state is no variable, so that no checkpoint has it.
    """
    return any(
        isinstance(layer, keras.layers.Dropout)
        or type(layer).__name__ == "StochasticDepth"
        for layer in model.submodules
    )


def require_encoder(
    name: str, weights: str, width: float, stem: str, normalization: str
) -> None:
    """Refuses an encoder that does not exist, before anything is read or built.

    Args:
      name: `--encoder`.
      weights: `--encoder_weights`.
      width: `--width`.
      stem: `--stem`.
      normalization: `--normalization`.

    Raises:
      UsageError: If there is no such network, or it does not take these options.
    """
    if name in DEPTHS:
        if weights != "none":
            raise UsageError(
                f"--encoder_weights={weights} needs a network of keras.applications "
                f"such as ResNet50, --encoder={name} has random weights only"
            )
        return
    if name not in application_names():
        known = ", ".join([*DEPTHS, *application_names()])
        raise UsageError(f"--encoder={name} is unknown: use one of {known}")
    if (width, stem, normalization) != (1.0, "imagenet", "imagenet"):
        raise UsageError(
            f"--encoder={name} has its own width, stem and preprocessing: leave out "
            "--width, --stem and --normalization, or reset them to 1, imagenet and "
            "imagenet"
        )


def build_encoder(
    name: str,
    *,
    image_size: int,
    width: float = 1.0,
    stem: str = "imagenet",
    channels: int = 3,
    normalization: str = "imagenet",
    weights: str = "none",
    make_norm: BatchNorm = batch_norm,
) -> Encoder:
    """Makes an encoder by name; call it in the strategy's scope.

    Args:
      name: "resnet18", "resnet34", "resnet50", or a class name of
        `keras.applications`.
      image_size: Side of the images in pixels.
      width: Channel multiplier, for the ResNets.
      stem: "imagenet", "strided" or "small", for the ResNets.
      channels: 3, or 1 to turn images grey before anything else: a ResNet then has
        one input channel, a network of `keras.applications` gets three equal ones.
      normalization: "imagenet" or "per_image", for the ResNets; a network of
        `keras.applications` has its own preprocessing.
      weights: "none", or "imagenet" for a network of `keras.applications`.
      make_norm: Makes each batch norm of a ResNet; in a network of
        `keras.applications` its kind takes the place of theirs.

    Returns:
      The encoder, built; it takes images of 3 channels whatever `channels` is.

    Raises:
      UsageError: If there is no such network, or it does not take these options.
      RunError: If its weights cannot be loaded.
    """
    require_encoder(name, weights, width, stem, normalization)
    if name in DEPTHS:
        backbone = ResNet(name, width, stem, "backbone", make_norm)
        representation_size = backbone.representation_size

        def standardize(images: tf.Tensor) -> tf.Tensor:
            if channels == 1:
                images = luminance(images)
            return normalize(images, normalization)
    else:
        backbone, preprocess = _build_application(name, image_size, weights, make_norm)
        representation_size = int(backbone.output_shape[-1])

        def standardize(images: tf.Tensor) -> tf.Tensor:
            if channels == 1:
                images = tf.repeat(luminance(images), 3, axis=-1)
            return preprocess(images * 255.0)

    encoder = Encoder(standardize, backbone, representation_size)
    encoder(tf.zeros([1, image_size, image_size, 3]))
    return encoder


def _build_application(
    name: str, image_size: int, weights: str, make_norm: BatchNorm
) -> tuple[keras.Model, Callable[[tf.Tensor], tf.Tensor]]:
    """A network of `keras.applications` and its preprocessing of [0, 255]."""
    network = getattr(keras.applications, name)
    try:
        backbone = network(
            include_top=False,
            weights=None if weights == "none" else weights,
            input_shape=(image_size, image_size, 3),
            pooling="avg",
        )
    except ValueError as error:  # an image too small for this network, most often
        reason = " ".join(str(error).split())
        raise UsageError(
            f"--encoder={name} does not take --image_size={image_size}: {reason}"
        ) from error
    except Exception as error:
        # Keras raises a bare Exception when a download fails.
        reason = " ".join(str(error).split())
        raise RunError(
            f"the weights of {name} could not be loaded: {reason}"
        ) from error
    return renormalized(backbone, make_norm), inspect.getmodule(
        network
    ).preprocess_input
