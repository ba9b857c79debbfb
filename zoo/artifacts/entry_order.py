"""Raw and normalized values in the order in which a file's first layers read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts import Preprocessing
from zoo.data.preprocessing.inputs import normalize

Array = NDArray[Any]


def factor_of(preprocessing: Preprocessing) -> float:
    """What a raw value is multiplied by, at most."""
    affine = preprocessing.affine()
    return 1.0 if affine is None else max(affine[0])


def channel_axis(preprocessing: Preprocessing) -> int:
    """The axis of channels in a batch of raw inputs."""
    axes = preprocessing.axes
    return 1 + (axes.index("channel") if "channel" in axes else len(axes) - 1)


def channels_last(raw: Array, preprocessing: Preprocessing) -> Array:
    """Raw inputs, (examples, …), with the channels as the last axis."""
    return np.moveaxis(raw, channel_axis(preprocessing), -1)


def in_order(values: Array, preprocessing: Preprocessing, copies: int) -> Array:
    """Normalized values, channels last, in the order of `EntryTensor.values`, each so often."""
    channel = channel_axis(preprocessing)
    if values.shape[-1] != preprocessing.input_shape[channel - 1]:  # one channel, repeated
        return np.expand_dims(values, channel)
    return np.repeat(np.moveaxis(values, -1, channel)[..., np.newaxis], copies, axis=-1)


def added_up(last: Array, preprocessing: Preprocessing) -> Array:
    """The sum of the absolute values that the graph adds up; raw inputs with channels last."""
    affine = preprocessing.affine()
    if affine is None:
        return np.abs(last)
    if preprocessing.centre() is not None:
        return np.abs(normalize(last, preprocessing))
    factors, offsets = (np.abs(np.asarray(numbers)) for numbers in affine)
    added: Array = np.abs(last) * factors + offsets
    return added
