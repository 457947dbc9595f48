"""What the detector's networks are made of, in NumPy: no process needs TensorFlow."""

from __future__ import annotations

import numpy as np


def convolve(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int
) -> np.ndarray:
    """Cross-correlation with TensorFlow's "same" padding, and a rectifier.

    Args:
      x: [N, H, W, C]; H and W are multiples of the stride.
      kernel: [h, w, C, O].
      bias: [O].
      stride: Pixels from one window to the next.

    Returns:
      [N, H / stride, W / stride, O], from 0.
    """
    height, width, channels, outputs = kernel.shape
    count, rows, columns, _ = x.shape
    # What "same" adds is split so that the odd one comes last.
    down, right = height - stride, width - stride
    padded = np.zeros((count, rows + down, columns + right, channels), np.float32)
    above, left = down // 2, right // 2
    padded[:, above : above + rows, left : left + columns] = x
    # Columns and channels as one axis, so that whole rows of a window are copied.
    windows = np.lib.stride_tricks.sliding_window_view(
        padded.reshape(count, rows + down, -1), (height, width * channels), axis=(1, 2)
    )[:, ::stride, :: stride * channels]
    y = windows.reshape(-1, height * width * channels) @ kernel.reshape(-1, outputs)
    y += bias
    np.maximum(y, 0, out=y)
    return y.reshape(count, rows // stride, columns // stride, outputs)


def probability(logits: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
