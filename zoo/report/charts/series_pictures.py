"""A window of a time series with many channels as a strip of shades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def series_picture(window: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Time runs from left to right; values from the window's least to its greatest.

    Args:
        window: float32, shape (steps, channels).

    Returns:
        uint8, shape (channels, steps): a row for each channel and a column for each step, the
        least value black.
    """
    values = np.asarray(window, np.float64)
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return np.ascontiguousarray(np.round(unit.T * 255).astype(np.uint8))
