"""The colours of skin and hair, as linear RGB reflectances."""

import numpy as np

#: Weights of red, green and blue in luminance.
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
# Skin without melanin, and what a unit of melanin takes from each channel; chosen so
# that the whole range passes near the ten tones of the Monk Skin Tone scale.
_PALE = np.array([0.76, 0.60, 0.51], np.float32)
_MELANIN = np.array([0.72, 1.0, 1.27], np.float32)
# What blood takes.
_BLOOD = np.array([0.05, 0.33, 0.28], np.float32)


def skin_colour(melanin: float, redness: float) -> np.ndarray:
    """Linear RGB reflectance of skin, float32 [3].

    Args:
        melanin: 0, the palest (luminance 0.63), to 3, the darkest (0.03).
        redness: Blood near the surface, 0 to 1.
    """
    return _PALE * np.exp(-melanin * _MELANIN - (redness - 0.25) * _BLOOD)


def hair_colour(luminance: float, warmth: float) -> np.ndarray:
    """Linear RGB reflectance of hair of a luminance, from grey to red, float32 [3]."""
    tint = np.exp(warmth * np.array([0.7, 0.0, -0.9], np.float32))
    return (luminance * tint / (tint @ LUMA)).astype(np.float32)
