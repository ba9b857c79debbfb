"""Plain tables on a terminal, and whole when the output is a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.common import terminal
from zoo.common.table_layout import HEADING, TextColumns, wrapped

#: Text beside a name is wrapped to no less than this.
_NARROWEST = 20


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: str = "",
    *,
    spare: Sequence[str] = (),
    prose: Sequence[str] = (),
) -> None:
    """Prints rows in aligned columns, in a terminal as wide as it is.

    Args:
        headings: One per column.
        rows: Texts, as many as headings.
        right: A letter per column, ``r`` for right-aligned; missing letters mean left.
        spare: Headings of columns that a narrow terminal may do without, the first one first.
        prose: Headings of columns whose text may be wrapped between words.
    """
    headings, *rows = [[terminal.cell(str(cell)) for cell in row] for row in [headings, *rows]]
    table = TextColumns(headings=headings, rows=rows, right=right, spare=spare, prose=prose)
    for line in table.lines(terminal.width()):
        heading = any(piece.row == HEADING for piece in line)
        terminal.echo(("".join(p.text for p in line).rstrip(), "heading" if heading else ""))


def print_value(name: str, text: str, indent: int) -> None:
    """Prints a name and what it stands for, wrapped between words and indented in a terminal.

    Args:
        name: In front of the first line.
        text: What the lines hold.
        indent: Columns in front of each of them.
    """
    width = terminal.width()
    lines = [text]
    if width is not None:
        lines = wrapped(terminal.cell(text), max(width - indent, _NARROWEST))
    for line in lines:
        terminal.echo(f"{name:<{indent}}{line}".rstrip())
        name = ""


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
