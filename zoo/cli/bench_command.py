"""``zoo bench``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import (
    Settings,
    complete_device,
    examples,
    json_option,
    print_json,
    store_option,
)
from zoo.cli.tables import print_table

if TYPE_CHECKING:
    from zoo.measurement.records import Measurement
    from zoo.timing import Timing

_HEADINGS = (
    *("file", "runtime", "threads", "p50 ms", "interval", "p90 ms", "first ms", "load ms"),
    *("memory MB", "runs", "ran on", "host"),
)


@click.command(
    name="bench",
    epilog=examples("zoo bench net.tflite", "zoo bench a.tflite b.onnx --threads 1 --threads 2"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--device", metavar="NAME", shell_complete=complete_device, help="Where [this machine]."
)
@click.option(
    "--threads",
    multiple=True,
    type=click.IntRange(1, 1024),
    default=(1,),
    help="For one inference; may be repeated [1].",
)
@click.option(
    "--tier", default="quick", help="How thoroughly to time: brief, smoke, quick, full [quick]."
)
@click.option(
    "--runtime",
    help="litert, tflite-runtime, openvino or tflite-micro for TFLite; onnxruntime or openvino for "
    "ONNX [the first].",
)
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    device: str | None,
    threads: tuple[int, ...],
    tier: str,
    runtime: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Time FILES on a device: percentiles with intervals, and whether the host was quiet.

    Each file runs in fresh processes, which take turns with those of the other files. Every
    sample is kept in the results store.
    """
    from zoo.api import bench
    from zoo.cli.examinations import print_examinations
    from zoo.cli.progress import StepProgress

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        timings = bench(
            files,
            device=device,
            threads=threads,
            tier=tier,
            runtime=runtime,
            store=store,
            on_step=progress,
            registry=settings.registry(),
        )
    if as_json:
        print_json([_plain(timing) for timing in timings])
    else:
        _print(timings)
        print_examinations([t.examination for t in timings if t.examination is not None])
    if any(timing.error is not None or timing.refused for timing in timings):
        ctx.exit(1)


def _plain(timing: Timing) -> dict[str, Any]:
    from zoo.records import as_plain

    return {
        "file": str(timing.file),
        "threads": timing.threads,
        "measurement": None if timing.measurement is None else as_plain(timing.measurement),
        "examination": None if timing.examination is None else as_plain(timing.examination),
        "error": None if timing.error is None else timing.error.as_dict(),
    }


def _print(timings: list[Timing]) -> None:
    measured = [timing.measurement for timing in timings if timing.measurement is not None]
    if measured:
        print_table(_HEADINGS, [_row(m) for m in measured], right="llrrrrrrrrll")
    for timing in timings:
        if timing.error is not None:
            threads = f", {timing.threads} threads" if timing.threads else ""
            click.echo(f"\n{timing.file.name}{threads}: {timing.error}", err=True)
    for m in measured:
        if not m.quiet:
            click.echo(f"\n{m.file}, {m.threads} threads: {'; '.join(m.noise)}; measure again")


def _row(m: Measurement) -> tuple[str, ...]:
    return (
        m.file,
        f"{m.runtime} {m.runtime_version}",
        str(m.threads),
        f"{m.p50_ms:.4f}",
        f"{m.p50_low_ms:.4f}–{m.p50_high_ms:.4f}",
        f"{m.p90_ms:.4f}",
        f"{m.first_ms:.3f}",
        f"{m.load_ms:.1f}",
        f"{m.peak_memory_mb:.0f}",
        f"{m.runs:,}",
        m.delegate,
        "quiet" if m.quiet else "NOISY",
    )
