"""The area under the ROC curve, its interval and a paired test, and thresholds on a score.

The variance is that of DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988), by ranks as Sun & Xu
have it (IEEE Signal Processing Letters 21(11), 2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from zoo.common.proportions import wilson_interval

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_Z95 = NormalDist().inv_cdf(0.975)
#: Points of a curve that are kept, about.
_CURVE = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Placements:
    """Of each example the share of the other class that it is ranked right against.

    Attributes:
        positives: Share of negatives with a lower score; ties count half. float64 (positives,).
        negatives: Share of positives with a higher score, likewise (negatives,).
    """

    positives: Array
    negatives: Array

    @classmethod
    def of(cls, scores: Array, positive: Array) -> Placements:
        """Of scores, (examples,), and which of them are of positives, boolean.

        Raises:
            ValueError: One of the classes has no example.
        """
        high, low = scores[positive], scores[~positive]
        if not len(high) or not len(low):
            raise ValueError("a ROC curve needs positives and negatives")
        ranks = _midranks(scores)
        own, other = _midranks(high), _midranks(low)
        return cls(
            positives=(ranks[positive] - own) / len(low),
            negatives=1.0 - (ranks[~positive] - other) / len(high),
        )

    @property
    def area(self) -> float:
        """The area under the curve, 0 to 1."""
        return float(self.positives.mean())


def _midranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    import numpy as np

    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    ranks: Array = (ends - (count - 1) / 2.0)[place]
    return ranks


def _variance(positives: Array, negatives: Array) -> float:
    """Of a mean over both classes, by the components of each."""
    parts = (values.var(ddof=1) / len(values) for values in (positives, negatives))
    return float(sum(parts)) if min(len(positives), len(negatives)) > 1 else math.nan


def area_interval(found: Placements) -> tuple[float, float]:
    """The 95 % interval of an area, from 0 to 1.

    DeLong's variance on the logit of the area, which keeps the ends between 0 and 1. Where it says
    nothing (all pairs are ranked alike, or a class has one example) Wilson's interval of as many
    examples as the smaller class has.
    """
    area = found.area
    variance = _variance(found.positives, found.negatives)
    if not variance > 0.0 or not 0.0 < area < 1.0:
        count = min(len(found.positives), len(found.negatives))
        return wilson_interval(min(max(area, 0.0), 1.0) * count, count)
    wide = _Z95 * math.sqrt(variance) / (area * (1.0 - area))
    logit = math.log(area / (1.0 - area))
    low, high = (1.0 / (1.0 + math.exp(-end)) for end in (logit - wide, logit + wide))
    return low, high


def paired_difference(before: Placements, after: Placements) -> tuple[float, float, float]:
    """How much larger the second area is on the same examples: value, 95 % interval (DeLong).

    Where a class has a single example nothing is known of the variance: the ends are infinite.
    """
    value = after.area - before.area
    variance = _variance(after.positives - before.positives, after.negatives - before.negatives)
    wide = math.inf if math.isnan(variance) else _Z95 * math.sqrt(variance)
    return value, value - wide, value + wide


def curve(scores: Array, positive: Array) -> list[tuple[float, float]]:
    """Points (false positive rate, true positive rate) from (0, 0) to (1, 1), at most about 200."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    ranked, true = scores[order], positive[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits, alarms = np.cumsum(true)[ends], np.cumsum(~true)[ends]
    if len(ends) > _CURVE:
        kept = np.unique(np.linspace(0, len(ends) - 1, _CURVE).round().astype(int))
        hits, alarms = hits[kept], alarms[kept]
    rates = zip(
        (alarms / max(alarms[-1], 1)).tolist(), (hits / max(hits[-1], 1)).tolist(), strict=True
    )
    return [(0.0, 0.0), *((round(x, 5), round(y, 5)) for x, y in rates)]


def youden_threshold(scores: Array, positive: Array) -> float:
    """The score above which the true less the false positive rate is largest (Youden 1950).

    It lies midway between the two neighbouring scores that it separates; of several such places
    the one with the lowest false positive rate.
    """
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    ranked, true = scores[order].astype(np.float64), positive[order]
    ends = np.flatnonzero(ranked[1:] != ranked[:-1])
    if not len(ends):
        return float(ranked[0])
    hits, alarms = np.cumsum(true)[ends], np.cumsum(~true)[ends]
    gain = hits / max(int(true.sum()), 1) - alarms / max(int((~true).sum()), 1)
    best = int(ends[int(gain.argmax())])
    return float((ranked[best] + ranked[best + 1]) / 2.0)
