"""Image similarity: signal-to-noise ratio and structural similarity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Stands for two equal arrays, whose ratio is infinite.
MOST_DB = 200.0
#: Window and constants of Wang et al. 2004, for values from 0 to 1.
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_CHUNK = 256


def sqnr_db(reference: Array, candidate: Array) -> float:
    """Signal to quantization noise: power of the reference over power of the difference.

    Returns:
        Decibels, at most `MOST_DB`; NaN when either holds NaN.
    """
    import numpy as np

    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(reference.astype(np.float64) - candidate).sum())
    if math.isnan(noise) or math.isnan(signal):
        return math.nan
    if noise == 0:
        return MOST_DB
    if math.isinf(noise) or signal == 0:
        return -MOST_DB
    return min(10.0 * math.log10(signal / noise), MOST_DB)


def ssim(first: Array, second: Array) -> Array:
    """Structural similarity of each pair of images (Wang, Bovik, Sheikh & Simoncelli 2004).

    Means under a Gaussian window of 11 pixels and deviation 1.5, where it lies inside the image;
    smaller images have a smaller window. Channels are averaged.

    Args:
        first: Values from 0 to 1, shape (images, height, width, channels).
        second: The same shape.

    Returns:
        float64, shape (images,), from -1 to 1; 1 for equal images.
    """
    import numpy as np

    parts = [
        _ssim(first[i : i + _CHUNK].astype(np.float64), second[i : i + _CHUNK].astype(np.float64))
        for i in range(0, len(first), _CHUNK)
    ]
    return np.concatenate(parts)


def _ssim(x: Array, y: Array) -> Array:
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    together = _blurred(x * y) - mean_x * mean_y
    similar = ((2 * mean_x * mean_y + _C1) * (2 * together + _C2)) / (
        (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    )
    found: Array = similar.mean(axis=(1, 2, 3))
    return found


def _blurred(images: Array) -> Array:
    """Weighted means under the window, along height and then along width."""
    import numpy as np

    for axis in (1, 2):
        size = min(_WINDOW, images.shape[axis])
        offsets = np.arange(size) - (size - 1) / 2
        weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
        windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=axis)
        images = windows @ (weights / weights.sum())
    return images
