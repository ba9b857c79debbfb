"""Network inputs from raw examples, for training, evaluation and calibration alike.

Each kind of preprocessing has a module of its own (`images`, `series`, `tokens`, `latents`,
`parts`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.preprocessing import (
    ImagePreprocessing,
    InputKind,
    LatentPreprocessing,
    PartPreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    SoundPreprocessing,
    SteppedPreprocessing,
    TensorPreprocessing,
    TensorsPreprocessing,
    TokenPreprocessing,
    WaveformPreprocessing,
)
from zoo.contracts.task import Truth
from zoo.data.preprocessing.images import Images
from zoo.data.preprocessing.latents import Latents
from zoo.data.preprocessing.parts import PartInputs
from zoo.data.preprocessing.series import Series
from zoo.data.preprocessing.sounds import Sounds
from zoo.data.preprocessing.tensors import Sequences, SeveralTensors, Tensors
from zoo.data.preprocessing.tokens import Tokens
from zoo.data.preprocessing.waveforms import Waveforms

#: Examples that one thread takes at a time.
_CHUNK = 64


_BUILT_IN: Mapping[type[Preprocessing], type[InputKind[Any]]] = {
    ImagePreprocessing: Images,
    SeriesPreprocessing: Series,
    SoundPreprocessing: Sounds,
    TokenPreprocessing: Tokens,
    LatentPreprocessing: Latents,
    PartPreprocessing: PartInputs,
    TensorPreprocessing: Tensors,
    TensorsPreprocessing: SeveralTensors,
    SteppedPreprocessing: Sequences,
    WaveformPreprocessing: Waveforms,
}


def kind_of(preprocessing: Preprocessing) -> InputKind[Any]:
    """The reader for a preprocessing record: a built-in one, or that of a plugin's record."""
    built_in = _BUILT_IN.get(type(preprocessing))
    return preprocessing.inputs() if built_in is None else built_in(preprocessing)


def read_input(split: Split, index: int, preprocessing: Preprocessing) -> NDArray[Any]:
    """One raw input, of the preprocessing's shape and type.

    Raises:
        BadData: The example cannot be used; names it.
    """
    return kind_of(preprocessing).read(split, index)


def read_inputs(
    split: Split, preprocessing: Preprocessing, indices: Sequence[int] | None = None
) -> NDArray[Any]:
    """Reads examples in several threads, into memory.

    Args:
        split: Where to read.
        preprocessing: Of the network.
        indices: Which examples, in this order; None means all.

    Returns:
        Raw inputs, shape (examples, *input_shape), of the preprocessing's type.

    Raises:
        BadData: An example cannot be used.
    """
    chosen = range(len(split)) if indices is None else [int(i) for i in indices]
    result = np.empty((len(chosen), *preprocessing.input_shape), preprocessing.dtype)
    read = kind_of(preprocessing).read

    def fill(start: int) -> None:
        for place in range(start, min(start + size, len(chosen))):
            result[place] = read(split, chosen[place])

    workers = os.cpu_count() or 1
    # Small requests are spread too: one batch of large photos is worth all processors.
    size = max(1, min(_CHUNK, len(chosen) // workers))
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(fill, range(0, len(chosen), size)):
            pass  # Iterating over the results raises errors of the threads here.
    return result


def labels_for(split: Split, preprocessing: Preprocessing) -> NDArray[Any]:
    """Labels in the form of the outputs.

    Those of steps are cut or padded to the input's length, those of pixels follow their pictures.

    Returns:
        Of the split's type, shape (examples,), (examples, steps) or (examples, height, width);
        `IGNORED` where there is no label.
    """
    return kind_of(preprocessing).labels(split.labels)


def truth_of(dataset: Dataset, split: str, preprocessing: Preprocessing) -> Truth:
    """Ground truth of a split, for evaluation."""
    examples = dataset.splits[split]
    return Truth(
        labels=labels_for(examples, preprocessing),
        classes=dataset.classes,
        examples=examples,
        held_out=dataset.splits["test" if split == "validation" else "validation"],
        preprocessing=preprocessing,
        training=dataset.splits["train"],
    )


def fitted(preprocessing: Preprocessing, dataset: Dataset) -> Preprocessing:
    """Preprocessing with statistics of a dataset, for training from scratch.

    Whatever is measured (mean and deviation of channels, a vocabulary) is measured on the
    training split alone.

    Raises:
        BadData: The dataset's examples cannot be measured.
    """
    record: Preprocessing = kind_of(preprocessing).fit(dataset)
    return record


def normalize(raw: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The reference formula ``(value * scale - mean) / std``, computed in float64.

    Args:
        raw: Raw inputs of one kind, any numeric type, channels last.
        preprocessing: Brings scale, mean and std; without them nothing is done.

    Returns:
        float32, same shape.
    """
    if preprocessing.normalization is None:
        return np.asarray(raw, np.float32)
    scale, mean, std = preprocessing.normalization
    values = np.asarray(raw, np.float64) * scale
    return np.asarray((values - np.asarray(mean)) / np.asarray(std), np.float32)
