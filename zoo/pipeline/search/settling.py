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
class Settled:
    """Why a network was trained on no further seed.

    Attributes:
        how: ``behind``: clearly worse than the best; ``even``: the validation split is too small to
            tell it from the best, whatever further seeds come to.
        best: Name of the best then.
        seeds: On which both were trained.
        gain: How much better it was in validation, points, mean over the seeds; below 0 worse.
        low: Lower end of the 95 % interval, of the examples alone after one seed.
        high: Upper end.
        examples: Of the validation split.
    """

    how: Literal["behind", "even"]
    best: str
    seeds: int
    gain: float
    low: float
    high: float
    examples: int


def settled(best: str, own: Sequence[Array], rival: Sequence[Array]) -> Settled | None:
    """How a rival stands, if further seeds could not change that; else None.

    Args:
        best: Name of the network with the best mean in validation.
        own: Of each seed 1 for each validation example that it answers right, else 0, (examples,).
        rival: Of the other network, likewise.
    """
    differences = [100.0 * (b - a) for a, b in zip(own, rival, strict=True)]
    gains = [float(one.mean()) for one in differences]
    mean: Array = sum(differences[1:], differences[0]) / len(differences)
    examples = paired_gain([float(mean.mean())], [mean])
    found = paired_gain(gains, differences)
    margin = (_MARGIN - 1.0) * (found.high - found.low) / 2 if len(gains) == 1 else 0.0
    how: Literal["behind", "even"]
    if found.high + margin < 0.0:
        how = "behind"
    elif examples.low <= 0.0 <= examples.high:
        how = "even"
    else:
        return None
    return Settled(
        how=how,
        best=best,
        seeds=len(gains),
        gain=found.gain,
        low=found.low,
        high=found.high,
        examples=len(mean),
    )
