"""Tables of an entropy coder: how often each whole number occurs in each channel of a code.

They are whole numbers themselves, so that every computer codes and decodes alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from zoo.common.errors import BadFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Frequencies of a channel add up to 2 to the power of so many.
BITS = 14
TOTAL = 1 << BITS
#: At most so many numbers of a channel have a frequency of their own.
_MOST = 512


@dataclass(frozen=True, kw_only=True)
class ChannelTable:
    """One channel: numbers from `low` on, and at the end whatever is none of them.

    Attributes:
        low: The least number with a frequency of its own.
        frequencies: Of each number from there on, and of all others; each from 1, `TOTAL` together.
    """

    low: int
    frequencies: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SymbolTables:
    """The tables of all channels.

    Attributes:
        channels: In the order of the code's last axis.
    """

    channels: tuple[ChannelTable, ...]

    @cached_property
    def text(self) -> str:
        """``-2:5,90,16000,280,9;…``: of each channel `low` and the frequencies."""
        return ";".join(f"{c.low}:{','.join(map(str, c.frequencies))}" for c in self.channels)

    @cached_property
    def digest(self) -> bytes:
        """Two bytes by which coded files name their tables."""
        return hashlib.sha256(self.text.encode()).digest()[:2]


def parse_tables(text: str) -> SymbolTables:
    """Reads `SymbolTables.text`.

    Raises:
        BadFile: It is no such text, or frequencies do not add up.
    """
    channels = []
    for number, part in enumerate(text.split(";"), start=1):
        low, _, listed = part.partition(":")
        try:
            found = ChannelTable(
                low=int(low), frequencies=tuple(int(one) for one in listed.split(","))
            )
        except ValueError:
            raise _bad(number, f"{part[:40]!r} is no list of frequencies") from None
        if min(found.frequencies) < 1 or sum(found.frequencies) != TOTAL:
            raise _bad(number, f"they add up to {sum(found.frequencies)} instead of {TOTAL}")
        if abs(found.low) >= 1 << 15:
            raise _bad(number, f"they begin at {found.low}, which is no number of 16 bits")
        channels.append(found)
    return SymbolTables(channels=tuple(channels))


def counted_tables(codes: NDArray[np.int16]) -> SymbolTables:
    """Tables of how often numbers occur.

    Args:
        codes: Whole numbers, (examples, …, channels).
    """
    flat = codes.reshape(-1, codes.shape[-1])
    return SymbolTables(channels=tuple(_counted(flat[:, n]) for n in range(flat.shape[1])))


def _counted(values: NDArray[np.int16]) -> ChannelTable:
    import numpy as np

    low, high = int(values.min()), int(values.max())
    if high - low >= _MOST:  # Those far from the middle are coded in full.
        low = max(low, int(np.median(values)) - _MOST // 2)
        high = min(high, low + _MOST - 1)
    inside = values[(values >= low) & (values <= high)].astype(np.int64)
    counts = np.bincount(inside - low, minlength=high - low + 1).astype(np.int64)
    counts = np.append(counts, len(values) - len(inside))
    return ChannelTable(low=low, frequencies=tuple(_scaled(counts.tolist())))


def _scaled(counts: list[int]) -> list[int]:
    """In proportion, each from 1, `TOTAL` together; whole numbers throughout."""
    room, together = TOTAL - len(counts), sum(counts)
    scaled = [1 + count * room // together for count in counts]
    scaled[scaled.index(max(scaled))] += TOTAL - sum(scaled)
    return scaled


def _bad(number: int, why: str) -> BadFile:
    return BadFile(
        f"the frequencies of channel {number} of the code cannot be read",
        why=why,
        fix="export the network again: its manifest has been changed",
    )
