"""Bjøntegaard's measure of two rate-distortion curves: bits saved at the same quality.

Bjøntegaard 2001 (VCEG-M33): a cubic of the logarithm of the rate over PSNR through the points of
each curve, integrated over the qualities that both reach.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.common.errors import BadData

#: Points that a cubic takes.
_LEAST = 4

#: Bits per pixel, and PSNR in decibels.
Point = tuple[float, float]


def bd_rate(anchor: Sequence[Point], curve: Sequence[Point]) -> float:
    """By how many per cent a curve takes more bits than the anchor at the same PSNR.

    Args:
        anchor: Points of what it is compared with, in any order.
        curve: Its own points.

    Returns:
        Below 0 where it saves bits.

    Raises:
        BadData: A curve has fewer than four points, or there is no PSNR that both reach.
    """
    import numpy as np

    low = max(min(psnr for _, psnr in own) for own in (anchor, curve))
    high = min(max(psnr for _, psnr in own) for own in (anchor, curve))
    if min(len(anchor), len(curve)) < _LEAST:
        raise BadData(
            f"a curve of {min(len(anchor), len(curve))} rates is too short for a BD-rate",
            why="a cubic goes through four points",
            fix="train networks for at least four rates: --set error_weight=0.003, 0.01, …",
        )
    if high <= low:
        raise BadData(
            "there is no quality that both curves reach",
            why=f"one ends at {high:.1f} dB, and the other begins at {low:.1f} dB",
            fix="train networks for other rates",
        )
    means = []
    for own in (anchor, curve):
        rates, ratios = np.array(own, np.float64).T
        # Around the middle of the qualities, since powers of decibels are large.
        middle = (low + high) / 2
        integral = np.polyint(np.polyfit(ratios - middle, np.log(rates), 3))
        ends = np.polyval(integral, np.array([low, high]) - middle)
        means.append(float(ends[1] - ends[0]) / (high - low))
    return float(100.0 * (np.exp(means[1] - means[0]) - 1.0))
