"""Distances between two samples of features: Fréchet's, and the kernel distance.

Both are estimates from samples: the real data itself, held against more of the same, is not at
zero. A distance is meaningful only beside that floor, from samples of the same size.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require

if TYPE_CHECKING:
    import numpy as np

    from zoo.contracts.task import Array

#: Resamplings for a standard deviation, and how many deviations an interval of 95 % spans.
RESAMPLINGS, _DEVIATIONS = 50, 1.96
_TINY = 1e-12
#: Parts of a sample that are drawn together.
_BLOCKS = 500
#: Samples of the kernel distance, and how large each is.
SUBSETS, SUBSET_SIZE = 40, 400
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
    def of(cls, features: Array) -> Moments:
        """Of a sample, shape (examples, features)."""
        found = _Blocks(features, about=features).moments()
        return cls(mean=found.mean + features.mean(axis=0), covariance=found.covariance)


class _Blocks:
    """Block sums of a sample, from which bootstrap moments are computed quickly.

    Args:
        features: Shape (examples, features).
        about: Sums are taken about this sample's mean: near zero, squares lose no digits. It is
            the same for all samples that are compared.
    """

    def __init__(self, features: Array, about: Array) -> None:
        import numpy as np

        values = features.astype(np.float64) - about.mean(axis=0, dtype=np.float64)
        parts = np.array_split(values, min(_BLOCKS, len(values)))
        self.counts = np.array([len(part) for part in parts], np.float64)
        self.sums = np.stack([part.sum(axis=0) for part in parts])
        self.squares = np.stack([part.T @ part for part in parts])

    def moments(self, times: Array | None = None) -> Moments:
        """Of the whole sample, or with each block taken so many times."""
        import numpy as np

        times = np.ones(len(self.counts)) if times is None else times
        total = float(times @ self.counts)
        mean = times @ self.sums / total
        squares = np.tensordot(times, self.squares, 1)
        return Moments(mean=mean, covariance=(squares - total * np.outer(mean, mean)) / (total - 1))

    def draw(self, random: np.random.Generator) -> Array:
        """How often each block is drawn when as many are drawn with replacement as there are."""
        import numpy as np

        size = len(self.counts)
        return np.bincount(random.integers(0, size, size), minlength=size).astype(np.float64)


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
class RealDistances:
    """Fréchet distances from real data.

    Attributes:
        generated: Of what was generated.
        held_out: Of more real data.
        ratio: The one over the other.
    """

    generated: Estimate
    held_out: Estimate
    ratio: Estimate


def real_distances(real: Array, generated: Array, held_out: Array) -> RealDistances:
    """Fréchet distances with bootstrap intervals over all three samples.

    Blocks of examples are drawn, not single ones: examples are in no order that would matter, and
    a sum per block makes a lot less to add up.

    A resampled sample repeats examples, which alone makes it more distant; so the resampled
    distances only lend their spread, about their own mean, to the intervals around the values.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    with _one_thread():
        parts = [_Blocks(sample, about=real) for sample in (real, generated, held_out)]
        values = _distances([part.moments() for part in parts])
        found = np.array(
            [
                _distances([part.moments(part.draw(random)) for part in parts])
                for _ in range(RESAMPLINGS)
            ]
        )
    ratio = values[0] / max(values[1], _TINY)
    spread = np.log(np.maximum(found[:, 0], _TINY) / np.maximum(found[:, 1], _TINY)).std(ddof=1)
    factor = math.exp(_DEVIATIONS * float(spread))
    estimates = [_interval_around(v, f, least=0.0) for v, f in zip(values, found.T, strict=True)]
    return RealDistances(
        generated=estimates[0],
        held_out=estimates[1],
        ratio=Estimate(value=ratio, low=ratio / factor, high=ratio * factor),
    )


def _distances(moments: list[Moments]) -> list[float]:
    """Of the second and the third from the first."""
    root = _root(moments[0])
    return [frechet(moments[0], other, root) for other in moments[1:]]


def paired_rise(real: Array, before: Array, after: Array) -> Estimate:
    """The paired rise of the distance from real data, from `before` to `after`.

    The same examples are drawn from both in each resampling, so what they have in common (which
    latents were drawn) cancels out.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    with _one_thread():
        whole = _Blocks(real, about=real).moments()
        root = _root(whole)
        pair = [_Blocks(sample, about=real) for sample in (before, after)]

        def rise(times: Array | None) -> float:
            first, second = (frechet(whole, sample.moments(times), root) for sample in pair)
            return second - first

        value = rise(None)
        found = [rise(pair[0].draw(random)) for _ in range(RESAMPLINGS)]
    return _interval_around(value, np.asarray(found))


def kernel_estimate(real: Array, sample: Array) -> Estimate:
    """Kernel distance: unbiased squared MMD, kernel ``(x·y / d + 1)³`` (Bińkowski et al. 2018).

    The mean over subsets; their spread, scaled to the size of the smaller sample, gives the 95 %
    interval (subsampling, Politis & Romano 1994).
    """
    import numpy as np

    smaller = min(len(real), len(sample))
    size = min(SUBSET_SIZE, max(2, smaller // 2))
    random = np.random.default_rng(_SEED)

    def drawn(features: Array) -> Array:
        chosen: Array = features[random.choice(len(features), size, replace=False)]
        return chosen

    with _one_thread():
        found = np.array([_mmd(drawn(real), drawn(sample)) for _ in range(SUBSETS)])
    value = float(found.mean())
    half = _DEVIATIONS * float(found.std(ddof=1)) * math.sqrt(size / smaller)
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


def _one_thread() -> AbstractContextManager[Any]:
    """Limits linear algebra to one thread: small matrices gain nothing from more.

    Measured with two processors and five processes: 20 s with threads, 0.3 s without.
    """
    limits: AbstractContextManager[Any] = require("threadpoolctl").threadpool_limits(1)
    return limits


def _interval_around(value: float, found: Array, least: float = -math.inf) -> Estimate:
    half = _DEVIATIONS * float(found.std(ddof=1))
    return Estimate(value=value, low=max(value - half, least), high=value + half)
