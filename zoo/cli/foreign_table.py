"""What ``zoo bench`` shows where a program of others timed the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import Settings, print_json
from zoo.cli.tables import print_table

if TYPE_CHECKING:
    from zoo.benchmark.vendor_tool import ForeignMeasurement
    from zoo.benchmark.vendor_tool_run import ForeignTiming

_HEADINGS = (
    *("file", "timed by", "threads", "median ms", "mean ms", "p95 ms", "first ms", "load ms"),
    *("memory MB", "runs", "ran on", "host"),
)


def timed_by_others(
    ctx: click.Context,
    files: Sequence[str],
    *,
    devices: Sequence[str],
    threads: Sequence[int],
    tier: str,
    runtimes: Sequence[str],
    store: str | None,
    as_json: bool,
    only_of_the_agent: Mapping[str, object],
) -> bool:
    """Times and shows the files, if a program of others does that on the devices.

    Args:
        ctx: Of the command.
        files: What to time.
        devices: Names; none for this machine.
        threads: For one inference.
        tier: Name of the grade of care.
        runtimes: Names; none for what the devices are set up with.
        store: URL of the results store.
        as_json: Whether to print JSON.
        only_of_the_agent: Options by name, which such a program does not know.

    Returns:
        Whether it does; nothing has happened where it does not.

    Raises:
        UsageError: Some of the devices alone are timed so, or an option is not for that.
    """
    from zoo.benchmark.vendor_tool_run import bench_by_others, timed_so
    from zoo.cli.progress import StepProgress
    from zoo.common.errors import UsageError

    settings: Settings = ctx.obj
    registry = settings.registry()
    program, others = timed_so(registry, devices, runtimes)
    if not program:
        return False
    if others or len(runtimes) > 1:
        raise UsageError(
            f"{program} and the agent cannot be timed side by side: their figures are not alike",
            fix="name the devices in two commands, or one --runtime that all of them have",
        )
    for option, value in only_of_the_agent.items():
        if value:
            raise UsageError(
                f"{program} does not know {option}",
                fix=f"leave {option} out, or name a runtime of the agent: --runtime …",
            )
    timings = []
    with StepProgress(quiet=as_json) as progress:
        for device in devices:
            timings += bench_by_others(
                files,
                device=device,
                threads=threads,
                tier=tier,
                store=store,
                on_step=progress,
                registry=registry,
            )
    if as_json:
        print_json([_plain(timing) for timing in timings])
    else:
        _print(timings)
    if any(timing.error is not None for timing in timings):
        ctx.exit(1)
    return True


def _plain(timing: ForeignTiming) -> dict[str, Any]:
    from zoo.results.records import as_plain

    return {
        "file": str(timing.file),
        "threads": timing.threads,
        "foreign": None if timing.measurement is None else as_plain(timing.measurement),
        "error": None if timing.error is None else timing.error.as_dict(),
    }


def _print(timings: Sequence[ForeignTiming]) -> None:
    measured = [timing.measurement for timing in timings if timing.measurement is not None]
    if measured:
        print_table(_HEADINGS, [_row(m) for m in measured], right="llrrrrrrrrll")
        program = measured[0].program
        click.echo(
            f"\nThese are the figures of {program} {measured[0].program_sha256[:12]}, medians over "
            f"{len(measured[0].processes)} of its processes. It keeps no single times, so they "
            "have no intervals, and no verdict compares them with others."
        )
    for timing in timings:
        if timing.error is not None:
            click.echo(f"\n{timing.file.name}, {timing.threads} threads: {timing.error}", err=True)
    for m in measured:
        if not m.quiet:
            click.echo(f"\n{m.file}, {m.threads} threads: {'; '.join(m.noise)}; measure again")


def _row(m: ForeignMeasurement) -> tuple[str, ...]:
    p95 = [figures.p95_ms for figures in m.processes if figures.p95_ms is not None]
    return (
        m.file,
        m.program,
        str(m.threads),
        _number(m.median_ms, 4),
        _number(m.mean_ms, 4),
        _number(max(p95) if len(p95) == len(m.processes) else None, 4),
        _number(m.first_ms, 3),
        _number(m.init_ms, 1),
        _number(m.peak_memory_mb, 0),
        f"{m.runs:,}",
        m.delegate or "not told",
        "quiet" if m.quiet else "NOISY",
    )


def _number(value: float | None, digits: int) -> str:
    return "not told" if value is None else f"{value:.{digits}f}"
