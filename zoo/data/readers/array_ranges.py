"""Slips in the range of arrays: splits scaled differently, dark pixels, too large an offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData

#: What to do about a signal that is small beside its offset.
SUBTRACT = "subtract a constant first, such as the mean"
#: A channel's deviation or mean in one split that differs from training by more is told.
_FACTOR = 4.0
#: Rounding to float32 is told from this share of a channel's deviation on; from the second on
#: nothing of the channel is left.
_ROUNDED, _LOST = 0.05, 0.5
#: A deviation below this share of the mean is rounding of float64 itself.
_CONSTANT = 1e-12


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


def rounded_channels(
    given: NDArray[Any], rounded: NDArray[np.float32], name: str
) -> dict[int, str]:
    """Channels, the last axis, of which float32 loses much, and what they are.

    Args:
        given: As they were stored.
        rounded: The same in float32.
        name: Of the array or file, for messages.

    Raises:
        BadData: Nothing of any channel is left.
    """
    if np.can_cast(given.dtype, np.float32):
        return {}
    told: dict[int, str] = {}
    lost = 0
    for channel in range(given.shape[-1]):
        own = given[..., channel].astype(np.float64)
        mean, std = float(own.mean()), float(own.std())
        error = float((own - rounded[..., channel]).std())
        if std <= _CONSTANT * abs(mean) or error <= _ROUNDED * std:
            continue
        steps = float(np.spacing(np.float32(abs(mean))))
        told[channel] = f"{name} is {mean:.4g} ± {std:.3g}, where float32 has steps of {steps:.3g}"
        lost += error > _LOST * std
    if lost == given.shape[-1]:
        raise BadData(
            f"channel 0 of {told[0]}",
            why="networks compute in float32, and nothing of these series is left in it",
            fix=SUBTRACT,
        )
    return told


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
