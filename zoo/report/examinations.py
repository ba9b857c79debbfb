"""What was found of files for devices that nothing is timed on, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from zoo.contracts.examination import Cell, Figure, FigureTable
from zoo.execution.examination import ExaminationRecord
from zoo.results import formatting as fmt

_KIB = 1024


def figure_names(records: Sequence[ExaminationRecord]) -> list[str]:
    """Of every figure that one of them has: the columns of a table."""
    return list(dict.fromkeys(figure.name for r in records for figure in r.figures))


def by_name(record: ExaminationRecord, names: Sequence[str]) -> Iterator[Figure | None]:
    """Its figures in the order of the columns; None for one that it has not."""
    figures = {figure.name: figure for figure in record.figures}
    for name in names:
        yield figures.get(name)


def format_figure(figure: Figure | None) -> str:
    """``43.6 of 256 KiB``; a figure that nobody knows is a dash."""
    if figure is None:
        return fmt.MISSING
    value, limit, unit = figure.value, figure.limit, figure.unit
    if unit == "B":
        value, limit, unit = value / _KIB, None if limit is None else limit / _KIB, "KiB"
    most = "" if limit is None or figure.value == limit == 0 else f" of {_number(limit)}"
    about = "~" if figure.estimate else ""
    return f"{about}{_number(value)}{most}{' ' if unit else ''}{unit}"


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def basis(record: ExaminationRecord) -> str:
    """What the figures are for, and what told them."""
    tools = ", ".join(f"{name} {version}" for name, version in record.tools.items())
    told = ", ".join(
        f"{key} {value}"
        for key, value in record.configuration.items()
        if not isinstance(value, dict) and value not in ("", None, 0)
    )
    return f"{record.device}: {told}; by {tools}"


def is_number_column(table: FigureTable, place: int) -> bool:
    """Whether a column's cells are numbers, as far as they are known."""
    return any(isinstance(row[place], int | float) for row in table.rows)


def format_cell(cell: Cell) -> str:
    """A number in few digits; what nobody knows is a dash."""
    if cell is None:
        return fmt.MISSING
    return cell if isinstance(cell, str) else _number(cell)


def grouped(records: Sequence[ExaminationRecord]) -> Mapping[str, list[ExaminationRecord]]:
    """By kind of device: those of one kind have the same figures, and so one table."""
    found: dict[str, list[ExaminationRecord]] = {}
    for record in records:
        found.setdefault(record.device_kind, []).append(record)
    return found
