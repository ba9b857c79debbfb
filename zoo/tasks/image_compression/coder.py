"""Codes of pictures as bytes, and back, by asymmetric numeral systems.

Duda 2013 (arXiv:1311.2540), the range variant: a state of 32 bits, words of 16. Each picture is a
stream of its own; many are coded side by side, one number of each at a time, so that numpy does the
work. A coded picture is, in little-endian order:

    2 bytes  which tables it was coded with
    2 bytes  how many numbers are in no table
    4 bytes  the state
    2 each   words that the decoder reads
    2 each   those numbers, in their order
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData, BadFile
from zoo.tasks.image_compression.contexts import Contexts, as_cells, guessed
from zoo.tasks.image_compression.symbol_tables import BITS, FARTHEST, TOTAL, SymbolTables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = 16
_LEAST = 1 << _WORD
_HEADER = 8
#: Numbers in no table are counted in two bytes.
_MOST_UNLISTED = 0xFFFF


class CodeCoder:
    """Codes and decodes with given tables.

    Args:
        tables: One channel for each of the last axis of codes.
    """

    def __init__(self, tables: SymbolTables) -> None:
        import numpy as np

        self._digest, self._contexts = tables.digest, Contexts(tables)
        sizes = [len(one.frequencies) for one in tables.tables]
        shape = (len(sizes), max(sizes))
        self._lows = np.array([one.low for one in tables.tables], np.int64)
        self._others = np.array(sizes, np.int64) - 1
        self._frequencies, self._starts = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        self._symbols = np.zeros((len(sizes), TOTAL), np.int64)
        for number, table in enumerate(tables.tables):
            own = np.array(table.frequencies, np.uint64)
            self._frequencies[number, : len(own)] = own
            self._starts[number, : len(own)] = np.cumsum(own) - own
            self._symbols[number] = np.repeat(np.arange(len(own)), own.astype(np.int64))

    def encode(self, codes: NDArray[np.int16]) -> list[bytes]:
        """One coded picture for each.

        Args:
            codes: Whole numbers, (pictures, …, channels); cells in rows and columns, usually.

        Raises:
            BadData: The channels are not those of the tables, or too many numbers are in no table.
        """
        import numpy as np

        count = len(codes)
        self._refuse_channels(codes.shape[-1])
        whole = codes.astype(np.int64).reshape(count, *as_cells(codes.shape[1:]))
        apart = whole - self._contexts.guesses(whole)
        tables = self._contexts.tables(apart).reshape(count, -1)
        symbols = apart.reshape(count, -1) - self._lows[tables]
        unlisted = (symbols < 0) | (symbols >= self._others[tables])
        symbols = np.where(unlisted, self._others[tables], symbols)
        frequencies, starts = self._frequencies[tables, symbols], self._starts[tables, symbols]
        values = codes.reshape(count, -1)
        state = np.full(count, _LEAST, np.uint64)
        words = np.zeros(values.shape, np.uint16)
        written = np.zeros(values.shape, bool)
        room, word, bits = np.uint64(32 - BITS), np.uint64(_WORD), np.uint64(BITS)
        for place in range(values.shape[1] - 1, -1, -1):
            often = frequencies[:, place]
            full = state >= (often << room)
            words[:, place] = (state & np.uint64(_LEAST - 1)).astype(np.uint16)
            written[:, place] = full
            state = np.where(full, state >> word, state)
            state = ((state // often) << bits) + state % often + starts[:, place]
        found = []
        for number in range(count):
            others = values[number][unlisted[number]].astype("<i2")
            if len(others) > _MOST_UNLISTED:
                raise BadData(
                    f"{len(others):,} numbers of a code are not in the tables",
                    why=f"a coded picture has room for {_MOST_UNLISTED:,} of them",
                    fix="code it with the tables of the network that made it, or in smaller parts",
                )
            found.append(
                self._digest
                + len(others).to_bytes(2, "little")
                + int(state[number]).to_bytes(4, "little")
                + words[number][written[number]].astype("<u2").tobytes()
                + others.tobytes()
            )
        return found

    def decode(self, coded: Sequence[bytes], shape: tuple[int, ...]) -> NDArray[np.int16]:
        """The codes, int16 (pictures, *shape).

        Args:
            coded: From `encode`.
            shape: Of one code; the channels last.

        Raises:
            BadData: The channels are not those of the tables.
            BadFile: A picture was coded with other tables, or is damaged.
        """
        import numpy as np

        self._refuse_channels(shape[-1])
        streams = _Streams(coded, self._digest)
        rows, columns, channels = as_cells(shape)
        # Numbers and how far they are from their guesses, with a cell more on the left and above.
        # Pictures are last: what is read of all of them lies side by side.
        whole = np.zeros((rows + 1, columns + 1, channels, len(coded)), np.int64)
        far = np.zeros_like(whole)
        own = self._contexts
        for row, column in np.ndindex(rows, columns):
            left, above = (row + 1, column), (row, column + 1)
            left, above = left if column else above, above if row else left
            guesses = guessed(whole[left], whole[above], own.guess.T[:, :, None])
            sums = own.base[:, None] + own.left[:, None] * far[left]
            sums += own.above[:, None] * far[above]
            values, apart = whole[row + 1, column + 1], far[row + 1, column + 1]
            for channel in range(channels):
                table = np.searchsorted(own.limits, sums[channel], side="right")
                slot = streams.slots()
                symbol = self._symbols[table, slot]
                streams.advance(self._frequencies[table, symbol], self._starts[table, symbol], slot)
                found = symbol + self._lows[table] + guesses[channel]
                values[channel] = streams.in_full(symbol == self._others[table], found)
                apart[channel] = np.minimum(np.abs(values[channel] - guesses[channel]), FARTHEST)
                if apart[channel].any():
                    sums[channel + 1 :] += own.before[channel + 1 :, channel, None] * apart[channel]
            # In each cell, so that guesses, too, stay within 64 bits.
            beyond = (values != values.astype(np.int16)).any(axis=0)
            if beyond.any():
                raise _damaged(int(beyond.argmax()), "a number in it has more than 16 bits")
        streams.refuse_rest()
        decoded = np.moveaxis(whole[1:, 1:], -1, 0).astype(np.int16)
        return decoded.reshape(len(coded), *shape)

    def _refuse_channels(self, channels: int) -> None:
        if channels != len(self._contexts.base):
            raise BadData(
                f"the code has {channels} channels, and the tables are for "
                f"{len(self._contexts.base)}",
                fix="take tables and network from one file",
            )


class _Streams:
    """Coded pictures that are read side by side, one number of each at a time.

    Raises:
        BadFile: A picture was coded with other tables, or is cut off.
    """

    def __init__(self, coded: Sequence[bytes], digest: bytes) -> None:
        import numpy as np

        words, others = [], []
        self.state = np.zeros(len(coded), np.uint64)
        for number, one in enumerate(coded):
            end = len(one) - 2 * int.from_bytes(one[2:4], "little")
            if one[:2] != digest or end < _HEADER or (end - _HEADER) % 2:
                raise _damaged(number, "its first bytes name other tables, or it is cut off")
            self.state[number] = int.from_bytes(one[4:8], "little")
            words.append(np.frombuffer(one[_HEADER:end], "<u2"))
            others.append(np.frombuffer(one[end:], "<i2"))
        self.lengths, self.words = _side_by_side(words)
        self.counts, self.others = _side_by_side(others)
        self.at, self.taken = np.zeros((2, len(coded)), np.int64)
        self.rows = np.arange(len(coded))

    def slots(self) -> NDArray[np.int64]:
        """Of each picture, the place in the table of its next number."""
        import numpy as np

        return (self.state & np.uint64(TOTAL - 1)).astype(np.int64)

    def advance(
        self, often: NDArray[np.uint64], start: NDArray[np.uint64], slot: NDArray[np.int64]
    ) -> None:
        """Takes the number whose frequency and start these are out of each state."""
        import numpy as np

        state = often * (self.state >> np.uint64(BITS)) + slot.astype(np.uint64) - start
        low = state < np.uint64(_LEAST)
        following = self.words[self.rows, np.minimum(self.at, self.words.shape[1] - 1)]
        taken = (state << np.uint64(_WORD)) | following.astype(np.uint64)
        self.state = np.where(low, taken, state)
        self.at += low

    def in_full(self, unlisted: NDArray[np.bool_], found: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers, with those that are in no table read from behind the words."""
        import numpy as np

        if not unlisted.any():
            return found
        following = self.others[self.rows, np.minimum(self.taken, self.others.shape[1] - 1)]
        self.taken += unlisted
        return np.where(unlisted, following, found)

    def refuse_rest(self) -> None:
        """At the end.

        Raises:
            BadFile: A picture has not been read to its end, or beyond it.
        """
        whole = (self.state == _LEAST) & (self.at == self.lengths) & (self.taken == self.counts)
        for number in self.rows[~whole].tolist():
            raise _damaged(number, "its last state is not that which coding began with")


def _side_by_side(lists: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lengths, and lists of different ones as rows, with a zero at least at the end."""
    import numpy as np

    lengths = np.array([len(one) for one in lists], np.int64)
    found = np.zeros((len(lists), int(lengths.max(initial=0)) + 1), np.int64)
    for number, one in enumerate(lists):
        found[number, : len(one)] = one
    return lengths, found


def _damaged(number: int, why: str) -> BadFile:
    return BadFile(
        f"coded picture {number + 1} cannot be decoded",
        why=why,
        fix="decode it with the file that it was coded with, and copy it again",
    )
