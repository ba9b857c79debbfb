"""Quantization errors of tensors, shared by the formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.layers import EXACT_DB

Array = NDArray[Any]
#: What varies by less than this share of the size is rounding.
_CONSTANT = 1e-12


@dataclass(kw_only=True)
class NoisePower:
    """Power of a signal and of its error, accumulated over examples."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, expected: Array, found: Array) -> None:
        """One example; the shapes must be the same."""
        real = expected.astype(np.float64)
        self.signal += float(np.square(real).sum())
        self.noise += float(np.square(real - found.astype(np.float64)).sum())

    @property
    def decibels(self) -> float | None:
        """Signal to noise; None of a signal that is all zeros, or of what is not finite."""
        if not np.isfinite(self.signal) or self.signal == 0.0 or np.isnan(self.noise):
            return None
        if self.noise == 0.0:
            return EXACT_DB
        ratio = np.float64(self.signal) / np.float64(self.noise)
        return float(np.clip(10.0 * np.log10(ratio), -EXACT_DB, EXACT_DB))


@dataclass(kw_only=True)
class ComponentNoise(NoisePower):
    """Power of the component of a vector that is the noisiest beside what varies of it.

    Real targets may be of different size, and lie far from zero: one scale for all of them can lose
    the small ones while the whole is hardly touched.
    """

    _sums: list[Array] = field(default_factory=list)

    def add(self, expected: Array, found: Array) -> None:
        """One example; the shapes must be the same."""
        real = expected.astype(np.float64).reshape(-1)
        error = real - found.astype(np.float64).reshape(-1)
        if not self._sums:
            self._sums = [real, *(np.zeros_like(real) for _ in range(4))]
        begin, count, away, squares, noise = self._sums
        count += 1.0
        away += real - begin  # sums of large numbers would lose what varies
        squares += np.square(real - begin)
        noise += np.square(error)
        varying = squares - np.square(away) / count
        kept = varying > _CONSTANT * count * np.square(begin)
        worst = int(np.where(kept, noise / np.where(kept, varying, 1.0), -1.0).argmax())
        self.signal, self.noise = float(varying[worst]), float(noise[worst])


@dataclass(frozen=True, kw_only=True)
class IntegerMapping:
    """Affine mapping between a tensor's integers and real numbers, with a single scale."""

    scale: float
    zero_point: int
    dtype: str

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest real number that they can stand for."""
        limits = np.iinfo(self.dtype)
        return (
            (int(limits.min) - self.zero_point) * self.scale,
            (int(limits.max) - self.zero_point) * self.scale,
        )

    def of(self, values: Array) -> Array:
        """The integers nearest to real numbers."""
        limits = np.iinfo(self.dtype)
        steps = np.rint(values.astype(np.float64) / self.scale) + self.zero_point
        numbers: Array = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return numbers

    def real(self, values: Array) -> Array:
        """What integers stand for, float32."""
        centred = values.astype(np.float64) - self.zero_point
        return (centred * self.scale).astype(np.float32)

    def rounded(self, values: Array) -> Array:
        """Real numbers as they come out of the integers, float32."""
        return self.real(self.of(values))


@dataclass(kw_only=True)
class OutputStatistics:
    """Error statistics of one operator's output, accumulated over examples.

    Attributes:
        integers: What its integers stand for.
        answers: Whether it is a vector of real numbers that the network answers with, of which each
            counts for itself.
    """

    integers: IntegerMapping | None = None
    answers: bool = False
    whole: NoisePower = field(default_factory=NoisePower)
    own: NoisePower = field(default_factory=NoisePower)
    inputs: NoisePower = field(default_factory=NoisePower)
    output: NoisePower = field(default_factory=NoisePower)
    low: float = np.inf
    high: float = -np.inf
    beyond: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        if self.answers:
            self.whole, self.own = ComponentNoise(), ComponentNoise()
            self.inputs, self.output = ComponentNoise(), ComponentNoise()

    def add(self, expected: Array, found: Array) -> None:
        """Adds one example: values of the baseline and of the file, as real numbers."""
        self.whole.add(expected, found)
        self.count += expected.size
        if expected.size:
            self.low = min(self.low, float(expected.min()))
            self.high = max(self.high, float(expected.max()))
        if self.integers is not None:
            low, high = self.integers.range
            # Half a step beyond the ends still rounds to them.
            slack = self.integers.scale / 2 * (1 + 1e-6)
            self.beyond += int(np.count_nonzero(expected < low - slack))
            self.beyond += int(np.count_nonzero(expected > high + slack))
            self.output.add(expected, self.rounded(expected))

    def real(self, values: Array) -> Array:
        """The file's values of this output as real numbers."""
        return values if self.integers is None else self.integers.real(values)

    def rounded(self, values: Array) -> Array:
        """Real numbers rounded as the file rounds this output."""
        return values if self.integers is None else self.integers.rounded(values)

    def figures(self) -> dict[str, Any]:
        """Fields of an `OperatorRecord`."""
        known = self.integers is not None
        low, high = self.integers.range if self.integers is not None else (None, None)
        return {
            "sqnr_db": self.whole.decibels,
            "own_sqnr_db": self.own.decibels,
            "input_sqnr_db": self.inputs.decibels,
            "output_sqnr_db": self.output.decibels if known else None,
            "low": self.low if self.count else None,
            "high": self.high if self.count else None,
            "range_low": low,
            "range_high": high,
            "clipped": self.beyond / self.count if known and self.count else None,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredWeights:
    """The weights of an operator, as a file holds them.

    Attributes:
        values: As real numbers; None where there are none, or unknown ones.
        axis: That of the output channels.
        scales: How many scales they have; None for real weights.
        bits: Of each of them; None for real weights.
    """

    values: Array | None
    axis: int
    scales: int | None = None
    bits: int | None = None


def weight_figures(real: Array | None, stored: StoredWeights) -> dict[str, Any]:
    """What an `OperatorRecord` says of weights: their number type, error and spread.

    Args:
        real: The baseline's.
        stored: The file's.
    """
    return {
        "weight_scales": stored.scales,
        "weight_bits": stored.bits,
        **_differences(real, stored.values, stored.axis),
    }


def _differences(real: Array | None, found: Array | None, axis: int) -> dict[str, Any]:
    if real is None or real.size == 0:
        return {}
    most = np.abs(real).max(axis=tuple(i for i in range(real.ndim) if i != axis % real.ndim))
    most = most[most > 0]
    spread = float(most.max() / most.min()) if len(most) else None
    if found is None or found.shape != real.shape:
        return {"weight_spread": spread}
    noise = NoisePower()
    noise.add(real, found)
    return {"weight_spread": spread, "weight_sqnr_db": noise.decibels}
