"""Intervals and tests for shares of examples.

Closed forms of a few lines: importing scipy.stats would cost each command two seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

#: Of a standard normal deviate, 95 % lie within.
_Z95 = NormalDist().inv_cdf(0.975)


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


@dataclass(frozen=True, kw_only=True)
class LeastShare:
    """A share of examples beside the least that it may be, by its 95 % interval.

    Attributes:
        share: What was found, 0 to 1.
        count: Examples that it was found on, at least 1.
        least: What is asked, above 0; 1.0 is asked of each example, which no chance excuses.
    """

    share: float
    count: int
    least: float

    @property
    def passed(self) -> bool:
        """Whether it is not surely less. A NaN is."""
        if not 0.0 <= self.share <= 1.0:
            return False
        if self.least >= 1.0:
            return self.share >= 1.0
        return self._interval[1] >= self.least

    @property
    def decided(self) -> bool:
        """Whether examples are enough to say on which side of the least it is."""
        return not self.passed or self.least >= 1.0 or self._interval[0] >= self.least

    @property
    def few(self) -> bool:
        """Whether examples are so few that chance may put what is well above the least below it.

        That is a share halfway between the least and all, by two standard errors.
        """
        half = (1.0 - self.least) / 2.0
        return self.count * half < _Z95**2 * (1.0 - half)

    @property
    def deciding_count(self) -> int | None:
        """How many examples with the same share would be enough; None where none would."""
        apart = abs(self.share - self.least)
        if not apart:
            return None
        return math.ceil(_Z95**2 * self.least * (1.0 - self.least) / apart**2 - 1e-6)

    def unsure(self, what: str) -> str:
        """What so few examples cannot tell, and how many could; empty where they decide.

        Args:
            what: What examples are, in the plural.
        """
        if self.decided:
            return ""
        low, high = (100.0 * end for end in self._interval)
        enough = self.deciding_count
        many = f"{enough:,} {what} alike" if enough else f"no number of {what} alike"
        return (
            f"{low:.2f} to {high:.2f} % (95 %) on {self.count:,} {what}, and "
            f"{100.0 * self.least:g} % are asked: counted as passed; {many} would decide"
        )

    @property
    def _interval(self) -> tuple[float, float]:
        return wilson_interval(self.share * self.count, self.count)


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
