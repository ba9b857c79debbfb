"""``zoo bench``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo.cli.network_operands import all_files, network_options, samples_for
from zoo.cli.options import (
    Settings,
    complete_backend,
    complete_dataset,
    complete_device,
    complete_runtime,
    complete_tier,
    data_option,
    examples,
    json_option,
    print_json,
    split_commas,
    store_option,
)
from zoo.cli.recipe_options import recipe_options
from zoo.cli.verdict_options import (
    check_budgets,
    plain_judgements,
    print_judged,
    verdict_options,
    write_bench_junit,
)

_COUNT = click.IntRange(1, 1024)


def _counts(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[int, ...]:
    """``("1,2", "4")`` → ``(1, 2, 4)``."""
    convert: Callable[..., int] = _COUNT.convert
    return tuple(convert(part, param, ctx) for part in split_commas(values))


@click.command(
    name="bench",
    epilog=examples(
        "zoo bench net.tflite",
        "zoo bench a.tflite b.onnx --threads 1,2 --device host,pi4",
        "zoo bench net.tflite --device pi4 --tier sustained",
        "zoo bench net.tflite net.onnx --device ana-phone,leo-phone --backend wasm,webgpu",
        "zoo bench my.keras --data digits --precision int8",
        "zoo bench ocr.onnx --shape x=1x3x48x320 --shape x=1x3x48x640",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_device,
    help="Device to time on; may be repeated or comma-separated [this machine].",
)
@click.option(
    "--threads",
    multiple=True,
    default=("1",),
    callback=_counts,
    metavar="COUNT",
    help="Threads of the runtime; may be repeated or comma-separated [1].",
)
@click.option(
    "--tier",
    default="quick",
    shell_complete=complete_tier,
    help="Thoroughness of the measurement: brief, smoke, quick, full; sustained: half an hour "
    "without a pause, first minute and steady state apart [quick].",
)
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    shell_complete=complete_runtime,
    help="Runtime of the files: `zoo plugins list` shows the runtimes of each format; may be "
    "repeated or comma-separated [the format's own, or the vendor's tool that a device is set "
    "up with].",
)
@click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_backend,
    help="Where operators run on devices that have a choice: `zoo devices list` shows it; may be "
    "repeated or comma-separated [as the devices' options say].",
)
@click.option(
    "--accuracy",
    metavar="DATASET",
    shell_complete=complete_dataset,
    help="Also measure the quality on this dataset's whole test split, on the device.",
)
@click.option(
    "--batch",
    multiple=True,
    callback=_counts,
    metavar="COUNT",
    help="Batch size, where files leave it open; may be repeated or comma-separated [the file's].",
)
@click.option(
    "--shape",
    multiple=True,
    metavar="NAME=AxBxC",
    help="Shape of an input, with the batch, where files leave sizes open; may be repeated, for "
    "other inputs and for other shapes, each of which is timed [that of the samples of --data].",
)
@click.option("--profile", is_flag=True, help="Also measure the time of each operator.")
@click.option(
    "--reference",
    is_flag=True,
    help="Also time the networks that the files were exported from, in TensorFlow.",
)
@click.option(
    "--fresh", is_flag=True, help="Discard what an interrupted bench has measured, and start again."
)
@data_option(
    "Dataset that networks among them are exported with [that of their weights' card]; for files, "
    "npz:FILE with samples that they are timed with, arrays named as the inputs [seeded numbers]."
)
@network_options()
@recipe_options("executor")
@verdict_options
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    devices: tuple[str, ...],
    threads: tuple[int, ...],
    tier: str,
    runtimes: tuple[str, ...],
    backends: tuple[str, ...],
    accuracy: str | None,
    batch: tuple[int, ...],
    shape: tuple[str, ...],
    profile: bool,
    reference: bool,
    budgets: tuple[str, ...],
    junit: str | None,
    tag: str | None,
    fresh: bool,
    store: str | None,
    as_json: bool,
    executor: str | None,
    artifacts: str | None,
    tls: str | None,
    **network: Any,
) -> None:
    """Time FILES on devices: percentiles with intervals, and whether they can be trusted.

    Each file runs in fresh processes, which take turns with those of the other files. Before it
    is timed, its outputs on the device are compared with the expected ones. Every sample is kept
    in the results store. The same command continues an interrupted bench. With --budget it is a
    test: the exit code is 1 when a limit is exceeded, 3 when that cannot be decided.

    A network among FILES (my.keras, a model id, weights) is exported first, as by `zoo export`; its
    files that pass their gate are timed, and the exit code is 1 when one does not.
    """
    from zoo.api.timings import bench
    from zoo.benchmark.compare.judgement import exit_code, judge_budgets
    from zoo.benchmark.timing import Timing
    from zoo.cli.bench_table import plain_timing, print_timings
    from zoo.execution.offline_analysis import refuse_budgets
    from zoo.report.bench_progress import BenchProgress

    settings: Settings = ctx.obj
    registry = settings.registry()
    check_budgets(budgets)
    samples = samples_for(registry, files, network)
    timed, refused, damaged = all_files(registry, files, network, quiet=as_json)
    refuse_budgets(registry, split_commas(devices), budgets, timed, split_commas(runtimes))
    timings: list[Timing] = []
    if damaged and not timed:
        raise next(iter(damaged.values()))
    try:
        with BenchProgress(quiet=as_json) as progress:
            timings = bench(
                timed,
                device=split_commas(devices) or None,
                threads=threads,
                tier=tier,
                runtime=split_commas(runtimes) or None,
                backend=split_commas(backends) or None,
                store=store,
                tag=tag,
                fresh=fresh,
                accuracy=accuracy,
                batch=batch,
                shape=shape,
                data=samples,
                profile=profile,
                reference=reference,
                executor=executor,
                artifacts=artifacts,
                tls=tls,
                on_step=progress,
                on_timing=timings.append,
                registry=registry,
            )
    except BaseException:
        # Interrupted, most often: what is done is shown all the same.
        if timings and not as_json:
            print_timings(timings, executor)
        raise
    timings += [Timing(file=Path(name), threads=0, error=e) for name, e in damaged.items()]
    judged = judge_budgets(timings, budgets, registry=registry)
    write_bench_junit(junit, timings, judged)
    if as_json:
        both = zip(timings, judged, strict=True)
        print_json([{**plain_timing(t), "budgets": plain_judgements(j)} for t, j in both])
    else:
        print_timings(timings, executor)
        print_judged(timings, judged)
    if refused or any(timing.error is not None or timing.refused for timing in timings):
        ctx.exit(1)
    ctx.exit(exit_code(judged))
