"""Intervals and tests for shares of examples.

Closed forms of a few lines: importing scipy.stats would cost each command two seconds.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson_interval(
    successes: float, count: float, confidence: float = 0.95
) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, JASA 22).

    Args:
        successes: From 0 to `count`.
        count: Examples, at least 1; an effective number of them need not be whole.
        confidence: Between 0 and 1.

    Returns:
        Lower and upper end, each from 0 to 1.
    """
    if not 0 <= successes <= count or count < 1:
        raise ValueError(f"{successes} of {count} is no proportion")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / count
    centre = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == count else (centre + spread) / scale
    return low, high


def mcnemar_p(lost: int, gained: int) -> float:
    """Exact two-sided p-value of McNemar's test (McNemar 1947, Psychometrika 12).

    Under the null hypothesis each of the examples that only one of two classifiers gets right is
    a fair coin.

    Args:
        lost: Examples that only the first got right.
        gained: Examples that only the second got right.
    """
    count, fewer = lost + gained, min(lost, gained)
    if lost == gained:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    # Python divides integers of any size without overflow.
    outcomes: int = 2**count
    return min(1.0, 2 * tail / outcomes)
