"""Inputs of networks whose meaning only their author knows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Preprocessing


@dataclass(frozen=True, kw_only=True)
class TensorPreprocessing(Preprocessing):
    """Real numbers as the network takes them: nothing is done to a sample.

    Attributes:
        name: What the network's author called the input; files call it so, too.
        shape: Of one sample, in the network's own order of axes.
        low: Least number of the training samples.
        high: Greatest number of them.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "tensor"
    dtype: ClassVar[str] = "float32"

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    kind: Literal["tensor"] = "tensor"

    def __post_init__(self) -> None:
        check(bool(self.name), "preprocessing", "the input needs a name")
        check(all(side > 0 for side in self.shape), "preprocessing", "sides must be positive")
        ordered = math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high
        check(ordered, "preprocessing", "low and high must be finite and in this order")

    @property
    def called(self) -> str:
        """The network's own name of it."""
        return self.name

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.shape

    @property
    def axes(self) -> tuple[str, ...]:
        """Numbers: what the axes mean is not known."""
        return tuple(f"axis {number}" for number in range(1, len(self.shape) + 1))

    @property
    def value_range(self) -> tuple[float, float]:
        """That of the training samples."""
        return (self.low, self.high)

    def describe(self) -> dict[str, str]:
        """Its name and shape, and that nothing is done to it."""
        sides = "×".join(map(str, self.shape)) or "one number"
        return {"input": f"{self.name}, {sides}, as it is"}
