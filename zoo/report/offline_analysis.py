"""Tables of offline analyses, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zoo.contracts.offline_analysis import Cell, Figure, FigureTable
from zoo.execution.offline_analysis import OfflineAnalysis
from zoo.results import formatting as fmt

_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """Cells as they are shown.

    Attributes:
        numeric: Of each column, whether its cells are numbers.
    """

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]


@dataclass(frozen=True, kw_only=True)
class AnalysedKind:
    """The files that were analysed for devices of one kind, which have the same figures.

    Attributes:
        table: A row per file: its name, the device, the verdict, then figures.
        records: In the order of the rows.
    """

    table: TextTable
    records: Sequence[OfflineAnalysis]


def analysed_kinds(records: Sequence[OfflineAnalysis]) -> Iterator[AnalysedKind]:
    """Analyses by kind of device, in the order in which the kinds come."""
    for kind in dict.fromkeys(record.device_kind for record in records):
        own = [record for record in records if record.device_kind == kind]
        names = list(dict.fromkeys(figure.name for r in own for figure in r.figures))
        table = TextTable(
            name=kind,
            headings=("file", "device", "verdict", *names),
            rows=[_row(record, names) for record in own],
            numeric=(False, False, False, *(True for _ in names)),
        )
        yield AnalysedKind(table=table, records=own)


def _row(record: OfflineAnalysis, names: Sequence[str]) -> list[str]:
    figures = {figure.name: format_figure(figure) for figure in record.figures}
    known = (figures.get(name, fmt.MISSING) for name in names)
    return [record.file, record.device, record.verdict, *known]


def detail_tables(record: OfflineAnalysis) -> Iterator[TextTable]:
    """What was found operator by operator, or layer by layer."""
    for table in record.tables:
        yield TextTable(
            name=table.name,
            headings=table.headings,
            rows=[[format_cell(cell) for cell in row] for row in table.rows],
            numeric=[_is_numeric(table, place) for place in range(len(table.headings))],
        )


def _is_numeric(table: FigureTable, place: int) -> bool:
    return any(isinstance(row[place], int | float) for row in table.rows)


def format_figure(figure: Figure) -> str:
    """``43.6 of 256 KiB``; an estimate begins with ``~``."""
    value, limit, unit = figure.value, figure.limit, figure.unit
    if unit == "B":
        value, limit, unit = value / _KIB, None if limit is None else limit / _KIB, "KiB"
    most = "" if limit is None or figure.value == limit == 0 else f" of {_number(limit)}"
    about = "~" if figure.estimate else ""
    return f"{about}{_number(value)}{most}{' ' if unit else ''}{unit}"


def format_cell(cell: Cell) -> str:
    """A number in few digits; an unknown one as a dash."""
    if cell is None:
        return fmt.MISSING
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def basis(record: OfflineAnalysis) -> str:
    """The configuration that the figures are for, and the tools that found them."""
    tools = ", ".join(f"{name} {version}" for name, version in record.tools.items())
    told = ", ".join(
        f"{key} {value}"
        for key, value in record.configuration.items()
        if not isinstance(value, dict) and value not in ("", None, 0)
    )
    return f"{record.device}: {told}; by {tools}"
