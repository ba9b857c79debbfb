"""``zoo bench``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.options import Settings, complete_device, json_option, print_json
from zoo.cli.tables import print_table

_HEADINGS = (
    *("file", "runtime", "threads", "p50 ms", "interval", "p90 ms", "first ms", "load ms"),
    *("memory MB", "runs", "ran on", "host"),
)


@click.command(
    name="bench",
    epilog="Examples: zoo bench net.tflite; zoo bench a.tflite b.onnx --threads 1 --threads 2",
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--device", metavar="NAME", shell_complete=complete_device, help="Where [this machine]."
)
@click.option("--threads", multiple=True, type=click.IntRange(1, 1024), default=(1,), help="[1]")
@click.option("--tier", default="quick", show_default=True, help="brief, smoke, quick or full.")
@click.option("--runtime", help="litert, tflite-runtime or onnxruntime [by format].")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    files: tuple[str, ...],
    device: str | None,
    threads: tuple[int, ...],
    tier: str,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Time FILES on a device: raw samples, percentiles, and whether the host was quiet."""
    from zoo.api import bench
    from zoo.cli.progress import StepProgress
    from zoo.records import as_plain

    with StepProgress(quiet=as_json) as progress:
        results = bench(
            files,
            device=device,
            threads=threads,
            tier=tier,
            runtime=runtime,
            on_step=progress,
            registry=settings.registry(),
        )
    if as_json:
        print_json([as_plain(result) for result in results])
        return
    print_table(
        _HEADINGS,
        [
            (
                Path(m.file).name,
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
            for m in results
        ],
        right="llrrrrrrrrll",
    )
    for result in results:
        if not result.quiet:
            click.echo(f"\n{Path(result.file).name}: {'; '.join(result.noise)}; measure again")
