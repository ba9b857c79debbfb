"""Tables and weights of an entropy coder, from codes of pictures.

Weights of guesses are least squares; those of sums are least squares of how far numbers are from
their guesses, none below zero; and the tables are counts, mixed with a Laplace distribution, since
some numbers are seen but rarely.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.tasks.image_compression.contexts import Contexts, as_cells, beside
from zoo.tasks.image_compression.symbol_tables import (
    FARTHEST,
    GUESS_BITS,
    TOTAL,
    Channel,
    SymbolTables,
    Table,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Real = NDArray[np.float64]
    Numbers = NDArray[np.int64]

#: A sum of so much stands for a number that is one apart from its guess.
_UNIT = 256
#: Sums that part the tables, in units: from numbers that are nearly always 0 on.
_LEAST, _MOST, _TABLES = 0.01, 60.0, 40
#: A table is mixed with so many numbers of a Laplace distribution, and is as wide.
_MIXED, _WIDE = 100.0, 14.0
_LARGEST = 8000
#: Shrinks weights of what hardly says anything.
_RIDGE = 1e-3
_SWEEPS = 15


def counted_tables(codes: NDArray[np.int16]) -> SymbolTables:
    """Tables and weights that suit codes.

    Args:
        codes: Whole numbers, (pictures, …, channels); cells in rows and columns, usually.
    """
    import numpy as np

    values = codes.astype(np.int64).reshape(len(codes), *as_cells(codes.shape[1:]))
    guesses = [_guess(values, number) for number in range(values.shape[-1])]
    limits = np.unique(np.rint(np.geomspace(_LEAST, _MOST, _TABLES - 1) * _UNIT)).astype(int)
    bare = SymbolTables(
        tables=(),
        limits=tuple(limits.tolist()),
        channels=tuple(Channel(guess=own, weights=(0, 0, 0)) for own in guesses),
    )
    apart = values - Contexts(bare).guesses(values)
    far = np.minimum(np.abs(apart), FARTHEST).astype(np.float64)
    around = beside(far)
    channels = tuple(
        Channel(guess=own, weights=_weights(far, around, number))
        for number, own in enumerate(guesses)
    )
    chosen = Contexts(SymbolTables(tables=(), limits=bare.limits, channels=channels)).tables(apart)
    ends = np.array([_LEAST / 2, *(limits / _UNIT), 2 * _MOST])
    usual = np.sqrt(ends[:-1] * ends[1:])
    tables = tuple(
        _table(apart[chosen == number], float(usual[number])) for number in range(len(usual))
    )
    return SymbolTables(tables=tables, limits=bare.limits, channels=channels)


def _guess(values: Numbers, number: int) -> tuple[int, int, int]:
    """Least squares of a channel from the numbers on the left and above."""
    import numpy as np

    own = values[..., number : number + 1]
    left, above = (one.ravel().astype(np.float64) for one in beside(own))
    given = np.stack([left, above, np.ones_like(left)], axis=1)
    wanted = own.ravel().astype(np.float64)
    square = given.T @ given + np.diag([_RIDGE * len(wanted)] * 2 + [1e-9])
    found = np.rint(np.linalg.solve(square, given.T @ wanted) * (1 << GUESS_BITS))
    a, b, c = np.clip(found, -_LARGEST, _LARGEST).astype(int).tolist()
    return a, b, c


def _weights(far: Real, around: tuple[Real, Real], number: int) -> tuple[int, ...]:
    """Of the sum of a channel: what is added, left, above, and the channels before, nearest first.

    Relative errors are what counts, so examples are weighed by what was found at first.
    """
    import numpy as np

    columns = [np.ones(far.shape[:-1]), *(one[..., number] for one in around)]
    columns += [far[..., before] for before in range(number - 1, -1, -1)]
    given = np.stack([column.ravel() for column in columns], axis=1)
    wanted = far[..., number].ravel()
    weights, found = np.ones(len(wanted)), np.zeros(len(columns))
    for _ in range(2):
        scaled = given * weights[:, None]
        square = scaled.T @ scaled + _RIDGE * len(wanted) * np.eye(len(columns))
        found = _none_below_zero(square, scaled.T @ (wanted * weights))
        weights = 1.0 / np.maximum(given @ found, 0.05)
    whole = np.clip(np.rint(found * _UNIT), 0, _LARGEST).astype(int).tolist()
    while len(whole) > 3 and whole[-1] == 0:
        whole.pop()
    return tuple(whole)


def _none_below_zero(square: Real, right: Real) -> Real:
    """Least squares from their normal equations, each unknown at least 0, one after the other."""
    import numpy as np

    found = np.zeros(len(right))
    for _ in range(_SWEEPS):
        for place in range(len(right)):
            rest = right[place] - square[place] @ found
            found[place] = max(0.0, found[place] + rest / square[place, place])
    return found


def _table(values: Numbers, usual: float) -> Table:
    """Counts of numbers, mixed with a Laplace distribution of the same mean distance from 0."""
    import numpy as np

    mean = (float(np.abs(values).sum()) + _MIXED * usual) / (len(values) + _MIXED)
    wide = min(math.ceil(2 + _WIDE * mean), 2000)
    inside = values[np.abs(values) <= wide]
    counts = np.bincount(inside + wide, minlength=2 * wide + 1).astype(np.float64)
    # Decay of a two-sided geometric distribution with that mean distance.
    decay = (math.sqrt(1.0 + mean**2) - 1.0) / mean
    smooth = decay ** np.abs(np.arange(-wide, wide + 1))
    counts += _MIXED * smooth / smooth.sum()
    others = len(values) - len(inside) + 0.1
    shares = np.append(counts, others) / (counts.sum() + others)
    return Table(low=-wide, frequencies=tuple(_scaled(shares)))


def _scaled(shares: Real) -> list[int]:
    """Whole numbers in proportion, each from 1, `TOTAL` together."""
    import numpy as np

    scaled: list[int] = (1 + np.floor(shares * (TOTAL - len(shares)))).astype(int).tolist()
    scaled[scaled.index(max(scaled))] += TOTAL - sum(scaled)
    return scaled
