"""Which of a network's first layers a file's tensor holds the result of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from zoo.contracts.network_entry import EntryTensor, FirstResult
from zoo.networks.leading_layers import LeadingResult


@dataclass(frozen=True, kw_only=True)
class NearestLayer:
    """The layer's result that a tensor is nearest to.

    Attributes:
        layer: Its name; empty where no result has the tensor's shape.
        off: Root of the mean square of the difference, as a share of that of the result.
        size: Root of the mean square of the result.
    """

    layer: str = ""
    off: float = np.inf
    size: float = 1.0


def nearest_given(result: FirstResult, layers: Sequence[LeadingResult]) -> NearestLayer:
    """`nearest_result`, of what lies behind it where no layer's result has its own shape."""
    nearest = nearest_result(result, layers)
    if not nearest.layer and result.behind is not None:
        return nearest_result(result.behind, layers)
    return nearest


def nearest_result(
    subject: EntryTensor | FirstResult, results: Sequence[LeadingResult]
) -> NearestLayer:
    """The nearest result of the same shape, in whatever order the axes are.

    Args:
        subject: A tensor of a file, on the inputs of the results.
        results: Of the network's layers.
    """
    nearest = NearestLayer()
    count = len(subject.values)
    found = subject.values.reshape(count, *(s for s in subject.values.shape[1:] if s > 1))
    for result in results:
        sides = tuple(side for side in result.shape if side > 1)
        right = np.clip(result.values.astype(np.float64), subject.low, subject.high)
        size = float(np.sqrt(np.mean(right**2)))
        for order in permutations(range(1, found.ndim)):
            if tuple(found.shape[axis] for axis in order) != sides or not size:
                continue
            flat = found.transpose(0, *order).reshape(count, -1)[:, result.places]
            off = float(np.sqrt(np.mean((flat - right) ** 2))) / size
            if not nearest.layer:  # as far as a NaN is
                nearest = NearestLayer(layer=result.layer)
            if off < nearest.off:
                nearest = NearestLayer(layer=result.layer, off=off, size=size)
    return nearest
