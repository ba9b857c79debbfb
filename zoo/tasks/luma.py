"""PSNR and SSIM of pictures on their luma, as papers on super-resolution report them.

The luma is that of ITU-R BT.601 between 16 and 235, of pictures rounded to 8 bits, not rounded
itself; the peak is 255. Borders are shaved first, where a network has pixels on one side only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.tasks.image_similarity import ssim

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Of RGB from 0 to 255 each.
_WEIGHTS, _OFFSET = (65.481 / 255, 128.553 / 255, 24.966 / 255), 16.0
_PEAK = 255.0
#: Stands for equal pictures, whose ratio is infinite.
MOST_DB = 100.0


def luma(pictures: Array) -> Array:
    """Y of pictures, float64 (…, height, width), 16 to 235.

    Args:
        pictures: uint8, (…, height, width, 1 or 3); of one channel, grey.
    """
    import numpy as np

    values = pictures.astype(np.float64)
    if pictures.shape[-1] == 1:
        values = np.repeat(values, 3, axis=-1)
    found: Array = values @ np.array(_WEIGHTS) + _OFFSET
    return found


def shaved(pictures: Array, border: int) -> Array:
    """Pictures, (…, height, width, channels), without so many pixels at each side."""
    if not border:
        return pictures
    return pictures[..., border:-border, border:-border, :]


def squared_errors(pictures: Array, truth: Array, border: int) -> Array:
    """Mean squared error of the luma of each picture, float64 (pictures,).

    Args:
        pictures: uint8, (pictures, height, width, channels).
        truth: Of the same shape.
        border: Pixels that are shaved off each side.
    """
    import numpy as np

    return np.concatenate(
        [
            np.square(luma(shaved(mine, border)) - luma(shaved(true, border))).mean(axis=(1, 2))
            for mine, true in _chunks(pictures, truth)
        ]
    )


def psnr(pictures: Array, truth: Array, border: int) -> Array:
    """Peak signal to noise ratio of each picture, decibels, float64 (pictures,).

    Arguments as of `squared_errors`; at most `MOST_DB`.
    """
    return decibels(squared_errors(pictures, truth, border))


def decibels(errors: Array) -> Array:
    """The ratio for mean squared errors; NaN stays NaN."""
    import numpy as np

    least = _PEAK**2 / 10.0 ** (MOST_DB / 10.0)
    found: Array = 10.0 * (math.log10(_PEAK**2) - np.log10(np.maximum(errors, least)))
    return found


def similarity(pictures: Array, truth: Array, border: int) -> Array:
    """Structural similarity of the luma of each picture, float64 (pictures,), at most 1.

    Arguments as of `squared_errors`; sides must be at least 11 once they are shaved.
    """
    import numpy as np

    return np.concatenate(
        [
            ssim(*(luma(shaved(one, border))[..., np.newaxis] / _PEAK for one in both))
            for both in _chunks(pictures, truth)
        ]
    )


def _chunks(pictures: Array, truth: Array) -> list[tuple[Array, Array]]:
    size = 64
    return [(pictures[i : i + size], truth[i : i + size]) for i in range(0, len(pictures), size)]
