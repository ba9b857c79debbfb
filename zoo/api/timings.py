"""Latency, from Python: files against each other on devices of this machine and of workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.benchmark.run import bench as time_files
from zoo.benchmark.scheduling import OnTiming
from zoo.benchmark.timing import Timing
from zoo.common.progress import OnStep, quiet
from zoo.pipeline.executors.bench_timer import timer_of
from zoo.pipeline.recipe import RecipeExecutor
from zoo.registry import Registry, load_registry


def bench(
    files: Sequence[str | Path],
    *,
    device: str | Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    tier: str = "quick",
    runtime: str | Sequence[str] | None = None,
    backend: str | Sequence[str] | None = None,
    store: str | None = None,
    tag: str | None = None,
    fresh: bool = False,
    accuracy: str | None = None,
    batch: Sequence[int] = (),
    shape: Sequence[str] = (),
    data: str | None = None,
    profile: bool = False,
    reference: bool = False,
    executor: str | None = None,
    artifacts: str | None = None,
    tls: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    on_timing: OnTiming | None = None,
    registry: Registry | None = None,
) -> list[Timing]:
    """Times files against each other, in fresh processes that take turns.

    Before a file is timed, its answers on the device are compared with those that it should give.
    What an unfinished call has measured under the same circumstances is not measured again.

    On one device, processes take turns. Devices with processors of their own measure at the same
    time, all others one after the other. A file that fails costs itself alone, and so does a
    device that is lost.

    Args:
        files: TFLite or ONNX files, with or without a manifest.
        device: Where, one name or several; None for this machine.
        threads: Each file is timed with each of these.
        tier: ``brief``, ``smoke``, ``quick``, ``full`` or ``sustained``.
        runtime: One name or several, of which each file takes those that run its format; None
            takes the preferred one.
        backend: Where operators run on the devices, one name or several, of which each device is
            timed with each; None takes what the devices' own options name.
        store: URL of the results store; None for the user's own.
        tag: A name for these results, by which `zoo.compare` finds them.
        fresh: Measure anew what an unfinished call has kept.
        accuracy: Also measures the quality on the test split of this dataset, on the device.
        batch: Examples in one inference, each of these, where files leave them open.
        shape: Shapes of inputs, ``NAME=1x3x48x320``, where files leave sizes open; of several
            shapes of an input each is timed.
        data: Dataset of samples (``npz:FILE``, arrays named as the inputs) that files are timed
            with; None for seeded numbers.
        profile: Also finds out what each operator takes.
        reference: Also times, by TensorFlow, the networks that the files came from.
        executor: ``dask://HOST:PORT``: devices that its workers announce are timed by them; None
            for that of the environment, or this machine.
        artifacts: Folder or URL through which files reach workers that share no cache with this
            machine.
        tls: Folder of certificates that encrypt the connection to the executor.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        on_timing: Receives each result once it is recorded.
        registry: None discovers plugins anew.

    Raises:
        ZooError: A file, device, tier or runtime that cannot be used, or the only device cannot
            be reached; nothing was measured.
    """
    registry = registry or load_registry()
    elsewhere = timer_of(registry, RecipeExecutor(address=executor, artifacts=artifacts, tls=tls))
    return time_files(
        files,
        device=device,
        threads=threads,
        tier=tier,
        runtime=runtime,
        backend=backend,
        store=store,
        tag=tag,
        fresh=fresh,
        accuracy=accuracy,
        batch=batch,
        shape=shape,
        data=data,
        profile=profile,
        reference=reference,
        on_step=on_step,
        progress=progress,
        on_timing=on_timing,
        registry=registry,
        elsewhere=elsewhere,
    )
