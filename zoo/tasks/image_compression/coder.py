"""Codes of pictures as bytes, and back, by asymmetric numeral systems.

Duda 2013 (arXiv:1311.2540), the range variant: a state of 32 bits, words of 16. Each picture is a
stream of its own; many are coded side by side, one number of each at a time, so that numpy does the
work. A coded picture is, in little-endian order:

    2 bytes  which tables it was coded with
    2 bytes  how many numbers have no frequency of their own
    4 bytes  the state
    2 each   words that the decoder reads
    2 each   those numbers, in their order
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, BadFile
from zoo.tasks.image_compression.symbol_tables import BITS, TOTAL, SymbolTables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = 16
_LEAST = 1 << _WORD
_HEADER = 8


class CodeCoder:
    """Codes and decodes with given tables.

    Args:
        tables: One channel for each of the last axis of codes.
    """

    def __init__(self, tables: SymbolTables) -> None:
        import numpy as np

        self._tables = tables
        sizes = [len(channel.frequencies) for channel in tables.channels]
        shape = (len(sizes), max(sizes))
        self._lows = np.array([channel.low for channel in tables.channels], np.int64)
        self._others = np.array(sizes, np.int64) - 1
        self._frequencies, self._starts = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        self._symbols = np.zeros((len(sizes), TOTAL), np.int64)
        for number, channel in enumerate(tables.channels):
            own = np.array(channel.frequencies, np.uint64)
            self._frequencies[number, : len(own)] = own
            self._starts[number, : len(own)] = np.cumsum(own) - own
            self._symbols[number] = np.repeat(np.arange(len(own)), own.astype(np.int64))

    def encode(self, codes: NDArray[np.int16]) -> list[bytes]:
        """One coded picture for each.

        Args:
            codes: Whole numbers, (pictures, …, channels).

        Raises:
            BadData: The channels are not those of the tables.
        """
        import numpy as np

        count, channels = len(codes), codes.shape[-1]
        if channels != len(self._lows):
            raise BadData(
                f"the code has {channels} channels, and the tables are for {len(self._lows)}",
                fix="take tables and network from one file",
            )
        values = codes.reshape(count, -1).astype(np.int64)
        places = np.arange(values.shape[1]) % channels
        symbols = values - self._lows[places]
        unlisted = (symbols < 0) | (symbols >= self._others[places])
        symbols = np.where(unlisted, self._others[places], symbols)
        frequencies = self._frequencies[places, symbols]
        starts = self._starts[places, symbols]
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
            found.append(
                self._tables.digest
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
            BadFile: A picture was coded with other tables, or is damaged.
        """
        import numpy as np

        each = int(np.prod(shape))
        streams, others, state = [], [], np.zeros(len(coded), np.uint64)
        for number, one in enumerate(coded):
            escaped = int.from_bytes(one[2:4], "little")
            end = len(one) - 2 * escaped
            if one[:2] != self._tables.digest or end < _HEADER or (end - _HEADER) % 2:
                raise _damaged(number, "its first bytes name other tables, or it is cut off")
            state[number] = int.from_bytes(one[4:8], "little")
            streams.append(np.frombuffer(one[_HEADER:end], "<u2"))
            others.append(np.frombuffer(one[end:], "<i2"))
        lengths = np.array([len(stream) for stream in streams])
        words = np.zeros((len(coded), int(lengths.max(initial=0)) + 1), np.uint64)
        for number, stream in enumerate(streams):
            words[number, : len(stream)] = stream
        symbols, at = np.empty((len(coded), each), np.int64), np.zeros(len(coded), np.int64)
        rows, mask = np.arange(len(coded)), np.uint64(TOTAL - 1)
        channels = np.arange(each) % shape[-1]
        for place, channel in enumerate(channels.tolist()):
            slot = state & mask
            symbol = self._symbols[channel, slot.astype(np.int64)]
            symbols[:, place] = symbol
            often, start = self._frequencies[channel, symbol], self._starts[channel, symbol]
            state = often * (state >> np.uint64(BITS)) + slot - start
            low = state < np.uint64(_LEAST)
            following = words[rows, np.minimum(at, words.shape[1] - 1)]
            state = np.where(low, (state << np.uint64(_WORD)) | following, state)
            at += low
        unlisted = symbols == self._others[channels]
        values = symbols + self._lows[channels]
        for number in range(len(coded)):
            own = unlisted[number]
            whole = state[number] == _LEAST and at[number] == lengths[number]
            if not whole or own.sum() != len(others[number]):
                raise _damaged(number, "its last state is not that which coding began with")
            values[number][own] = others[number]
        decoded: NDArray[np.int16] = values.astype(np.int16).reshape(len(coded), *shape)
        return decoded


def _damaged(number: int, why: str) -> BadFile:
    return BadFile(
        f"coded picture {number + 1} cannot be decoded",
        why=why,
        fix="decode it with the file that it was coded with, and copy it again",
    )
