"""Tables of an entropy coder, and how one of them is chosen for each number of a code.

How far a number is from zero depends on its channel and on the numbers around it. So a weighted sum
of those that were coded before it chooses the table: all channels share the tables, and each has
weights of its own. All are whole numbers, so that every computer codes and decodes alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from zoo.common.errors import BadFile

#: Frequencies of a table add up to 2 to the power of so many.
BITS = 14
TOTAL = 1 << BITS
#: A guess is in so many parts of one: 64.
GUESS_BITS = 6
#: Farther than so from its guess a number counts as so far, in sums.
FARTHEST = 255
#: No weight is larger: sums then fit into 32 bits.
_LARGEST_WEIGHT = 1 << 13


@dataclass(frozen=True, kw_only=True)
class Table:
    """Whole numbers from `low` on, and at the end whatever is none of them.

    Attributes:
        low: The least number with a frequency of its own.
        frequencies: Of each number from there on, and of all others; each from 1, `TOTAL` together.
    """

    low: int
    frequencies: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How numbers of one channel are guessed, and their table is chosen.

    Attributes:
        guess: In parts of 64, the weights of the number on the left and of the one above, and what
            is added.
        weights: What is added, then the weights of how far from their guesses these are: the number
            on the left, the one above, and those of the same cell in the channels before, the
            nearest channel first; those that are not there have none.
    """

    guess: tuple[int, int, int]
    weights: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SymbolTables:
    """All that a coder of whole numbers knows.

    Attributes:
        tables: From those of numbers near their guesses to those of numbers far from them.
        limits: Ascending; the table is that whose number is how many of them the sum reaches.
        channels: In the order of the code's last axis.
    """

    tables: tuple[Table, ...]
    limits: tuple[int, ...]
    channels: tuple[Channel, ...]

    @cached_property
    def text(self) -> str:
        """``-2:5,90,16000,280,9;…|3,5,…|50,14,0:20,30,28,9,3;…``: tables, limits, channels."""
        return "|".join(
            [
                ";".join(f"{one.low}:{_listed(one.frequencies)}" for one in self.tables),
                _listed(self.limits),
                ";".join(f"{_listed(c.guess)}:{_listed(c.weights)}" for c in self.channels),
            ]
        )

    @cached_property
    def digest(self) -> bytes:
        """Two bytes by which coded files name their tables."""
        return hashlib.sha256(self.text.encode()).digest()[:2]


def parse_tables(text: str) -> SymbolTables:
    """Reads `SymbolTables.text`.

    Raises:
        BadFile: It is no such text, or frequencies do not add up.
    """
    parts = text.split("|")
    if len(parts) != 3:
        raise _bad(f"they have {len(parts)} parts, and not tables, limits and channels")
    tables = tuple(_table(part, number) for number, part in enumerate(parts[0].split(";"), 1))
    limits = _numbers(parts[1], "the limits") if parts[1] else ()
    if len(limits) != len(tables) - 1 or any(later <= one for one, later in pairwise(limits)):
        raise _bad(f"{len(limits)} limits do not part {len(tables)} tables")
    channels = tuple(_channel(part, number) for number, part in enumerate(parts[2].split(";"), 1))
    return SymbolTables(tables=tables, limits=limits, channels=channels)


def _table(part: str, number: int) -> Table:
    low, _, listed = part.partition(":")
    own = f"table {number}"
    found = Table(low=_numbers(low, own)[0], frequencies=_numbers(listed, own))
    if min(found.frequencies) < 1 or sum(found.frequencies) != TOTAL:
        raise _bad(f"those of {own} add up to {sum(found.frequencies)} instead of {TOTAL}")
    if abs(found.low) >= 1 << 17:
        raise _bad(f"{own} begins at {found.low}, and no number is so far from its guess")
    return found


def _channel(part: str, number: int) -> Channel:
    own = f"channel {number}"
    guess, _, listed = part.partition(":")
    weights, left_above = _numbers(listed, own), _numbers(guess, own)
    if len(left_above) != 3 or not 3 <= len(weights) <= 2 + number:
        raise _bad(f"{own} has {len(left_above)} and {len(weights)} weights")
    if max(map(abs, (*left_above, *weights))) > _LARGEST_WEIGHT:
        raise _bad(f"{own} has a weight above {_LARGEST_WEIGHT}")
    return Channel(guess=(left_above[0], left_above[1], left_above[2]), weights=weights)


def _numbers(listed: str, whose: str) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in listed.split(","))
    except ValueError:
        raise _bad(f"{listed[:40]!r} of {whose} is no list of whole numbers") from None


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _bad(why: str) -> BadFile:
    return BadFile(
        "the tables that codes of pictures are coded with cannot be read",
        why=why,
        fix="export the network again: its manifest has been changed",
    )
