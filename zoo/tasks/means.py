"""Intervals of means of independent examples, in closed form."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_Z95 = NormalDist().inv_cdf(0.975)


def student_95(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t, from its expansion around the normal one.

    Abramowitz & Stegun 1964, 26.7.5; within 1 % from three degrees of freedom on, and below that
    on the side of too wide an interval.
    """
    if freedom < 3:
        return {1: 12.706, 2: 4.303}.get(freedom, math.inf)
    z, v = _Z95, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3


def half_width(values: Array) -> float:
    """Half of the 95 % interval of the mean; 0 of a single value, which shows no spread.

    Args:
        values: One per example, float64 (examples,).
    """
    count = len(values)
    if count < 2:
        return 0.0
    return student_95(count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
