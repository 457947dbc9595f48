"""Augmentation of single images with `tf.image`, as its users write it."""

import math
from collections.abc import Callable

import tensorflow as tf

_GREY = (0.299, 0.587, 0.114)


def _uniform(low: float, high: float) -> tf.Tensor:
    return tf.random.uniform([], low, high)


def _sometimes(probability: float, change: Callable, image: tf.Tensor) -> tf.Tensor:
    return tf.cond(_uniform(0, 1) < probability, lambda: change(image), lambda: image)


def _jitter(tone: float, saturation: float, hue: float, image: tf.Tensor) -> tf.Tensor:
    image = tf.image.random_brightness(image, tone)
    image = tf.image.random_contrast(image, 1 - tone, 1 + tone)
    image = tf.image.random_saturation(image, 1 - saturation, 1 + saturation)
    return tf.clip_by_value(tf.image.random_hue(image, hue), 0.0, 1.0)


def _grey(image: tf.Tensor) -> tf.Tensor:
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))


def _resized_crop(image: tf.Tensor) -> tf.Tensor:
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros([1, 0, 4]),
        area_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
        use_image_if_no_bounding_boxes=True,
    )
    shape = image.shape
    crop = tf.image.resize(tf.slice(image, begin, size), shape[:2], "bicubic")
    return tf.ensure_shape(tf.clip_by_value(crop, 0.0, 1.0), shape)


def _blur(sigma: tf.Tensor, taps: int, image: tf.Tensor) -> tf.Tensor:
    offsets = tf.range(taps, dtype=tf.float32) - taps // 2
    kernel = tf.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = tf.tile(
        (kernel / tf.reduce_sum(kernel))[:, None, None, None], [1, 1, 3, 1]
    )
    image = image[None]
    for shaped in (kernel, tf.transpose(kernel, [1, 0, 2, 3])):
        image = tf.nn.depthwise_conv2d(image, shaped, [1, 1, 1, 1], "SAME")
    return image[0]


def _move(image: tf.Tensor) -> tf.Tensor:
    """Rotation, scale, aspect and shift about the middle."""
    angle = _uniform(-math.radians(12), math.radians(12))
    scale = tf.exp(_uniform(math.log(0.9), math.log(1.15)))
    stretch = tf.exp(_uniform(-0.5, 0.5) * math.log(1.06))
    height, width = image.shape[0], image.shape[1]
    across, down = 1 / (scale * stretch), stretch / scale
    a, b = tf.cos(angle) * across, -tf.sin(angle) * down
    d, e = tf.sin(angle) * across, tf.cos(angle) * down
    x, y = (width - 1) / 2, (height - 1) / 2
    c = x - a * x - b * y + _uniform(-0.06, 0.06) * width
    f = y - d * x - e * y + _uniform(-0.06, 0.06) * height
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([a, b, c, d, e, f, 0.0, 0.0])[None],
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    return moved[0]


def _erase(image: tf.Tensor) -> tf.Tensor:
    height, width = image.shape[0], image.shape[1]
    area = _uniform(0.02, 0.2) * float(height * width)
    ratio = tf.exp(_uniform(math.log(0.5), math.log(2.0)))
    tall, wide = tf.sqrt(area / ratio), tf.sqrt(area * ratio)
    top = _uniform(0, 1) * (height - tall)
    left = _uniform(0, 1) * (width - wide)
    rows = tf.range(height, dtype=tf.float32)[:, None, None]
    columns = tf.range(width, dtype=tf.float32)[None, :, None]
    inside = (rows >= top) & (rows < top + tall)
    inside &= (columns >= left) & (columns < left + wide)
    return tf.where(inside, _uniform(0, 1), image)


def _decoded(image: tf.Tensor) -> tf.Tensor:
    return tf.image.convert_image_dtype(image, tf.float32)


def _reference(image: tf.Tensor) -> tf.Tensor:
    image = _decoded(image)
    image = _sometimes(0.3, lambda one: _jitter(0.8, 0.8, 0.2, one), image)
    image = _sometimes(0.2, _grey, image)
    image = tf.image.random_flip_left_right(image)
    image = _sometimes(0.2, lambda one: _blur(_uniform(1, 2), 3, one), image)
    return _resized_crop(image)


def _byol(image: tf.Tensor) -> tf.Tensor:
    image = tf.image.random_flip_left_right(_resized_crop(_decoded(image)))
    image = _sometimes(0.8, lambda one: _jitter(0.4, 0.2, 0.1, one), image)
    image = _sometimes(0.2, _grey, image)
    taps = 2 * (image.shape[0] // 20) + 1
    image = _sometimes(0.1, lambda one: _blur(_uniform(0.1, 2), taps, one), image)
    return _sometimes(0.2, lambda one: tf.where(one < 0.5, one, 1 - one), image)


def _faces(image: tf.Tensor) -> tf.Tensor:
    image = _move(tf.image.random_flip_left_right(_decoded(image)))
    image = _sometimes(0.3, lambda one: _blur(_uniform(0.3, 1), 7, one), image)
    image = tf.image.adjust_gamma(tf.maximum(image, 1e-6), tf.exp(_uniform(-0.3, 0.3)))
    image = tf.clip_by_value(image * _uniform(0.8, 1.2), 0.0, 1.0)
    image = tf.image.random_contrast(image, 0.8, 1.2)
    image += tf.random.normal(image.shape) * _uniform(0, 0.03)
    return _sometimes(0.25, _erase, tf.clip_by_value(image, 0.0, 1.0))


#: uint8 (H, W, 3) to float32 in [0, 1], by policy.
TRANSFORMS = {"reference": _reference, "byol": _byol, "faces": _faces}
