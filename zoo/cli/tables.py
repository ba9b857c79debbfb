"""Plain tables on a terminal: aligned, and never cut when the output is a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.common import terminal
from zoo.common.shown_text import columns


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Prints rows in aligned columns.

    Args:
        headings: One per column.
        rows: Texts, as many as headings.
        right: A letter per column, ``r`` for right-aligned; missing letters mean left.
    """
    headings, *lines = [[terminal.cell(str(cell)) for cell in row] for row in [headings, *rows]]
    widths = [max(columns(row[i]) for row in [headings, *lines]) for i in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            _blanks(cell, width) + cell if right[i : i + 1] == "r" else cell + _blanks(cell, width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    terminal.echo((line(headings), "heading"))
    for row in lines:
        terminal.echo(line(row))


def _blanks(cell: str, width: int) -> str:
    return " " * (width - columns(cell))


def human_count(number: int) -> str:
    """``61706`` → ``61.7 k``."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return str(number)


def human_bytes(number: int) -> str:
    """``69392`` → ``69.4 kB``."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number} B"
