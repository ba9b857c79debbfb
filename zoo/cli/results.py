"""What the commands print after a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from zoo.cli.bench_table import print_analyses
from zoo.cli.options import Settings, print_json
from zoo.common import terminal
from zoo.common.shown_text import printable
from zoo.pipeline.rows import rows_of
from zoo.pipeline.run import Run, plain_records
from zoo.report.headline import summary
from zoo.report.quality import finding_lines, quality_lines
from zoo.report.summary import analyses_of, next_commands, remarks_of
from zoo.report.table import print_files
from zoo.results.formatting import format_metric


def show_run(
    ctx: click.Context, run: Run, as_json: bool, show: Callable[[Run], None] | None = None
) -> None:
    """Prints a run for people or as JSON, and sets the exit code: 1 where it did not pass."""
    settings: Settings = ctx.obj
    if as_json:
        print_json(run_as_json(run))
    else:
        (show or print_run)(run)
    if settings.debug:
        print_details(run)
    if not run.passed:
        ctx.exit(1)


def print_run(run: Run) -> None:
    """The table of files, what did not pass and why, and what to type next."""
    print_weights(run)
    rows = rows_of(run)
    if run.weak:
        terminal.echo(summary(rows, run.findings))
        if not run.job.recipe.gate.allow_weak:
            terminal.echo("  fix: mend the network, or add --allow-weak to ship it as it is")
    terminal.echo()
    print_files(rows, remarks_of(run, rows))
    _print_analysed(run)
    terminal.echo(f"\nfiles    {run.folder}/")
    if (run.folder / "report.html").exists():
        terminal.echo(f"report   {run.folder / 'report.html'}")
    for number, line in enumerate(next_commands(run)):
        terminal.echo(f"{'next' if number == 0 else '':<9}{line}")


def _print_analysed(run: Run) -> None:
    """Offline analyses for devices that are never timed, and why one failed."""
    found = analyses_of(run)
    if found:
        terminal.echo()
        print_analyses(found, details=False)
    for step in run.steps:
        if step.kind == "examine" and step.status == "failed":
            terminal.echo_lines(f"\n{printable(step.step)}: {step.reason}", err=True)


def print_details(run: Run) -> None:
    """Where each step failed, for ``--debug``."""
    for step in run.steps:
        details = (step.result or {}).get("details") if step.status == "failed" else None
        if details:
            terminal.echo(f"\n{step.step}", err=True)
            terminal.echo_lines(details, err=True)


def print_weights(run: Run) -> None:
    """One line about the Keras model that the files come from."""
    evaluated = run.evaluation
    if not evaluated.passed:
        what = f"{run.job.model_id}: not evaluated: {evaluated.record.reason}"
        terminal.echo_lines(what, err=True)
        return
    for metric in evaluated.result.metrics[:1]:
        terminal.echo(
            f"{run.job.model_id}: {metric.name} {format_metric(metric)} "
            f"on {metric.count:,} test {metric.counted}s"
        )
    for line in quality_lines(evaluated.result):
        terminal.echo(f"  {line}")
    for line in finding_lines(run.findings):
        terminal.echo(line)


def run_as_json(run: Run) -> dict[str, Any]:
    """A run for ``--json``."""
    rows = rows_of(run)
    return {
        "run": run.name,
        "folder": str(run.folder),
        "model_id": run.job.model_id,
        "passed": run.passed,
        "verdict": summary(rows, run.findings),
        "findings": [asdict(finding) for finding in run.findings],
        "files": [asdict(row) for row in rows],
        "remarks": list(remarks_of(run, rows)),
        "steps": plain_records(run.steps),
    }
