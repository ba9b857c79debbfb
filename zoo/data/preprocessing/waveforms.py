"""Waveforms, and the steps from them to a network's input in TensorFlow.

These give the values of `sounds.features` in float32, for one sound. Frames, window and Fourier
transform are one convolution for the real parts and one for the imaginary parts: the filters are
the window times cosines and sines of the frequencies that lie in a band, the stride is the hop. So
files need no operator but those that every runtime has.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require
from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.front_end import FrontEnd
from zoo.contracts.preprocessing import (
    InputKind,
    SampleList,
    SoundPreprocessing,
    WaveformPreprocessing,
)
from zoo.data.preprocessing import sounds


def front_end_of(own: SoundPreprocessing) -> FrontEnd:
    """The steps of a record of sounds, as the first part of a file."""
    record = WaveformPreprocessing(rate=own.rate, samples=own.samples, network=own)
    return FrontEnd(preprocessing=record, build=partial(features_in_graph, own=own))


def features_in_graph(waveform: Any, own: SoundPreprocessing) -> Any:
    """The values of a sound.

    Args:
        waveform: float32 tensor (1, samples), from -1 to 1.
        own: The record.

    Returns:
        float32 tensor (1, frames, values, 1), not yet normalized.
    """
    tf = require("tensorflow")
    window, weights, cosines = sounds.tables(own)
    heard = np.flatnonzero(weights.any(axis=1))
    angles = np.outer(np.arange(own.frame), heard) * (2 * np.pi / own.fft_length)
    row = tf.reshape(waveform, (1, 1, own.samples, 1))

    def transformed(waves: NDArray[np.float64]) -> Any:
        filters = (window[:, np.newaxis] * waves).astype(np.float32)
        made = tf.nn.conv2d(row, filters[np.newaxis, :, np.newaxis], (1, own.hop), "VALID")
        return tf.reshape(made, (own.frames, len(heard)))

    real, imaginary = transformed(np.cos(angles)), transformed(np.sin(angles))
    magnitudes = tf.sqrt(real * real + imaginary * imaginary)
    sums = tf.matmul(magnitudes, weights[heard].astype(np.float32))
    values = tf.math.log(sums + np.float32(own.floor))
    if own.coefficients:
        values = tf.matmul(values, cosines.astype(np.float32))
    return tf.reshape(values, (1, *own.input_shape))


class Waveforms(InputKind[WaveformPreprocessing]):
    """Sounds of one length and rate: float32, shape (samples,)."""

    def __init__(self, own: WaveformPreprocessing) -> None:
        super().__init__(own)
        self._of_network = sounds.Sounds(own.of_network)

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """The samples of one sound; raises as `sounds.Sounds.read` does."""
        return self._of_network.waveform(split, index)

    def network_inputs(self, given: NDArray[Any]) -> NDArray[Any]:
        """The values of these sounds, computed in float64."""
        return np.stack([sounds.features(one, self.own.of_network) for one in given])

    def check_names(self, dataset: Dataset, subject: str, *, trained: bool = False) -> None:
        """Compares the rates, which arrays of samples do not show."""
        self._of_network.check_names(dataset, subject, trained=trained)

    def samples(self, given: str, data: str = "") -> SampleList:
        """Sound files, brought to the rate and the length that the file takes."""
        return self._of_network.samples(given, data)

    def picture(self, example: NDArray[Any]) -> NDArray[np.uint8]:
        """The log-mel energies, time from left to right, low frequencies at the bottom."""
        return self._of_network.picture(example)
