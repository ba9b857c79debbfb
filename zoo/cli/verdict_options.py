"""Options that turn a timing into a test, and what the commands print of the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import JUNIT_FILE, Function
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.benchmark.compare.judgement import Judgement
    from zoo.benchmark.timing import Timing


def verdict_options(function: Function) -> Function:
    """``--budget``, ``--junit``, ``--tag``."""
    options = [
        click.option(
            "--budget",
            "budgets",
            multiple=True,
            metavar="QUANTITY<=LIMIT",
            help="p50, p90, p99, load, first, peak_memory, size or energy: p90<=20ms; may be "
            "repeated or comma-separated. Exit code 1: over a limit; 3: undecided.",
        ),
        click.option("--junit", type=JUNIT_FILE, help="Also write JUnit XML here."),
        click.option("--tag", help="A name for these results, for zoo compare."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def check_budgets(budgets: Sequence[str]) -> None:
    """A misspelt budget must not wait for the measurement."""
    from zoo.benchmark.compare.budgets import parse_budgets

    parse_budgets(budgets)


def print_judged(timings: Sequence[Timing], judged: Sequence[Sequence[Judgement]]) -> None:
    """A line for each budget of each file."""
    lines = [
        f"{_MARKS[j.verdict]} {_name(timing)}: {j.budget}: {j.verdict}: {j.reason}"
        for timing, judgements in zip(timings, judged, strict=True)
        for j in judgements
    ]
    for number, line in enumerate(lines):
        terminal.echo(line if number else f"\n{line}")


_MARKS = {"within": "ok", "over": "--", "can't tell": "??"}


def _name(timing: Timing) -> str:
    threads = "1 thread" if timing.threads == 1 else f"{timing.threads} threads"
    return f"{timing.file.name}, {threads} on {timing.device}"


def write_bench_junit(
    path: str | None, timings: Sequence[Timing], judged: Sequence[Sequence[Judgement]]
) -> None:
    """Writes JUnit XML where it was asked for."""
    if path is None:
        return
    from zoo.benchmark.compare.junit import cases_of_bench, write_junit

    write_junit(Path(path), "zoo bench", cases_of_bench(timings, judged))


def plain_judgements(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """For ``--json``."""
    from zoo.results.records import as_plain

    return [as_plain(judgement) for judgement in judgements]
