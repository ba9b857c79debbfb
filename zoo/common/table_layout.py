"""Tables of text that fit a terminal: narrower columns first, then fewer, then a block per row.

Nothing is cut. What is left out is named once below the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zoo.common.shown_text import columns

GAP = "  "
#: Text that may be wrapped keeps this many columns.
_LEAST = 20
_INDENT = "  "
#: In place of a row's number: the headings, and what stands below the table.
HEADING, BELOW = -1, -2


class Piece(NamedTuple):
    """A piece of a line, with the numbers of its row and column."""

    text: str
    row: int
    column: int


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """The texts of a table, ready to be measured.

    Attributes:
        rows: Cells, as many as headings.
        right: A letter per column, ``r`` for right-aligned; missing letters mean left.
        spare: Headings of columns that a narrow terminal may do without, the first one first.
        prose: Headings of columns whose text may be wrapped between words.
        more: How to see what was left out.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: str = ""
    spare: Sequence[str] = ()
    prose: Sequence[str] = ()
    more: str = "a wider terminal or --json shows them"

    def lines(self, width: int | None = None) -> Iterator[list[Piece]]:
        """The table's lines for a terminal of that many columns; without a number, all of it."""
        shown = list(range(len(self.headings)))
        once: list[int] = []
        left_out: list[int] = []
        spare = [self.headings.index(name) for name in self.spare if name in self.headings]
        order = sorted(spare, key=lambda i: self._same(i) is None)
        while (widths := self._fitted(shown, width)) is None and order:
            column = order.pop(0)
            shown.remove(column)
            same = self._same(column)
            if same is None:
                left_out.append(column)
            elif same:
                once.append(column)
        if widths is None:
            assert width is not None
            first = self._first
            yield [Piece(self.headings[first], HEADING, first)]
            for number in range(len(self.rows)):
                yield from self._block(number, width)
            return
        yield from self._row(HEADING, self.headings, shown, widths)
        for number, row in enumerate(self.rows):
            yield from self._row(number, row, shown, widths)
        told = "in each row: " if len(self.rows) > 1 else ""
        if once:
            cells = [f"{self.headings[i]} {self.rows[0][i]}" for i in sorted(once)]
            yield from _below(f"{told}{', '.join(cells)}", width)
        if left_out:
            names = ", ".join(self.headings[i] for i in sorted(left_out))
            yield from _below(f"not shown at this width: {names}; {self.more}", width)

    @property
    def _first(self) -> int:
        """The column with the rows' names: in front of it may be marks, without a heading."""
        return next((i for i, head in enumerate(self.headings) if head), 0)

    def _same(self, column: int) -> str | None:
        """The cell that all rows share; None where they differ."""
        cells = {row[column] for row in self.rows}
        return cells.pop() if len(cells) == 1 else None

    def _fitted(self, shown: Sequence[int], width: int | None) -> list[int] | None:
        """Widths of these columns; None where they do not fit."""
        cells = [[row[i] for row in self.rows] for i in shown]
        heads = [self.headings[i] for i in shown]
        natural = [
            max(map(columns, (head, *own)), default=0)
            for head, own in zip(heads, cells, strict=True)
        ]
        gaps = len(GAP) * (len(shown) - 1)
        if width is None or sum(natural) + gaps <= width:
            return natural
        least = []
        for head, own, most in zip(heads, cells, natural, strict=True):
            if head in self.prose:
                least.append(max(min(most, _LEAST), _longest_word((head, *own))))
            else:
                least.append(max(_longest_word((head,)), *map(columns, own), 0))
        room = width - gaps - sum(least)
        if room < 0:
            return None
        for _ in range(room):
            tight = max(range(len(least)), key=lambda i: natural[i] / max(least[i], 1))
            least[tight] += natural[tight] > least[tight]
        return least

    def _row(
        self, number: int, cells: Sequence[str], shown: Sequence[int], widths: Sequence[int]
    ) -> Iterator[list[Piece]]:
        parts = [wrapped(cells[i], width) for i, width in zip(shown, widths, strict=True)]
        for level in range(max(map(len, parts))):
            line = []
            for place, (column, width, part) in enumerate(zip(shown, widths, parts, strict=True)):
                text = part[level] if level < len(part) else ""
                space = " " * (width - columns(text))
                right = self.right[column : column + 1] == "r"
                gap = GAP if place else ""
                line += [
                    Piece(gap + (space if right else ""), BELOW, column),
                    Piece(text, number, column),
                    Piece("" if right else space, BELOW, column),
                ]
            yield line

    def _block(self, number: int, width: int) -> Iterator[list[Piece]]:
        """A row's name on a line of its own, and its other cells below, each with its heading."""
        row, first = self.rows[number], self._first
        name = " ".join(cell for cell in row[: first + 1] if cell)
        for text in wrapped(name, width) if self.headings[first] in self.prose else [name]:
            yield [Piece(text, number, first)]
        line: list[Piece] = []
        used = 0
        for column in range(first + 1, len(row)):
            if not row[column]:
                continue
            head = f"{self.headings[column]} " if self.headings[column] else ""
            need = columns(head) + columns(row[column])
            if line and used + len(GAP) + need > width:
                yield line
                line, used = [], 0
            before = GAP if line else _INDENT
            if not line and len(_INDENT) + need > width:
                for text in wrapped(f"{head}{row[column]}", width - len(_INDENT)):
                    yield [Piece(_INDENT, BELOW, column), Piece(text, number, column)]
                continue
            line += [Piece(before + head, BELOW, column), Piece(row[column], number, column)]
            used += len(before) + need
        if line:
            yield line


def wrapped(text: str, width: int) -> list[str]:
    """Text broken between words into lines of at most so many columns; a word is never cut."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _below(text: str, width: int | None) -> Iterator[list[Piece]]:
    for line in [text] if width is None else wrapped(text, width):
        yield [Piece(line, BELOW, 0)]


def _longest_word(texts: Sequence[str]) -> int:
    return max((columns(word) for text in texts for word in text.split(" ")), default=0)
