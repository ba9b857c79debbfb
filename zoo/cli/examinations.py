"""What the terminal shows of files that were examined for devices that nothing is timed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from zoo.cli.tables import print_table
from zoo.contracts.examination import Cell, Figure
from zoo.measurement.examination import ExaminationRecord

_KIB = 1024


def print_examinations(records: Sequence[ExaminationRecord]) -> None:
    """A line per file, then what is wrong, what to know, and a single file's tables."""
    if not records:
        return
    names = list(dict.fromkeys(figure.name for r in records for figure in r.figures))
    headings = ["file", "device", "verdict", *names]
    rows = [
        [r.file, r.device, r.verdict, *(figure_in_words(f) for f in _by_name(r, names))]
        for r in records
    ]
    print_table(headings, rows, right="lll" + "r" * len(names))
    for record in records:
        for fault in record.faults:
            click.echo(f"\n{record.file}: {fault}")
    for remark in dict.fromkeys(remark for r in records for remark in r.remarks):
        of = [r.file for r in records if remark in r.remarks]
        click.echo(f"\n{remark}" if len(of) == len(records) else f"\n{', '.join(of)}: {remark}")
    for line in dict.fromkeys(_basis(record) for record in records):
        click.echo(f"\n{line}")
    if len(records) == 1:
        _print_tables(records[0])
    for record in records:
        for kept in record.files:
            click.echo(f"\nkept {kept}")


def figure_in_words(figure: Figure | None) -> str:
    """``43.6 of 256 KiB``; a figure that nobody knows is a dash."""
    if figure is None:
        return "–"
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


def _by_name(record: ExaminationRecord, names: Sequence[str]) -> Iterator[Figure | None]:
    figures = {figure.name: figure for figure in record.figures}
    for name in names:
        yield figures.get(name)


def _basis(record: ExaminationRecord) -> str:
    """What the figures are for, and what told them."""
    tools = ", ".join(f"{name} {version}" for name, version in record.tools.items())
    told = ", ".join(
        f"{key} {value}"
        for key, value in record.configuration.items()
        if not isinstance(value, dict) and value not in ("", None, 0)
    )
    return f"{record.device}: {told}; by {tools}"


def _print_tables(record: ExaminationRecord) -> None:
    for table in record.tables:
        click.echo(f"\n{table.name}")
        right = "".join(
            "r" if any(isinstance(row[i], int | float) for row in table.rows) else "l"
            for i in range(len(table.headings))
        )
        print_table(table.headings, [[_cell(c) for c in row] for row in table.rows], right=right)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else _number(cell)
