"""Sounds as log-mel energies or cepstral coefficients."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.front_end import FrontEnd
from zoo.contracts.preprocessing import InputKind, SampleList, SoundPreprocessing, class_patterns
from zoo.contracts.preprocessing.sounds import mel

#: Mean and deviation of synthetic values: far from 0 and 1, so that normalization has work to do.
_SYNTHETIC = -4.0, 3.0
#: How far the mean of values may lie from that of the training, in its deviations.
_MEAN = 4.0
#: By how much their deviation may differ, as a factor.
_DEVIATION = 8.0
_EXPECTED = "a dataset of sounds yields finite float32 arrays of shape (samples,), from -1 to 1"


@lru_cache(maxsize=8)
def tables(own: SoundPreprocessing) -> tuple[NDArray[np.float64], ...]:
    """The window, the weight of each frequency in each band, and the cosine transform."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(own.frame) / own.frame)
    bins = np.array([mel(n * own.rate / own.fft_length) for n in range(own.fft_length // 2 + 1)])
    low, centre, high = (np.array(edge) for edge in zip(*own.band_edges(), strict=True))
    rising = (bins[:, None] - low) / (centre - low)
    falling = (high - bins[:, None]) / (high - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0  # a constant is no sound
    places = (np.arange(own.bands) + 0.5) * np.pi / own.bands
    cosines = np.cos(np.outer(places, np.arange(own.coefficients))) * math.sqrt(2 / own.bands)
    return window, weights, cosines


def features(samples: NDArray[Any], own: SoundPreprocessing) -> NDArray[np.float32]:
    """The values of a sound, computed in float64.

    Args:
        samples: Shape (samples,), as many as the record says.
        own: The record.

    Returns:
        Of the record's `input_shape`.
    """
    window, weights, cosines = tables(own)
    frames = np.lib.stride_tricks.sliding_window_view(samples, own.frame)[:: own.hop]
    magnitudes = np.abs(np.fft.rfft(frames.astype(np.float64) * window, own.fft_length))
    values = np.log(magnitudes @ weights + own.floor)
    if own.coefficients:
        values = values @ cosines
    return values.astype(np.float32)[:, :, np.newaxis]


class Sounds(InputKind[SoundPreprocessing]):
    """Sounds of one length and rate: float32, shape (samples,)."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """The values of one sound; raises as `waveform` does."""
        return features(self.waveform(split, index), self.own)

    def waveform(self, split: Split, index: int) -> NDArray[np.float32]:
        """The samples of one sound.

        Raises:
            BadData: It is no sound, or holds NaN or infinity; names the example.
            UsageError: The network takes sounds of another length.
        """
        sound = self._sound(split, index)
        if len(sound) != self.own.samples:
            raise UsageError(
                f"the network takes sounds of {self._seconds(self.own.samples)}, the dataset has "
                f"{self._seconds(len(sound))}",
                why=f"that is {self.own.samples:,} samples against {len(sound):,}",
                fix=f"read them with ?seconds={self.own.samples / self.own.rate:g}, or train with "
                "--from-scratch",
            )
        return sound

    def _sound(self, split: Split, index: int) -> NDArray[np.float32]:
        sound = split.read(index)
        if sound.ndim != 1 or sound.dtype != np.float32:
            raise BadData(
                f"example {index} cannot be used: it is {sound.dtype} of shape {sound.shape}",
                fix=_EXPECTED,
            )
        if not np.isfinite(sound).all():
            raise BadData(f"example {index} holds NaN or infinite values", fix=_EXPECTED)
        return sound

    def _seconds(self, samples: int) -> str:
        return f"{samples / self.own.rate:g} s"

    def front_end(self) -> FrontEnd:
        """The steps up to the normalization, behind samples of this rate and length."""
        from zoo.data.preprocessing.waveforms import front_end_of

        return front_end_of(self.own)

    def fit(self, dataset: Dataset) -> SoundPreprocessing:
        """Takes rate and length from the data, and measures mean and deviation of all values.

        Frames keep their length in time; the highest band ends where the rate allows.
        """
        split, before = dataset.splits["train"], self.own
        rate = dataset.rate or before.rate
        sized = replace(
            before,
            rate=rate,
            samples=len(self._sound(split, 0)),
            frame=max(1, round(before.frame * rate / before.rate)),
            hop=max(1, round(before.hop * rate / before.rate)),
            high=min(before.high, rate / 2),
            mean=(),
            std=(),
        )
        kind, total, squares = Sounds(sized), 0.0, 0.0
        for index in range(len(split)):
            values = kind.read(split, index).astype(np.float64)
            total += float(values.sum())
            squares += float(np.square(values).sum())
        count = len(split) * math.prod(sized.input_shape)
        mean = total / count
        std = math.sqrt(max(squares / count - mean**2, 0.0))
        # Sounds that are all silence have one value.
        std = std if std > 1e-6 else 1.0
        return replace(sized, mean=(float(np.float32(mean)),), std=(float(np.float32(std)),))

    def check_names(self, dataset: Dataset, subject: str, *, trained: bool = False) -> None:
        """Compares the rates, which arrays of samples do not show."""
        if dataset.rate in (0, self.own.rate):
            return
        raise UsageError(
            f"{dataset.name} has {dataset.rate:,} samples per second, and {subject} takes "
            f"{self.own.rate:,}",
            why="the same array is another sound at another rate",
            fix=f"read the data with ?rate={self.own.rate}, or train with --from-scratch",
        )

    def samples(self, given: str, data: str = "") -> SampleList:
        """Sound files, brought to the rate and the length that the network takes."""
        from zoo.data.samples.sounds import sound_samples

        return sound_samples(given, self.own.rate, self.own.samples)

    def picture(self, example: NDArray[Any]) -> NDArray[np.uint8]:
        """The log-mel energies, time from left to right, low frequencies at the bottom.

        The least value is black, the greatest white.
        """
        bands = features(example, replace(self.own, coefficients=0))
        values = bands[:, ::-1, 0].T.astype(np.float64)
        low, high = float(values.min()), float(values.max())
        unit = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
        return np.ascontiguousarray(np.round(unit * 255).astype(np.uint8))

    def range_problem(self, inputs: NDArray[Any]) -> str:
        """Compares mean and deviation of all values with those of the training."""
        if not self.own.mean:
            return ""
        (mean,), (std,) = self.own.mean, self.own.std
        found = float(inputs.mean(dtype=np.float64)), float(inputs.std(dtype=np.float64))
        if abs(found[0] - mean) <= _MEAN * std and found[1] <= _DEVIATION * std:
            return ""
        return (
            f"the values of the training were {mean:.4g} ± {std:.4g}; those of the data are "
            f"{found[0]:.4g} ± {found[1]:.4g}"
        )

    def with_synthetic_statistics(self) -> SoundPreprocessing:
        """With a mean and a deviation."""
        if self.own.mean:
            return self.own
        mean, std = _SYNTHETIC
        return replace(self.own, mean=(mean,), std=(std,))

    def synthetic_examples(
        self, labels: NDArray[Any], classes: int, random: Any, seed: int
    ) -> tuple[Any, Any]:
        """One pattern per class and noise per example, about the mean."""
        (mean,), (std,) = self.own.mean, self.own.std
        unit = (class_patterns(self.own.input_shape, labels, random, seed) - 128) / 64
        return (unit * std + mean).astype(np.float32), labels
