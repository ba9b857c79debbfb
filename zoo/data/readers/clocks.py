"""Clocks of recordings: where they jump."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

#: A clock that goes on by more of its usual steps at once has jumped.
_JUMP = 3.0
#: Behind more than this share of rows, a column that never falls goes on like a clock.
_RISING = 0.5


def seconds(text: str) -> str:
    """A date and time as seconds; anything else as it is."""
    try:
        return repr(datetime.fromisoformat(text.strip()).timestamp())
    except ValueError:
        return text


def clock_breaks(clock: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows before which a clock jumps: back, or ahead by over three of its usual steps."""
    steps = np.diff(clock)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    return (np.flatnonzero((steps < 0) | (steps > _JUMP * usual)) + 1).astype(np.int64)


def runs_like_a_clock(values: NDArray[np.float64], starts: NDArray[np.int64]) -> bool:
    """Whether a column goes on and on, but where a stretch of rows begins."""
    steps = np.delete(np.diff(values), starts - 1)
    return bool(len(steps) and (steps >= 0).all() and (steps > 0).mean() > _RISING)
