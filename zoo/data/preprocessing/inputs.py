"""From raw examples to network inputs: one piece of code for training, evaluation and calibration.

What a kind of preprocessing means stands in a file of its own (`zoo.data.preprocessing.images`,
`series`, `tokens`, `latents`); here they are told apart, once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.preprocessing import (
    AnyPreprocessing,
    ImagePreprocessing,
    LatentPreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    TokenPreprocessing,
)
from zoo.contracts.task import Truth
from zoo.data.preprocessing.images import read_pixels
from zoo.data.preprocessing.latents import read_latent
from zoo.data.preprocessing.series import fit_series, read_series, stepwise_labels
from zoo.data.preprocessing.tokens import fit_tokens, read_tokens

#: Examples that one thread takes at a time.
_CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """What is done with one kind of preprocessing.

    Attributes:
        read: The raw array of one example.
        fit: The preprocessing with everything that is measured on the training split.
        labels: The labels in the form that the network's outputs have.
    """

    read: Callable[[Split, int, Any], NDArray[Any]]
    fit: Callable[[Any, Dataset], AnyPreprocessing] = lambda preprocessing, dataset: preprocessing
    labels: Callable[[NDArray[np.int64], Any], NDArray[np.int64]] = lambda labels, _: labels


_KINDS: dict[type[Preprocessing], _Kind] = {
    ImagePreprocessing: _Kind(read=read_pixels),
    SeriesPreprocessing: _Kind(
        read=read_series,
        fit=fit_series,
        labels=lambda labels, own: stepwise_labels(labels, own.steps),
    ),
    TokenPreprocessing: _Kind(
        read=read_tokens,
        fit=fit_tokens,
        labels=lambda labels, own: stepwise_labels(labels, own.length),
    ),
    LatentPreprocessing: _Kind(read=read_latent),
}


def read_input(split: Split, index: int, preprocessing: Preprocessing) -> NDArray[Any]:
    """One raw input: shape and type as the preprocessing says.

    Raises:
        BadData: The example cannot be used; names it.
    """
    return _KINDS[type(preprocessing)].read(split, index, preprocessing)


def read_inputs(
    split: Split, preprocessing: Preprocessing, indices: Sequence[int] | None = None
) -> NDArray[Any]:
    """Reads examples in several threads, into memory.

    Args:
        split: Where to read.
        preprocessing: What the network wants.
        indices: Which examples, in this order; None means all.

    Returns:
        Raw inputs, shape (examples, *input_shape), of the preprocessing's type.

    Raises:
        BadData: An example cannot be used.
    """
    chosen = range(len(split)) if indices is None else [int(i) for i in indices]
    result = np.empty((len(chosen), *preprocessing.input_shape), preprocessing.dtype)
    read = _KINDS[type(preprocessing)].read

    def fill(start: int) -> None:
        for place in range(start, min(start + size, len(chosen))):
            result[place] = read(split, chosen[place], preprocessing)

    workers = os.cpu_count() or 1
    # Small requests are spread too: one batch of large photos is worth all processors.
    size = max(1, min(_CHUNK, len(chosen) // workers))
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(fill, range(0, len(chosen), size)):
            pass  # Asking for each answer is what raises a thread's error here.
    return result


def labels_for(split: Split, preprocessing: Preprocessing) -> NDArray[np.int64]:
    """The labels as the outputs have them: those of steps are cut or padded to the input's length.

    Returns:
        int64, shape (examples,) or (examples, steps); `IGNORED` where there is nothing to say.
    """
    return _KINDS[type(preprocessing)].labels(split.labels, preprocessing)


def truth_of(dataset: Dataset, split: str, preprocessing: Preprocessing) -> Truth:
    """What outputs on a split are judged against."""
    examples = dataset.splits[split]
    return Truth(
        labels=labels_for(examples, preprocessing),
        classes=dataset.classes,
        examples=examples,
        held_out=dataset.splits["test" if split == "validation" else "validation"],
        preprocessing=preprocessing,
    )


def fitted(preprocessing: Preprocessing, dataset: Dataset) -> AnyPreprocessing:
    """The preprocessing of a network that is trained from scratch on a dataset.

    Whatever is measured (mean and deviation of channels, a vocabulary) is measured on the
    training split alone.

    Raises:
        BadData: The dataset's examples cannot be measured.
    """
    return _KINDS[type(preprocessing)].fit(preprocessing, dataset)


def normalize(raw: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The reference formula ``(value * scale - mean) / std``, computed in float64.

    Args:
        raw: Raw inputs, any numeric type, channels last.
        preprocessing: Brings scale, mean and std; without them nothing is done.

    Returns:
        float32, same shape.
    """
    if preprocessing.normalization is None:
        return np.asarray(raw, np.float32)
    scale, mean, std = preprocessing.normalization
    values = np.asarray(raw, np.float64) * scale
    return np.asarray((values - np.asarray(mean)) / np.asarray(std), np.float32)
