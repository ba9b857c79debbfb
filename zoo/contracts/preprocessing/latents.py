"""Noise as input of a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Preprocessing
from zoo.contracts.preprocessing.images import ImagePreprocessing


@dataclass(frozen=True, kw_only=True)
class LatentPreprocessing(Preprocessing):
    """Latent vectors of a generator: noise determined by a seed and the example's number.

    The n-th input belongs to the n-th example of a split, so that as much is generated as there
    is real to compare with.

    Attributes:
        size: Normally distributed values of one input.
        examples: How the real examples are read that a generator learns from.
        judge: Model id of the packaged classifier in whose features what is generated is compared
            with what is real. It travels with the weights, so that distances stay comparable.
        seed: Of the noise.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "latent"
    dtype = "float32"
    is_noise = True

    size: int
    examples: ImagePreprocessing
    judge: str
    seed: int = 0
    kind: Literal["latent"] = "latent"

    def __post_init__(self) -> None:
        check(self.size > 0, "preprocessing", "size must be positive")
        check(self.seed >= 0, "preprocessing", "seed must not be negative")

    @property
    def input_shape(self) -> tuple[int]:
        """(size,)."""
        return (self.size,)

    @property
    def axes(self) -> tuple[str, ...]:
        """Noise."""
        return ("feature",)

    @property
    def value_range(self) -> tuple[float, float]:
        """Three standard deviations."""
        return (-3.0, 3.0)

    @property
    def training(self) -> ImagePreprocessing:
        """Real images."""
        return self.examples

    def describe(self) -> dict[str, str]:
        """Size of the noise, and what it learns from."""
        real = self.examples
        return {
            "input": f"{self.size} normally distributed values",
            "learns from": f"{real.height}×{real.width}×{real.channels} images",
            "judged by": f"features of {self.judge}",
        }
