"""BYOL's policy in float64, one image after another, written from its description.

The oracle of the tests: it shares no code with `byel_tf`.
"""

import colorsys
import itertools

import numpy as np

ORDERS = tuple(itertools.permutations(("brightness", "contrast", "saturation", "hue")))


def brightness(image, amount):
    return image + amount


def contrast(image, amount):
    result = np.empty(image.shape)
    for channel in range(image.shape[2]):
        mean = image[:, :, channel].mean()
        result[:, :, channel] = amount * (image[:, :, channel] - mean) + mean
    return result


def saturation(image, amount):
    return through_hsv(image, lambda h, s, v: (h, min(max(s * amount, 0.0), 1.0), v))


def hue(image, amount):
    return through_hsv(image, lambda h, s, v: ((h + amount) % 1.0, s, v))


def through_hsv(image, change):
    if image.shape[2] == 1:
        return image
    result = np.empty(image.shape)
    for place in np.ndindex(image.shape[:2]):
        hsv = change(*colorsys.rgb_to_hsv(*image[place]))
        result[place] = colorsys.hsv_to_rgb(*hsv)
    return result


STEPS = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "hue": hue,
}


def colour(image, amounts, order):
    """Steps by name in the given order, `amounts` by name."""
    image = image.astype(np.float64)
    for name in order:
        image = np.clip(STEPS[name](image, amounts[name]), 0.0, 1.0)
    return image


def grey(image):
    if image.shape[2] == 1:
        return image
    red, green, blue = np.moveaxis(image, 2, 0)
    luminance = 0.2989 * red + 0.587 * green + 0.114 * blue
    return np.stack([luminance] * 3, axis=2)


def blur(image, sigma):
    """Sums over an explicit two-dimensional kernel; beyond the border lies 0."""
    height, width = image.shape[:2]
    reach = int(min(height, width) / 20)
    taps = np.array(
        [np.exp(-(d**2) / (2 * sigma**2)) for d in range(-reach, reach + 1)]
    )
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    padded = np.pad(image.astype(np.float64), ((reach,) * 2, (reach,) * 2, (0, 0)))
    result = np.zeros(image.shape)
    for row, column in np.ndindex(kernel.shape):
        part = padded[row : row + height, column : column + width]
        result += kernel[row, column] * part
    return result


def solarise(image):
    return np.where(image < 0.5, image, 1.0 - image)


def crop(image, area, ratio, top, left):
    """A share of the area, log-uniform in shape, stretched over the whole image."""
    height, width = image.shape[:2]
    share = 0.08 + 0.92 * area
    narrowest = np.log(max(3 / 4, share * width / height))
    widest = np.log(min(4 / 3, width / (share * height)))
    shape = np.exp(narrowest + ratio * (widest - narrowest))
    box_height = np.sqrt(share * height * width / shape)
    box_width = np.sqrt(share * height * width * shape)
    image = stretch(image, top * (height - box_height), box_height)
    image = stretch(image.swapaxes(0, 1), left * (width - box_width), box_width)
    return image.swapaxes(0, 1)


def stretch(image, start, length):
    """Interpolates linearly between the centres of rows, border rows continued."""
    size = len(image)
    result = np.empty(image.shape)
    for row in range(size):
        position = start + (row + 0.5) * length / size - 0.5
        position = min(max(position, 0.0), size - 1.0)
        below = min(int(position), size - 2)
        part = position - below
        result[row] = (1 - part) * image[below] + part * image[below + 1]
    return result


def view(image, u, second):
    """One view of one image; `u` are its uniforms by name."""
    image = image.astype(np.float64)
    image = crop(image, u["area"], u["ratio"], u["top"], u["left"])
    if u["flip"] < 0.5:
        image = image[:, ::-1]
    if u["jitter"] < 0.8:
        amounts = {
            "brightness": -0.4 + 0.8 * u["brightness"],
            "contrast": 0.6 + 0.8 * u["contrast"],
            "saturation": 0.8 + 0.4 * u["saturation"],
            "hue": -0.1 + 0.2 * u["hue"],
        }
        image = colour(image, amounts, ORDERS[int(24 * u["order"])])
    if u["grey"] < 0.2:
        image = grey(image)
    if u["blur"] < (0.1 if second else 1.0):
        image = blur(image, 0.1 + 1.9 * u["sigma"])
    if second and u["solarise"] < 0.2:
        image = solarise(image)
    return image
