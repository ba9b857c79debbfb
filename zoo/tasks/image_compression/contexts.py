"""Of each number of a code its guess and its table, from the numbers that were coded before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.tasks.image_compression.symbol_tables import FARTHEST, GUESS_BITS, SymbolTables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


class Contexts:
    """Guesses and tables of numbers, of whole codes at once or of one number of each code.

    At the left edge the number above stands for that on the left, and at the top edge the other way
    round; in the first cell both are 0.

    Args:
        tables: With the weights of each channel.
    """

    def __init__(self, tables: SymbolTables) -> None:
        import numpy as np

        channels = tables.channels
        self.guess = np.array([channel.guess for channel in channels], np.int64)
        self.base, self.left, self.above = np.array(
            [channel.weights[:3] for channel in channels], np.int64
        ).T
        #: Of each channel, the weights of the channels before it, in the code's order.
        self.before = np.zeros((len(channels), len(channels)), np.int64)
        for number, channel in enumerate(channels):
            own = channel.weights[:2:-1]
            self.before[number, number - len(own) : number] = own
        self.limits = np.array(tables.limits, np.int64)

    def guesses(self, codes: Numbers) -> Numbers:
        """Of all numbers.

        Args:
            codes: (pictures, rows, columns, channels).
        """
        left, above = beside(codes)
        return guessed(left, above, self.guess.T)

    def tables(self, apart: Numbers) -> Numbers:
        """Of each number that of its table.

        Args:
            apart: Numbers without their guesses, (pictures, rows, columns, channels).
        """
        import numpy as np

        far = np.minimum(np.abs(apart), FARTHEST)
        left, above = beside(far)
        sums = self.base + self.left * left + self.above * above
        # Exact in real numbers of 64 bits, which are multiplied faster than whole ones.
        sums += np.rint(far.astype(np.float64) @ self.before.T.astype(np.float64)).astype(np.int64)
        found: Numbers = np.searchsorted(self.limits, sums, side="right")
        return found


def guessed(left: Numbers, above: Numbers, weights: Numbers) -> Numbers:
    """Guesses of numbers from those on the left and above.

    Args:
        left: Whole numbers.
        above: Likewise.
        weights: The three of `Channel.guess`, along the first axis.
    """
    half = 1 << (GUESS_BITS - 1)
    found: Numbers = (left * weights[0] + above * weights[1] + weights[2] + half) >> GUESS_BITS
    return found


def beside(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of each number that on the left and that above; see `Contexts` for the edges."""
    import numpy as np

    left, above = np.zeros_like(codes), np.zeros_like(codes)
    left[:, :, 1:] = codes[:, :, :-1]
    above[:, 1:] = codes[:, :-1]
    left[:, 1:, 0] = above[:, 1:, 0]
    above[:, 0] = left[:, 0]
    return left, above


def as_cells(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Rows, columns and channels of a code: what it has none of is 1, and what is more are rows."""
    *more, columns, channels = (1, *shape)
    return math.prod(more), columns, channels
