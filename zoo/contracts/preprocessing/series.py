"""Windows of time series as inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Normalization, Preprocessing, check_moments, listed

#: So many names of channels are shown.
_NAMED = 12


@dataclass(frozen=True, kw_only=True)
class SeriesPreprocessing(Preprocessing):
    """How a window of a time series becomes a network input.

    A raw example is float32 (steps, channels). Inside the graph, ``(value - mean) / std`` per
    channel. The record of a variant leaves mean and std empty: they are measured on the training
    split, once, and then travel with the weights. So do steps and channels, which follow the
    data when a network is trained from scratch.

    Attributes:
        steps: Values in time of each channel.
        channels: Values at each step.
        mean: Subtracted, one value per channel; empty until it is measured.
        std: Divides, one value per channel; empty until it is measured.
        names: Of the channels in the data of the training, in their order; empty where they had
            none.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "series"
    dtype = "float32"
    shown_as = "curves"

    steps: int
    channels: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    kind: Literal["series"] = "series"

    def __post_init__(self) -> None:
        positive = self.steps > 0 and self.channels > 0
        check(positive, "preprocessing", "steps and channels must be positive")
        if self.mean or self.std:
            check_moments(self.mean, self.std, self.channels)
        if self.names:
            told = f"{len(self.names)} names for {self.channels} channels"
            check(len(self.names) == self.channels, "preprocessing", told)

    @property
    def input_shape(self) -> tuple[int, int]:
        """(steps, channels)."""
        return (self.steps, self.channels)

    @property
    def axes(self) -> tuple[str, ...]:
        """Time, and what is measured at each step."""
        return ("time", "channel")

    @property
    def value_range(self) -> tuple[float, float]:
        """Three standard deviations about the mean, over all channels."""
        moments = list(zip(self.mean, self.std, strict=True)) or [(0.0, 1.0)]
        return min(m - 3 * s for m, s in moments), max(m + 3 * s for m, s in moments)

    @property
    def normalization(self) -> Normalization | None:
        """Per channel; None before it is measured."""
        return (1.0, self.mean, self.std) if self.mean else None

    def describe(self) -> dict[str, str]:
        """Size, normalization."""
        moments = f"(value − {listed(self.mean)}) / {listed(self.std)}"
        names = f" ({', '.join(self.names[:_NAMED])}{', …' * (len(self.names) > _NAMED)})"
        return {
            "input": f"{self.steps} steps of {self.channels} channels{names * bool(self.names)}, "
            "raw values",
            "normalization": moments if self.mean else "per channel, measured when trained",
        }
