"""Anomaly scores: how far an example is from what a network makes of it.

The score is the mean over all values of (reconstruction - input)², both normalized: pixels as the
network takes them, series in standard deviations of each channel in training.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from zoo.contracts import Preprocessing, Split, Truth

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: The scale of scores, in words.
SCALE = "mean squared difference of the normalized input and its reconstruction"
#: Examples that are read at a time.
_CHUNK = 1024
#: Raw inputs of a split that are kept for the next file, in bytes.
_KEPT = 256 << 20


def squared_error(outputs: Array, inputs: Array, preprocessing: Preprocessing) -> Array:
    """The score of each example, float64 (examples,).

    Args:
        outputs: Reconstructions, (examples, …), normalized.
        inputs: Raw inputs, (examples, …).
        preprocessing: Of the network, or of a file with channels first.
    """
    import numpy as np

    from zoo.data.preprocessing.inputs import normalize

    plain = preprocessing.in_layout("nhwc")
    if plain != preprocessing:
        inputs = np.moveaxis(inputs, 1, -1)
    given = np.broadcast_to(normalize(inputs, plain), outputs.shape)
    apart = outputs.astype(np.float64) - given
    scores: Array = np.square(apart).reshape(len(outputs), -1).mean(axis=1)
    return scores


def scores_of(outputs: Array, truth: Truth) -> Array:
    """The score of each example of a split, float64 (examples,).

    Args:
        outputs: Reconstructions of all its examples, in their order.
        truth: Of the same examples.
    """
    import numpy as np

    own = truth.preprocessing
    found = []
    for start in range(0, len(outputs), _CHUNK):
        part = range(start, min(start + _CHUNK, len(outputs)))
        raw = _inputs(truth.examples, own, part)
        found.append(squared_error(outputs[start : part.stop], raw, own))
    return np.concatenate(found)


def distances_from_mean(truth: Truth) -> Array | None:
    """The mean squared distance of each example from the mean of the training, (examples,).

    None where the training is not at hand.
    """
    import numpy as np

    if truth.training is None:
        return None
    mean = training_mean(truth.training, truth.preprocessing)
    given = np.broadcast_to(mean, (len(truth.labels), *mean.shape))
    return scores_of(given, truth)


@lru_cache(maxsize=2)
def training_mean(training: Split, preprocessing: Preprocessing) -> Array:
    """The mean normalized example, float64, of the shape of a normalized input."""
    import numpy as np

    from zoo.data.preprocessing.inputs import normalize

    plain = preprocessing.in_layout("nhwc")
    total = np.zeros(plain.network_shape, np.float64)
    for start in range(0, len(training), _CHUNK):
        part = range(start, min(start + _CHUNK, len(training)))
        total += normalize(_inputs(training, plain, part), plain).sum(axis=0, dtype=np.float64)
    return total / max(len(training), 1)


def _inputs(split: Split, preprocessing: Preprocessing, part: range) -> Array:
    from zoo.data.preprocessing.inputs import read_inputs

    size = len(split) * _bytes_of(preprocessing)
    if size <= _KEPT:
        return _every_input(split, preprocessing)[part.start : part.stop]
    return read_inputs(split, preprocessing, part)


def _bytes_of(preprocessing: Preprocessing) -> int:
    import numpy as np

    return int(np.empty(preprocessing.input_shape, preprocessing.dtype).nbytes)


@lru_cache(maxsize=2)
def _every_input(split: Split, preprocessing: Preprocessing) -> Array:
    """Raw inputs of a split that fits in memory: each file of a run is judged on the same."""
    from zoo.data.preprocessing.inputs import read_inputs

    return read_inputs(split, preprocessing)
