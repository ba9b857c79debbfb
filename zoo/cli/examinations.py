"""What the terminal shows of files that were examined for devices that nothing is timed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from zoo.cli.tables import print_table
from zoo.execution.examination import ExaminationRecord
from zoo.report.examinations import (
    basis,
    by_name,
    figure_names,
    format_cell,
    format_figure,
    grouped,
    is_number_column,
)
from zoo.results.records import as_plain


def print_examinations(records: Sequence[ExaminationRecord], *, tables: bool = True) -> None:
    """A line per file, then what is wrong, what to know, and a single file's tables."""
    for number, same_kind in enumerate(grouped(records).values()):
        if number:
            click.echo()
        _print_kind(same_kind)
    if len(records) == 1 and tables:
        _print_tables(records[0])
    for record in records:
        for kept in record.files:
            click.echo(f"\nkept {kept}")


def _print_kind(records: Sequence[ExaminationRecord]) -> None:
    names = figure_names(records)
    headings = ["file", "device", "verdict", *names]
    rows = [
        [r.file, r.device, r.verdict, *(format_figure(f) for f in by_name(r, names))]
        for r in records
    ]
    print_table(headings, rows, right="lll" + "r" * len(names))
    for record in records:
        for fault in record.faults:
            click.echo(f"\n{record.file}: {fault}")
    for remark in dict.fromkeys(remark for r in records for remark in r.remarks):
        of = [r.file for r in records if remark in r.remarks]
        click.echo(f"\n{remark}" if len(of) == len(records) else f"\n{', '.join(of)}: {remark}")
    for line in dict.fromkeys(basis(record) for record in records):
        click.echo(f"\n{line}")


def plain_examination(record: ExaminationRecord | None) -> dict[str, Any]:
    """One record for JSON; nothing where the file was timed."""
    return {} if record is None else {"verdict": record.verdict, "examination": as_plain(record)}


def _print_tables(record: ExaminationRecord) -> None:
    for table in record.tables:
        click.echo(f"\n{table.name}")
        columns = range(len(table.headings))
        right = "".join("r" if is_number_column(table, i) else "l" for i in columns)
        print_table(
            table.headings, [[format_cell(c) for c in row] for row in table.rows], right=right
        )
