"""Intervals and tests for clustered counts, such as the steps of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.common.proportions import wilson_interval

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Up to so many clusters that differ, every pattern of signs is tried.
_EXACT = 14
#: Above, so many are drawn, always the same.
_DRAWN = 20_000


def clustered_interval(right: Array, counts: Array, confidence: float) -> tuple[float, float]:
    """The interval of a share whose trials come in clusters.

    The share is a ratio of two sums over clusters, with the variance that linearization gives it
    (Cochran 1977, "Sampling Techniques", sec. 6.3). That divided by the variance of independent
    trials is the design effect (Kish 1965); the interval is Wilson's for the number of trials over
    that effect (Korn & Graubard 1998, Survey Methodology 24, do so with an exact interval). Unlike
    the share give or take two standard errors it stays between 0 and 1, and is never narrower than
    that of independent trials. When every trial or none is right there is no variance to see, and
    each cluster counts once.

    Args:
        right: Right trials of each cluster, int64, (clusters,).
        counts: Trials of each cluster, int64, (clusters,); at least one trial in all.
        confidence: Between 0 and 1.
    """
    import numpy as np

    used = counts > 0
    right, counts = right[used].astype(np.float64), counts[used].astype(np.float64)
    clusters, total = len(counts), float(counts.sum())
    share = float(right.sum()) / total
    effective = float(clusters)
    if 0.0 < share < 1.0 and clusters > 1:
        spread = float(((right - share * counts) ** 2).sum()) * clusters / (clusters - 1)
        independent = share * (1.0 - share) * total
        effective = total / max(spread / independent, 1.0)
    return wilson_interval(share * effective, effective, confidence)


def sign_flip_p(differences: Array) -> float:
    """Two-sided p-value of paired differences under random signs; exact when few are not zero.

    Args:
        differences: Of each pair, int64, (pairs,).
    """
    import numpy as np

    changed = differences[differences != 0].astype(np.int64)
    if len(changed) == 0:
        return 1.0
    observed = abs(int(changed.sum()))
    if len(changed) <= _EXACT:
        patterns = np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed)) & 1
        return float((np.abs((2 * patterns - 1) @ changed) >= observed).mean())
    random = np.random.default_rng(0)
    at_least = 0
    for _ in range(_DRAWN // 1000):
        signs = random.integers(0, 2, (1000, len(changed))) * 2 - 1
        at_least += int((np.abs(signs @ changed) >= observed).sum())
    # Counting what was observed as one draw keeps the test valid (Phipson & Smyth 2010).
    return (1 + at_least) / (1 + _DRAWN)
