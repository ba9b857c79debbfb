"""Slips in the range of arrays: splits scaled differently, pixels that are almost black."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData

#: A channel's deviation or mean in one split that differs from training by more is told.
_FACTOR = 4.0


def refuse_mixed_scales(images: Mapping[str, NDArray[Any]]) -> None:
    """Refuses fractions up to 1 in one array beside pixels up to 255 in another.

    Raises:
        BadData: Names both arrays.
    """
    highest = {name: float(array.max()) for name, array in images.items()}
    bright = max(highest, key=lambda name: highest[name])
    for name, array in images.items():
        if highest[bright] > 1 >= highest[name] and (array != np.rint(array)).any():
            raise BadData(
                f"{name} holds fractions up to {highest[name]:g}, {bright} values up to "
                f"{highest[bright]:g}",
                why="one of them was divided by 255, or scaled otherwise, and the other was not",
                fix="scale all arrays alike, or none",
            )


def range_notes(examples: Mapping[str, NDArray[Any]], kind: str) -> list[str]:
    """What the reader should know of the ranges of checked arrays."""
    return _dark(examples) if kind == "images" else _unlike(examples)


def _dark(examples: Mapping[str, NDArray[Any]]) -> list[str]:
    return [
        f"{name} holds only the values 0 and 1 of 255, so its pictures are black: fractions that "
        "were cast to whole numbers? Store them as they were, or multiplied by 255"
        for name, array in examples.items()
        if int(array.max()) <= 1
    ]


def _unlike(examples: Mapping[str, NDArray[Any]]) -> list[str]:
    """Series of which a channel is scaled otherwise than in training."""
    first, *others = examples
    moments = {
        name: (
            array.mean(axis=(0, 1), dtype=np.float64),
            np.maximum(array.std(axis=(0, 1), dtype=np.float64), 1e-12),
        )
        for name, array in examples.items()
    }
    mean, std = moments[first]
    notes = []
    for name in others:
        own_mean, own_std = moments[name]
        ratio = np.maximum(own_std / std, std / own_std)
        far = (np.abs(own_mean - mean) > _FACTOR * std) | (ratio > _FACTOR)
        notes += [
            f"channel {c} of {name} is {own_mean[c]:.4g} ± {own_std[c]:.4g}, of {first} "
            f"{mean[c]:.4g} ± {std[c]:.4g}: were they scaled alike?"
            for c in np.flatnonzero(far).tolist()
        ]
    return notes
