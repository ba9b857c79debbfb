"""Waveforms as inputs of files that begin with the front end of a network for sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Preprocessing
from zoo.contracts.preprocessing.sounds import SoundPreprocessing


@dataclass(frozen=True, kw_only=True)
class WaveformPreprocessing(Preprocessing):
    """The samples of a sound, float32 (samples,) from -1 to 1, one channel, as they are.

    What a network takes of them is computed inside of the file.

    Attributes:
        rate: Samples per second.
        samples: Of a sound.
        network: The record of the network behind: frames, bands and so on.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "waveform"
    dtype = "float32"
    shown_as = "spectrogram"

    rate: int
    samples: int
    network: SoundPreprocessing
    kind: Literal["waveform"] = "waveform"

    def __post_init__(self) -> None:
        own = self.network
        same = (own.rate, own.samples) == (self.rate, self.samples)
        check(same, "preprocessing", "network must be a record of sounds of this rate and length")

    @property
    def of_network(self) -> SoundPreprocessing:
        """Frames of values, computed of the samples."""
        return self.network

    @property
    def sample_rate(self) -> int:
        """That of the sounds."""
        return self.rate

    @property
    def input_shape(self) -> tuple[int]:
        """(samples,)."""
        return (self.samples,)

    @property
    def axes(self) -> tuple[str, ...]:
        """Time alone."""
        return ("time",)

    @property
    def value_range(self) -> tuple[float, float]:
        """Full scale."""
        return -1.0, 1.0

    def describe(self) -> dict[str, str]:
        """The samples, and what the file computes of them."""
        inner = self.of_network.describe()
        return {
            "input": f"{self.samples:,} samples from -1 to 1, one channel, {self.rate:,} a second",
            "inside": inner["input"],
            **{name: inner[name] for name in ("frames", "bands", "normalization")},
        }
