"""A window of a time series as a picture: curves, or a strip of shades when there are many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

#: Up to so many channels are told apart as curves.
_CURVES = 4
_WIDTH, _HEIGHT, _MARGIN = 192, 128, 8
_PAPER = (255, 255, 255)
#: Told apart by colour-blind readers too (Okabe & Ito 2008).
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167))


def series_picture(window: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Time runs from left to right; values from the window's least to its greatest.

    Args:
        window: float32, shape (steps, channels).

    Returns:
        uint8: curves, shape (128, 192, 3); or a strip with a row for each channel and a column for
        each step, shape (channels, steps), the least value black.
    """
    values = np.asarray(window, np.float64)
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    if values.shape[1] > _CURVES:
        return np.ascontiguousarray(np.round(unit.T * 255).astype(np.uint8))
    picture = require("PIL.Image").new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = require("PIL.ImageDraw").Draw(picture)
    across = np.linspace(_MARGIN, _WIDTH - _MARGIN, len(unit))
    for channel, colour in zip(unit.T, _COLOURS, strict=False):
        down = _HEIGHT - _MARGIN - channel * (_HEIGHT - 2 * _MARGIN)
        points = list(zip(across.tolist(), down.tolist(), strict=True))
        # A single step is no line; it still has to be seen.
        draw.line(points if len(points) > 1 else [*points, (_WIDTH, points[0][1])], colour, 2)
    return np.asarray(picture)
