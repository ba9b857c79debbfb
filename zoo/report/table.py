"""The terminal table: one line per file, then reasons and remarks."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.common import terminal
from zoo.common.table_layout import HEADING, TextColumns
from zoo.pipeline.rows import ArtifactRow
from zoo.report.columns import FileCells, FileColumns, file_columns
from zoo.results import formatting as fmt

if TYPE_CHECKING:  # rich is loaded when something is printed
    from rich.console import Console

_BADGES = {"within": "passed", "over": "rejected", "can't tell": "skipped"}
_STYLES = {"passed": "green", "rejected": "red", "failed": "bold red", "skipped": "dim"}


@dataclass(frozen=True)
class _Column:
    """A column of the table.

    Attributes:
        heading: With the unit, so that cells can do without.
        left: Aligned to the left; else to the right.
        keep: Columns with the lowest number are left out first; None: never.
    """

    heading: str
    text: Callable[[FileCells], str]
    left: bool = False
    keep: int | None = None


@dataclass(frozen=True)
class _Cell:
    text: str
    style: str = ""


def print_files(
    rows: Sequence[ArtifactRow], remarks: Sequence[str] = (), console: Console | None = None
) -> None:
    """Prints the files of a run, why some do not count, and the remarks.

    In a terminal, columns that do not fit are left out, the least telling first, and named; into a
    pipe or file goes everything, plain. A file name is never wrapped or cut.
    """
    from rich.text import Text

    console = console or terminal.console()
    width = console.width if console.is_terminal else None
    for pieces in (*_table(rows, width), *_notes(rows, remarks, width)):
        line = Text()
        for piece in pieces:
            line.append(terminal.encodable(piece.text, console.file), piece.style)
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def _table(rows: Sequence[ArtifactRow], width: int | None) -> Iterator[list[_Cell]]:
    if not rows:
        yield [_Cell("This run exported no file.")]
        return
    columns = file_columns(rows)
    all_columns = _columns(columns)
    optional = [column for column in all_columns if column.keep is not None]
    table = TextColumns(
        headings=[terminal.cell(column.heading) for column in all_columns],
        rows=[[terminal.cell(c.text(cells)) for c in all_columns] for cells in columns.cells],
        right="".join("l" if column.left else "r" for column in all_columns),
        spare=[terminal.cell(c.heading) for c in sorted(optional, key=lambda c: c.keep or 0)],
    )
    verdict = len(all_columns) - 1
    for line in table.lines(width):
        styled = (_STYLES[p.text] if p.row >= 0 and p.column == verdict else "" for p in line)
        bold = any(piece.row == HEADING for piece in line)
        yield [_Cell(p.text, "bold" if bold else s) for p, s in zip(line, styled, strict=True)]
    clocks = (one.clock for row in rows for one in row.files)
    for clock in dict.fromkeys(clock for clock in clocks if clock != "real"):
        yield [_Cell(f"( ) {clock}: not the device's own time", "dim")]
    if any(part.p50_ms is not None for row in rows for part in row.parts):
        yield [_Cell("a + b: p50 of each file by itself; together they were not timed", "dim")]
    if any(row.noisy_files for row in rows):
        yield [_Cell("~ measured while the host was not quiet", "dim")]


def plain_table(rows: Sequence[ArtifactRow]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the whole table as text."""
    if not rows:
        return [], []
    columns = file_columns(rows)
    shown = _columns(columns)
    texts = [[column.text(cells) for column in shown] for cells in columns.cells]
    return [column.heading for column in shown], texts


def plain_notes(rows: Sequence[ArtifactRow], remarks: Sequence[str]) -> list[str]:
    """Why some files do not count, and the remarks, a line each."""
    lines = ("".join(cell.text for cell in cells) for cells in _notes(rows, remarks, None))
    return [line.removeprefix("- ") for line in lines if line]


def _columns(columns: FileColumns) -> list[_Column]:
    sign = " %" if columns.points and columns.labelled else columns.sign
    metric = f"{columns.metric}{sign}"
    shown = [
        _Column("file", lambda c: c.file, left=True),
        _Column("precision", lambda c: c.precision, left=True, keep=1),
        _Column(columns.size_unit.symbol, lambda c: c.size),
        _Column("ratio", lambda c: c.ratio, keep=2),
        _Column(metric, lambda c: c.accuracy_short),
        _Column(columns.change, lambda c: c.change, keep=4),
        _Column(columns.parity, lambda c: c.parity, keep=3),
    ]
    if columns.measured:
        shown.append(_Column(f"p50 / p90 {columns.time_unit.symbol}", _latency))
    if any(cells.row.budgets for cells in columns.cells):
        shown.append(_Column("budget", lambda c: budget_summary(c.row), left=True))
    shown.append(_Column("verdict", lambda c: c.row.verdict, left=True))
    return shown


def _latency(cells: FileCells) -> str:
    if cells.row.p50_ms is not None and not cells.row.timed:
        return f"({cells.latency})"
    row = cells.row
    if any(part.clock != "real" for part in row.parts):
        return f"({cells.latency})"
    noisy = "~" if row.noisy_files or (row.quiet is False and row.p50_ms is not None) else ""
    return noisy + cells.latency


def _notes(
    rows: Sequence[ArtifactRow], remarks: Sequence[str], width: int | None
) -> Iterator[list[_Cell]]:
    noted = [row for row in rows if row.verdict != "passed" or row.reason]
    if noted:
        yield []
    alike: dict[tuple[str, str], list[str]] = {}
    for row in noted:
        reason = fmt.plain(row.reason) or "no reason was recorded"
        alike.setdefault((row.verdict, reason), []).append(fmt.plain(row.file))
    for (verdict, reason), files in alike.items():
        yield from _note(
            f"{verdict:<8}  ", f"{fmt.listed(files)}: {reason}", _STYLES[verdict], width
        )
    if remarks:
        yield []
    for remark in remarks:
        yield from _note("- ", fmt.plain(remark), "", width)


def _note(label: str, text: str, style: str, width: int | None) -> Iterator[list[_Cell]]:
    """A label with its text; in a terminal wrapped between words, indented under the label."""
    lines = [text]
    if width is not None:
        room = max(width - len(label), 20)
        lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    yield [_Cell(label, style), _Cell(lines[0])]
    for line in lines[1:]:
        yield [_Cell(" " * len(label)), _Cell(line)]


@dataclass(frozen=True, kw_only=True)
class BudgetLine:
    """One budget of one file as text.

    Attributes:
        budget: ``p90<=20ms``.
        verdict: ``within``, ``over`` or ``can't tell``.
    """

    file: str
    device: str
    budget: str
    measured: str
    verdict: str
    badge: str


def budget_summary(row: ArtifactRow) -> str:
    """What a file's budgets came to, in a word."""
    verdicts = {judgement.verdict for _, judgement in row.budgets}
    found = next((v for v in ("over", "can't tell", "within") if v in verdicts), None)
    return found or fmt.MISSING


def budget_lines(rows: Sequence[ArtifactRow]) -> list[BudgetLine]:
    """Every budget of every file."""
    return [
        BudgetLine(
            file=row.file,
            device=device,
            budget=judgement.budget,
            measured=judgement.reason,
            verdict=judgement.verdict,
            badge=_BADGES[judgement.verdict],
        )
        for row in rows
        for device, judgement in row.budgets
    ]
