"""Normalizations of pixels that are tried where the usual ones leave many answers wrong."""

from __future__ import annotations

from typing import Any, cast

from numpy.typing import NDArray

from zoo.contracts import ImagePreprocessing
from zoo.networks.sources.inputs import InputCandidate, InputPlan, image_candidate

#: Means and deviations of pixels from 0 to 1 that training scripts take from one another.
_RARER: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...] = (
    ("MNIST's mean and std", (0.1307,), (0.3081,)),
    ("Fashion-MNIST's mean and std", (0.286,), (0.353,)),
    ("CIFAR-10's mean and std", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    ("CLIP's mean and std", (0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)),
)
#: Digits to which scripts round a mean of their data.
_DIGITS = 4


def rarer_inputs(plan: InputPlan, raw: NDArray[Any], best: InputCandidate) -> list[InputCandidate]:
    """Further ways, with channels in the order of the best usual one; none of what is known.

    Args:
        plan: What the network takes.
        raw: Training images, of pixels from 0 to 255, (examples, height, width, channels).
        best: Of the usual ways.
    """
    if not plan.open:
        return []
    base = cast("ImagePreprocessing", best.preprocessing)
    pixels = raw.reshape(-1, base.channels) / 255.0
    measured = (
        tuple(round(float(one), _DIGITS) for one in figures)
        for figures in (pixels.mean(0), pixels.std(0))
    )
    mean, std = measured
    rarer = [one for one in _RARER if len(one[1]) == base.channels]
    if min(std) > 0:
        rarer.append(("mean and std of the training images", mean, std))
    order = best.name.rpartition(", ")[2]
    ways = [
        image_candidate(base, name, order, (1 / 255, means, stds), "")
        for name, means, stds in rarer
    ]
    return [way for way in ways if way is not None]
