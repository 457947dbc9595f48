"""Random resized crop and horizontal flip as resampling matrices."""

from typing import NamedTuple

import tensorflow as tf

from byel_tf.augment.separable import resample


class Box(NamedTuple):
    """A region per image, in pixels; float64 [B] each, pixel i covers [i, i + 1].

    `left` beyond `right` mirrors the region, and `top` below `bottom` likewise. The
    positions are float64 for the reason that `byel_tf.augment.draws` gives.
    """

    top: tf.Tensor
    bottom: tf.Tensor
    left: tf.Tensor
    right: tf.Tensor


def draw_box(
    uniforms: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
    height: int,
    width: int,
    area: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Box:
    """Draws the region of a random resized crop in closed form.

    torchvision's RandomResizedCrop draws area and ratio up to ten times until the box
    fits the image. Here the area is uniform, and the ratio is log-uniform over those
    of its values with which that area fits: the law that retrying has for a given
    area, without its bias against large areas. If none fits (only possible for images
    far from square), the ratio nearest to fitting is taken and the side that sticks
    out is cut to the image. The position is uniform over all that keep the box inside.
    Sides and position are continuous, not rounded to pixels.

    Args:
        uniforms: four float32 [B] in [0, 1): area, ratio, vertical and horizontal
            position.
        height: of the images, pixels.
        width: of the images, pixels.
        area: smallest and largest share of the image's area, in (0, 1].
        ratio: smallest and largest width / height of the box, positive.

    Returns:
        The regions, inside the images.
    """
    u_area, u_ratio, u_top, u_left = (tf.cast(u, tf.float64) for u in uniforms)
    share = area[0] + u_area * (area[1] - area[0])
    narrowest = tf.math.log(tf.clip_by_value(share * width / height, *ratio))
    widest = tf.math.log(tf.clip_by_value(width / (share * height), *ratio))
    shape = tf.exp(narrowest + u_ratio * (widest - narrowest))
    pixels = share * (height * width)
    box_height = tf.minimum(tf.sqrt(pixels / shape), float(height))
    box_width = tf.minimum(tf.sqrt(pixels * shape), float(width))
    top = u_top * (height - box_height)
    left = u_left * (width - box_width)
    return Box(top, top + box_height, left, left + box_width)


def mirror(box: Box, chosen: tf.Tensor) -> Box:
    """Flips the content of the chosen regions horizontally.

    This is a flip after the crop. A flip before it has the same distribution, because
    a box is as likely as its mirror image.

    Args:
        box: regions, [B].
        chosen: bool [B].

    Returns:
        The same regions, of which the chosen ones read from right to left.
    """
    left = tf.where(chosen, box.right, box.left)
    right = tf.where(chosen, box.left, box.right)
    return box._replace(left=left, right=right)


def resized_crop(images: tf.Tensor, box: Box) -> tf.Tensor:
    """Cuts out a region of each image and resizes it to the images' own size.

    Args:
        images: float32 [B, H, W, C] in [0, 1].
        box: regions, [B].

    Returns:
        float32 [B, H, W, C] in [0, 1].
    """
    height, width = images.shape[1:3]
    return resample(images, *crop_matrices(box, height, width))


def crop_matrices(box: Box, height: int, width: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Builds the matrices that resize a region to the size of the image.

    Args:
        box: regions, [B].
        height: of the images, pixels.
        width: of the images, pixels.

    Returns:
        Rows, float32 [B, H, H], and columns, float32 [B, W, W].
    """
    rows = interpolation_matrix(box.top, box.bottom, height)
    return rows, interpolation_matrix(box.left, box.right, width)


def interpolation_matrix(start: tf.Tensor, end: tf.Tensor, size: int) -> tf.Tensor:
    """Builds the matrix that stretches [start, end] of an axis over the whole axis.

    The filter is Pillow's BILINEAR, a triangle around the centre that an output pixel
    has in the input. Where the region is shrunk the triangle widens by the same factor
    (antialiasing); a region no larger than the axis, as every crop is, is magnified and
    read with plain bilinear interpolation. Like Pillow with a float `box`, pixels just
    outside the region contribute to the output's border; the image's border does not
    leak, weights there are normalised over the pixels that exist.

    Args:
        start: float64 [B], pixels; the output's first pixel begins here.
        end: float64 [B], pixels; the output's last pixel ends here. Before `start`, the
            axis is mirrored.
        size: number of pixels of the axis, before and after.

    Returns:
        float32 [B, size, size]; every row is non-negative with sum 1.
    """
    step = (end - start)[:, tf.newaxis] / size
    middle = tf.range(size, dtype=tf.float64) + 0.5
    centre = tf.cast(start[:, tf.newaxis] + middle * step, tf.float32)
    reach = tf.cast(tf.maximum(tf.abs(step), 1.0), tf.float32)[:, tf.newaxis]
    distance = tf.abs(tf.cast(middle, tf.float32) - centre[:, :, tf.newaxis])
    weights = tf.maximum(1.0 - distance / reach, 0.0)
    return weights / tf.reduce_sum(weights, axis=2, keepdims=True)
