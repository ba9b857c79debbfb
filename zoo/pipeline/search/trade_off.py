"""The front of quality against latency or size among the trials of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zoo.common.errors import UnknownName, UsageError
from zoo.common.extras import missing_of
from zoo.common.progress import OnStep
from zoo.contracts import Exporter
from zoo.contracts.precision import BASELINE
from zoo.execution.device import Device
from zoo.pipeline.job import Job
from zoo.pipeline.rows import Verdict
from zoo.pipeline.search.study import StudiedTrial
from zoo.pipeline.search.timed_device import ranking_device
from zoo.pipeline.search.trials import SearchNetwork, Trial, TrialRunner
from zoo.pipeline.several_files import refuse_several_files
from zoo.registry import Registry
from zoo.results.store import Store

Figure = Literal["latency", "size"]
#: Of trials whose files are made, the best by quality.
MOST_FILES = 8


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What quality is held against.

    Attributes:
        figure: Median latency, or size of the file.
        device: Where files are timed; None for size, which is the same everywhere.
        format: Of the files.
        precision: Of the files.
    """

    figure: Figure
    device: Device | None
    format: str
    precision: str

    def __str__(self) -> str:
        """``latency@host``, ``size``."""
        return self.figure if self.device is None else f"{self.figure}@{self.device.name}"


@dataclass(frozen=True, kw_only=True)
class FilePoint:
    """The file of a trial.

    Attributes:
        trial: Its number.
        value: Of the objective in validation.
        bytes: Of the file; None where none could be made.
        p50_ms: Median latency; None where it was not timed.
        verdict: How its gate ended, or the step before it.
        reason: Why it did not pass.
        on_front: Whether no other file is as good and takes less, or takes as much and is better.
    """

    trial: int
    value: float
    bytes: int | None
    p50_ms: float | None
    verdict: Verdict
    reason: str
    on_front: bool = False


def cost_of(
    registry: Registry, job: Job, text: str, format: str | None, precision: str | None
) -> Cost:
    """``latency@DEVICE``, ``latency`` or ``size``, checked before anything is trained.

    Raises:
        UsageError: It is neither, the device tells no times, or the model is several files.
    """
    figure, _, name = text.partition("@")
    if figure not in ("latency", "size"):
        raise UnknownName("figure to weigh quality against", figure, ("latency", "size"))
    if figure == "size" and name:
        raise UsageError(f"--then {text}: a file has the same size everywhere", fix="--then size")
    refuse_several_files(
        job.registry.tasks.get(job.variant.task), "--then is for models of one file"
    )
    exporter = exporter_for_search(registry, format)
    precision = precision or BASELINE.name
    if precision not in exporter.precisions:
        raise UnknownName(f"precision of {exporter.name}", precision, exporter.precisions)
    device = None
    if figure == "latency":
        device = ranking_device(
            registry,
            name or None,
            ranked="networks",
            fix="name a device that is there, or --then size",
        )
    return Cost(
        figure="latency" if figure == "latency" else "size",
        device=device,
        format=exporter.name,
        precision=precision,
    )


def exporter_for_search(registry: Registry, format: str | None) -> Exporter:
    """The exporter of a format; of None, the first that is installed.

    Raises:
        UsageError: None is installed.
        UnknownName: Nothing is called so.
    """
    if format is not None:
        return registry.exporters.get(format)
    known = [exporter for exporter in registry.exporters if not missing_of(exporter.extra)]
    if not known:
        raise UsageError("no format is installed to make files in", fix="zoo doctor says more")
    return known[0]


def measured_files(
    trials: Sequence[StudiedTrial],
    weights: Mapping[int, str],
    cost: Cost,
    *,
    job: Job,
    store: Store,
    run: str,
    maximize: bool,
    on_step: OnStep,
) -> tuple[FilePoint, ...]:
    """Makes, gates and times the file of each trial, and finds the front.

    Args:
        trials: Whose files are made.
        weights: Number of each trial → its weights.
        cost: What quality is held against.
        job: Of the default, for the data.
        store: Gets the records.
        run: Name of the search.
        maximize: Whether more of the objective is better.
        on_step: Progress.
    """
    options: dict[str, Any] = {"device": (cost.device.name,) if cost.device else None}
    options["allow_leak"] = job.recipe.allow_leak or None
    points = []
    for trial in trials:
        runner = TrialRunner(
            registry=job.registry,
            data=job.recipe.data,
            options=options,
            store=store,
            run=run,
            on_step=on_step,
        )
        name = f"trial {trial.number}"
        network = SearchNetwork(name=name, model=weights[trial.number], short=name)
        wanted = Trial(network=network, format=cost.format, precision=cost.precision)
        (found,) = runner.measure("then", [wanted])
        assert trial.value is not None
        points.append(
            FilePoint(
                trial=trial.number,
                value=trial.value,
                bytes=found.bytes,
                p50_ms=found.p50_ms,
                verdict=found.verdict,
                reason=found.reason,
            )
        )
    return on_front(points, cost, maximize=maximize)


def on_front(points: Sequence[FilePoint], cost: Cost, *, maximize: bool) -> tuple[FilePoint, ...]:
    """The points with what each is beside the others, the cheapest first."""
    sign = 1.0 if maximize else -1.0

    def figures(point: FilePoint) -> tuple[float, float] | None:
        price = point.bytes if cost.figure == "size" else point.p50_ms
        return None if price is None or point.verdict != "passed" else (price, -sign * point.value)

    known = [own for point in points if (own := figures(point)) is not None]

    def best(own: tuple[float, float] | None) -> bool:
        if own is None:
            return False
        return not any(o != own and o[0] <= own[0] and o[1] <= own[1] for o in known)

    marked = [FilePoint(**{**vars(point), "on_front": best(figures(point))}) for point in points]
    return tuple(sorted(marked, key=lambda p: figures(p) or (float("inf"), 0.0)))


def different_networks(
    trials: Sequence[StudiedTrial], network: Sequence[str]
) -> list[StudiedTrial]:
    """The best trial of each network, the best `MOST_FILES` of these.

    What a training was like changes neither size nor latency, so that of trials with the same
    network only the best can be on a front.

    Args:
        trials: That came to their end, the best first.
        network: Names of the parameters that change the network.
    """
    first: dict[tuple[str, ...], StudiedTrial] = {}
    for trial in trials:
        first.setdefault(tuple(str(trial.values[name]) for name in network), trial)
    return list(first.values())[:MOST_FILES]
