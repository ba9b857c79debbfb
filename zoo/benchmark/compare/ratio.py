"""The ratio of two latencies with an exact interval, and the verdict that follows from it.

What is compared is one median per fresh process: processes of one file differ by more than their
own samples say (layout of memory, neighbours), so samples of one process are no independent
evidence, and a thousand of them prove nothing that three processes do not. With as few values as
there are processes, a bootstrap promises more than it keeps (of three values, its 95 % interval is
their range, which misses the true median once in four times). So the intervals here turn
permutation tests around, which are exact at any number of processes and whatever the distribution:

* of processes that took turns, the interval of Wilcoxon's signed-rank test over the turns' ratios,
  whose slow drifts cancel: an order statistic of the means of all pairs of ratios (Walsh averages);
* of recordings, the interval of the rank-sum test of Mann and Whitney: an order statistic of all
  ratios of one process here to one there.

The ratio itself is the median of the same numbers, the estimate of Hodges and Lehmann (1963).
Logarithms make twice as fast and twice as slow alike. Sources: J. Hodges and E. Lehmann, "Estimates
of location based on rank tests", 1963; M. Hollander and D. Wolfe, "Nonparametric statistical
methods", chapters 3 and 4; T. Kalibera and R. Jones, "Rigorous benchmarking in reasonable time",
2013, for processes as the unit of evidence; D. Schuirmann, 1987, for "same" as an interval within a
margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RatioVerdict = Literal["faster", "slower", "same", "can't tell"]

CONFIDENCE = 0.995
#: Of recordings: five processes on either side, as in the tier `full`, allow no more.
RECORDED = 0.99
MARGIN = 0.03
#: So many turns are measured unless the user says otherwise.
TURNS = 12


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How much longer the second takes than the first: 1.05 is 5 per cent slower.

    Attributes:
        value: The estimate of Hodges and Lehmann.
        coverage: Least probability that the interval holds the true ratio.
        processes: Of the first and of the second that count.
        paired: Whether they took turns, so that each ratio is of neighbours in time.
    """

    value: float
    low: float
    high: float
    coverage: float
    processes: tuple[int, int]
    paired: bool


def paired_ratio(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Ratio | None:
    """The ratio of two that took turns.

    Args:
        first: One median per process, in the order of the turns, in any unit of time.
        second: As many, in the same unit.
        confidence: Wanted probability that the interval holds the true ratio.

    Returns:
        None where there are too few turns for that: `turns_needed` tells how many would do.
    """
    turns = np.log(np.asarray(second, np.float64)) - np.log(np.asarray(first, np.float64))
    pairs = combinations_with_replacement(turns.tolist(), 2)
    averages = np.sort([(a + b) / 2.0 for a, b in pairs])
    return _ratio(averages, signed_rank_counts(len(turns)), confidence, (len(turns),) * 2, True)


def unpaired_ratio(
    first: Sequence[float], second: Sequence[float], confidence: float = RECORDED
) -> Ratio | None:
    """The ratio of two that were recorded apart; takes and returns what `paired_ratio` does."""
    mine = np.log(np.asarray(first, np.float64))
    others = np.log(np.asarray(second, np.float64))
    ratios = np.sort((others[None, :] - mine[:, None]).ravel())
    processes = (len(mine), len(others))
    return _ratio(ratios, rank_sum_counts(*processes), confidence, processes, False)


def verdict(ratio: Ratio, margin: float = MARGIN) -> RatioVerdict:
    """What the interval says.

    *same* when all of it lies within the margin, however narrow it is: a difference nobody cares
    about is none. Otherwise *slower* or *faster* when it leaves 1 out. An interval that does
    neither is no evidence of anything: *can't tell*.

    Args:
        ratio: Of the second to the first.
        margin: Greatest difference that counts as none: 0.03 for 3 per cent.
    """
    if ratio.high <= 1.0 + margin and ratio.low >= 1.0 / (1.0 + margin):
        return "same"
    if ratio.low > 1.0:
        return "slower"
    if ratio.high < 1.0:
        return "faster"
    return "can't tell"


def turns_needed(confidence: float = CONFIDENCE) -> int:
    """The fewest turns that can give an interval of that confidence."""
    turns = 1
    while 2.0 ** (1 - turns) > 1.0 - confidence:
        turns += 1
    return turns


def processes_needed(others: int, confidence: float = RECORDED) -> int | None:
    """The fewest processes that can be told from `others` recorded ones.

    None when no number up to a hundred is enough.
    """
    enough = (n for n in range(1, 101) if 2.0 / math.comb(n + others, n) <= 1.0 - confidence)
    return next(enough, None)


def signed_rank_counts(turns: int) -> list[int]:
    """In how many of the 2^turns ways to give ranks a sign the positive ones sum to 0, 1, 2, …"""
    ways = [1]
    for rank in range(1, turns + 1):
        longer = ways + [0] * rank
        ways = [a + b for a, b in zip(longer, [0] * rank + ways, strict=True)]
    return ways


def rank_sum_counts(first: int, second: int) -> list[int]:
    """In how many ways to mix two samples 0, 1, 2, … pairs stand in the wrong order.

    The coefficients of the Gaussian binomial (first + second over first).
    """
    degree = first * second
    ways = [1] + [0] * degree
    for step in range(1, first + 1):
        for place in range(degree, second + step - 1, -1):
            ways[place] -= ways[place - second - step]
        for place in range(step, degree + 1):
            ways[place] += ways[place - step]
    return ways


def _ratio(
    ordered: NDArray[np.float64],
    counts: Sequence[int],
    confidence: float,
    processes: tuple[int, int],
    paired: bool,
) -> Ratio | None:
    """The interval between the order statistics at which the test just does not refuse."""
    if min(processes) == 0:
        return None
    total, beyond, cut = sum(counts), 0, -1
    # In whole numbers, since a tail of just half of 1 % must not depend on rounding.
    most = math.floor((1.0 - confidence) / 2.0 * total + 1e-9 * total)
    while cut + 1 < len(counts) and beyond + counts[cut + 1] <= most:
        cut += 1
        beyond += counts[cut]
    if cut < 0:
        return None
    return Ratio(
        value=math.exp(float(np.median(ordered))),
        low=math.exp(float(ordered[cut])),
        high=math.exp(float(ordered[len(ordered) - 1 - cut])),
        coverage=1.0 - 2.0 * beyond / total,
        processes=processes,
        paired=paired,
    )
