"""Sounds as inputs: the logarithm of their energy in bands of frequency, over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Normalization, Preprocessing, check_moments, listed

#: Mel = `_MELS` · ln(1 + Hz / `_HERTZ`), as in the Hidden Markov Model Toolkit (HTK).
_MELS, _HERTZ = 1127.0, 700.0


@dataclass(frozen=True, kw_only=True)
class SoundPreprocessing(Preprocessing):
    """How a sound becomes a network input: log-mel energies, or cepstral coefficients (MFCC).

    A raw example is float32 (samples,), from -1 to 1, one channel, at `rate`. Outside the graph it
    is cut into frames; each is multiplied by a periodic Hann window and padded with zeros to
    `fft_length`; the magnitudes of its discrete Fourier transform are summed in triangular bands
    that are equally wide in mel; ``log(sum + floor)`` is the value of a band. With `coefficients`,
    the first of their cosine transform (DCT-II) take the place of the bands. Inside the graph,
    ``(value - mean) / std``. Mean and std are measured on the training split, once, and travel
    with the weights; so do rate and number of samples, which follow the data.

    These are the steps of ``tf.signal``, which MLPerf Tiny's keyword spotting takes.

    Attributes:
        rate: Samples per second.
        samples: Of a sound.
        frame: Samples of a frame.
        hop: Samples from the beginning of a frame to that of the next.
        bands: How many bands there are.
        low: Lower edge of the lowest band, in Hz.
        high: Upper edge of the highest band, in Hz.
        floor: Added to the sum of a band before the logarithm.
        coefficients: Of the cosine transform, from the first on; 0 leaves the bands.
        mean: Subtracted, one value; empty until it is measured.
        std: Divides, one value; empty until it is measured.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "sound"
    dtype = "float32"
    shown_as = "spectrogram"

    rate: int = 16_000
    samples: int = 16_000
    frame: int = 480
    hop: int = 320
    bands: int = 40
    low: float = 20.0
    high: float = 4000.0
    floor: float = 1e-6
    coefficients: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    kind: Literal["sound"] = "sound"

    def __post_init__(self) -> None:
        name = "preprocessing"
        whole = (self.rate, self.samples, self.frame, self.hop, self.bands)
        check(min(whole) > 0, name, "rate, samples, frame, hop and bands must be positive")
        fits = self.frame <= self.samples
        check(fits, name, f"a frame of {self.frame} is longer than {self.samples} samples")
        edges = 0 <= self.low < self.high <= self.rate / 2
        check(edges, name, f"bands must lie between 0 and {self.rate / 2:g} Hz, low below high")
        check(math.isfinite(self.floor) and self.floor > 0, name, "floor must be > 0")
        known = 0 <= self.coefficients <= self.bands
        check(known, name, "there are no more coefficients than bands")
        empty = [n for n, (low, _, high) in enumerate(self.band_edges()) if self._empty(low, high)]
        told = f"band {empty[0] + 1} holds no frequency of the transform" if empty else ""
        check(not empty, name, f"{told}: take fewer bands, or longer frames")
        if self.mean or self.std:
            check_moments(self.mean, self.std, 1)

    @property
    def fft_length(self) -> int:
        """The least power of two that holds a frame."""
        return 1 << (self.frame - 1).bit_length()

    @property
    def frames(self) -> int:
        """Whole frames of a sound."""
        return 1 + (self.samples - self.frame) // self.hop

    @property
    def values(self) -> int:
        """Values of a frame."""
        return self.coefficients or self.bands

    def band_edges(self) -> list[tuple[float, float, float]]:
        """Lower edge, centre and upper edge of each band, in mel."""
        low, high = mel(self.low), mel(self.high)
        step = (high - low) / (self.bands + 1)
        return [
            (low + n * step, low + (n + 1) * step, low + (n + 2) * step) for n in range(self.bands)
        ]

    def _empty(self, low: float, high: float) -> bool:
        """Whether no frequency of the transform lies within a band."""
        spacing = self.rate / self.fft_length
        first = int(hertz_of(low) / spacing) + 1
        return not any(low < mel(n * spacing) < high for n in (first, first + 1))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(frames, values, 1)."""
        return (self.frames, self.values, 1)

    @property
    def axes(self) -> tuple[str, ...]:
        """Time, frequency, and an axis of one for networks of pictures."""
        return ("time", "frequency", "channel")

    @property
    def value_range(self) -> tuple[float, float]:
        """Three standard deviations about the mean."""
        mean, std = (self.mean or (0.0,))[0], (self.std or (1.0,))[0]
        return mean - 3 * std, mean + 3 * std

    @property
    def normalization(self) -> Normalization | None:
        """Of all values alike; None before it is measured."""
        return (1.0, self.mean, self.std) if self.mean else None

    def describe(self) -> dict[str, str]:
        """Sound, frames, bands, normalization."""
        milliseconds = 1000 / self.rate
        values = f"{self.coefficients} cepstral coefficients of " if self.coefficients else ""
        moments = f"(value − {listed(self.mean)}) / {listed(self.std)}"
        return {
            "input": f"{self.frames} frames of {self.values} "
            + ("cepstral coefficients" if self.coefficients else "log-mel energies"),
            "sound": f"{self.samples:,} samples from -1 to 1, one channel, {self.rate:,} a second",
            "frames": f"{self.frame} samples ({self.frame * milliseconds:g} ms), every {self.hop} "
            f"({self.hop * milliseconds:g} ms), Hann window, transform of {self.fft_length}",
            "bands": f"{values}log(sum + {self.floor:g}) of magnitudes in {self.bands} bands from "
            f"{self.low:g} to {self.high:g} Hz, equally wide in mel",
            "normalization": moments if self.mean else "measured when trained",
        }


def mel(hertz: float) -> float:
    """A frequency in mel."""
    return _MELS * math.log1p(hertz / _HERTZ)


def hertz_of(mels: float) -> float:
    """A frequency in Hz, given in mel."""
    return _HERTZ * math.expm1(mels / _MELS)
