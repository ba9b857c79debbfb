"""When another seed could not change how a network stands beside the best one in validation.

Seeds tell how far chance in the trainings reaches, and not how far chance in the choice of
validation examples does. So a rival needs no further seed once it is clearly worse, nor where the
validation split is too small to tell it from the best whatever its trainings come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.pipeline.search.paired_gain import paired_gain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: After one seed nothing tells how far chance in the trainings reaches: a difference counts as
#: clear where it is twice as large as chance in the examples explains. So it stays one where
#: trainings vary by up to √3 times as much as the choice of examples.
_MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class SeedStop:
    """Why a network was trained on no further seed.

    Attributes:
        reason: ``worse``: clearly worse than the best; ``indistinguishable``: the validation split
            is too small to tell it from the best, whatever further seeds come to.
        best: Name of the best then.
        seeds: On which both were trained.
        gain: How much better it was in validation, points, mean over the seeds; below 0 worse.
        low: Lower end of the 95 % interval, of the examples alone after one seed.
        high: Upper end.
        examples: Of the validation split.
    """

    reason: Literal["worse", "indistinguishable"]
    best: str
    seeds: int
    gain: float
    low: float
    high: float
    examples: int


def seed_stop(
    best: str, own: Sequence[Array | None], rival: Sequence[Array | None]
) -> SeedStop | None:
    """Why a rival needs no further seed; None where one could change how it stands.

    Args:
        best: Name of the network with the best mean in validation.
        own: Of each seed 1 for each validation example that it answers right, else 0, (examples,);
            None where that is not known.
        rival: Of the other network, likewise.
    """
    differences = []
    for best_right, right in zip(own, rival, strict=True):
        if best_right is None or right is None:
            return None
        differences.append(100.0 * (right - best_right))
    gains = [float(one.mean()) for one in differences]
    mean: Array = sum(differences[1:], differences[0]) / len(differences)
    examples = paired_gain([float(mean.mean())], [mean])
    found = paired_gain(gains, differences)
    margin = (_MARGIN - 1.0) * (found.high - found.low) / 2 if len(gains) == 1 else 0.0
    reason: Literal["worse", "indistinguishable"]
    if found.high + margin < 0.0:
        reason = "worse"
    elif examples.low <= 0.0 <= examples.high:
        reason = "indistinguishable"
    else:
        return None
    return SeedStop(
        reason=reason,
        best=best,
        seeds=len(gains),
        gain=found.gain,
        low=found.low,
        high=found.high,
        examples=len(mean),
    )
