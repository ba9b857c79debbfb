"""Distances between two samples of features: Fréchet's, and the kernel distance.

Both are estimates from samples: the real data itself, held against more of the same, is not at
zero. A distance says something only beside that floor, from samples of the same size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from zoo.contracts.task import Array

#: Resamplings that tell a standard deviation, and how many of those an interval of 95 % reaches.
RESAMPLINGS, _DEVIATIONS = 50, 1.96
_TINY = 1e-12
#: Samples of the kernel distance, and how large each is.
SUBSETS, SUBSET_SIZE = 40, 500
_SEED = 20_141


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean and covariance of features, float64."""

    mean: Array
    covariance: Array

    @classmethod
    def of(cls, features: Array, weights: Array | None = None) -> Moments:
        """Of a sample, shape (examples, features); how often each example counts."""
        import numpy as np

        values = features.astype(np.float64, copy=False)
        total = len(values) if weights is None else int(weights.sum())
        weighted = values if weights is None else values * weights[:, None]
        mean = weighted.sum(axis=0) / total
        covariance = (weighted.T @ values - total * np.outer(mean, mean)) / (total - 1)
        return cls(mean=mean, covariance=covariance)


def frechet(first: Moments, second: Moments, root: Array | None = None) -> float:
    """Fréchet distance of two normal distributions (Dowson & Landau 1982; Heusel et al. 2017).

    ``|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)``. The trace of the root is taken from the symmetric
    ``C1^½ C2 C1^½``, whose eigenvalues are those of the product; `root` is ``C1^½`` for those who
    have it already.
    """
    import numpy as np

    half = _root(first) if root is None else root
    product = np.linalg.eigvalsh(half @ second.covariance @ half)
    shared = float(np.sqrt(np.clip(product, 0.0, None)).sum())
    spread = float(np.trace(first.covariance) + np.trace(second.covariance))
    between = float(((first.mean - second.mean) ** 2).sum())
    return max(between + spread - 2.0 * shared, 0.0)


def _root(moments: Moments) -> Array:
    import numpy as np

    values, vectors = np.linalg.eigh(moments.covariance)
    root: Array = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    return root


@dataclass(frozen=True, kw_only=True)
class AgainstReal:
    """Fréchet distances from real data.

    Attributes:
        generated: Of what was generated.
        held_out: Of more real data.
        ratio: The one over the other.
    """

    generated: Estimate
    held_out: Estimate
    ratio: Estimate


def against_real(real: Array, generated: Array, held_out: Array) -> AgainstReal:
    """Fréchet distances with bootstrap intervals over all three samples.

    A resampled sample repeats examples, which alone makes it more distant; so the resampled
    distances only lend their spread, about their own mean, to the intervals around the values.
    """
    import numpy as np

    parts = [_centred(sample, real) for sample in (real, generated, held_out)]
    values = _distances([Moments.of(part) for part in parts])
    random = np.random.default_rng(_SEED)
    found = np.array(
        [
            _distances([Moments.of(p, _counts(len(p), random)) for p in parts])
            for _ in range(RESAMPLINGS)
        ]
    )
    ratio = values[0] / max(values[1], _TINY)
    spread = np.log(np.maximum(found[:, 0], _TINY) / np.maximum(found[:, 1], _TINY)).std(ddof=1)
    factor = math.exp(_DEVIATIONS * float(spread))
    estimates = [_around(v, f) for v, f in zip(values, found.T, strict=True)]
    return AgainstReal(
        generated=estimates[0],
        held_out=estimates[1],
        ratio=Estimate(value=ratio, low=ratio / factor, high=ratio * factor),
    )


def _distances(moments: list[Moments]) -> list[float]:
    """Of the second and the third from the first."""
    root = _root(moments[0])
    return [frechet(moments[0], other, root) for other in moments[1:]]


def paired_rise(real: Array, before: Array, after: Array) -> Estimate:
    """How much farther from real `after` is than `before`; the n-th of both belong together.

    The same examples are drawn from both in each resampling, so what they have in common (which
    latents were drawn) cancels out.
    """
    import numpy as np

    whole = Moments.of(_centred(real, real))
    root = _root(whole)
    pair = [_centred(sample, real) for sample in (before, after)]

    def rise(counts: Array | None) -> float:
        first, second = (frechet(whole, Moments.of(s, counts), root) for s in pair)
        return second - first

    random = np.random.default_rng(_SEED)
    found = [rise(_counts(len(before), random)) for _ in range(RESAMPLINGS)]
    return _around(rise(None), np.asarray(found))


def kernel_estimate(real: Array, sample: Array) -> Estimate:
    """Kernel distance: unbiased squared MMD, kernel ``(x·y / d + 1)³`` (Bińkowski et al. 2018).

    The mean over subsets, and the 95 % interval of that mean.
    """
    import numpy as np

    size = min(SUBSET_SIZE, len(real), len(sample))
    random = np.random.default_rng(_SEED)
    found = np.array(
        [
            _mmd(
                real[random.choice(len(real), size, replace=False)],
                sample[random.choice(len(sample), size, replace=False)],
            )
            for _ in range(SUBSETS)
        ]
    )
    value = float(found.mean())
    half = _DEVIATIONS * float(found.std(ddof=1)) / SUBSETS**0.5
    return Estimate(value=value, low=value - half, high=value + half)


def _mmd(first: Array, second: Array) -> float:
    import numpy as np

    first, second = first.astype(np.float64), second.astype(np.float64)
    n, size = len(first), first.shape[1]

    def kernel(a: Array, b: Array) -> Array:
        values: Array = (a @ b.T / size + 1.0) ** 3
        return values

    def within(a: Array) -> float:
        values = kernel(a, a)
        return float((values.sum() - np.trace(values)) / (n * (n - 1)))

    return within(first) + within(second) - 2.0 * float(kernel(first, second).mean())


def _counts(size: int, random: np.random.Generator) -> Array:
    """How often each of `size` examples is drawn when `size` are drawn with replacement."""
    import numpy as np

    return np.bincount(random.integers(0, size, size), minlength=size)


def _centred(features: Array, about: Array) -> Array:
    """Near zero, sums of squares lose no digits."""
    import numpy as np

    return features.astype(np.float64) - about.mean(axis=0, dtype=np.float64)


def _around(value: float, found: Array) -> Estimate:
    half = _DEVIATIONS * float(found.std(ddof=1))
    return Estimate(value=value, low=value - half, high=value + half)
