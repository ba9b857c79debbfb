"""The files of the networks that were trained whole: exported, gated, timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoo.contracts import Metric
from zoo.pipeline.search.points import (
    SearchPoint,
    nearest_point,
    pareto_front,
    quickest_point,
)
from zoo.pipeline.search.screening import ChoiceLimits, Screened
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.search.trials import SearchNetwork, Trial, TrialRunner
from zoo.results.records import QualityFinding


@dataclass(frozen=True, kw_only=True)
class ChosenFiles:
    """The files of the networks that were trained whole.

    Attributes:
        points: With what was measured of each, those of the best network in validation first.
        owners: Name of a point → name of its network.
        front: What no other file beats in size, latency and quality at once.
        chosen: Name of the best network in validation with a file that keeps every limit.
        best: That file.
        reference: Headline metric of the best network before export.
        findings: What speaks against each network, the best one in validation first.
    """

    points: tuple[SearchPoint, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    front: tuple[SearchPoint, ...] = ()
    chosen: str | None = None
    best: SearchPoint | None = None
    reference: Metric | None = None
    findings: Mapping[str, tuple[QualityFinding, ...]] = field(default_factory=dict)

    def best_of(self, name: str, limits: ChoiceLimits) -> SearchPoint | None:
        """The file to ship of a network; of one without, the nearest that was made."""
        own = [point for point in self.points if self.owners[point.name] == name]
        made = (point for point in own if point.bytes is not None)
        return quickest_point(own, limits) or nearest_point(own, limits) or next(made, None)


def chosen_files(
    runs: TrainingRuns,
    order: Sequence[str],
    screened: Mapping[str, Screened],
    weights: Mapping[str, str],
    *,
    limits: ChoiceLimits,
    format: str,
    device: str,
) -> ChosenFiles:
    """Makes, gates and times the files of each network, and chooses by validation.

    Args:
        runs: Brings store, run and progress.
        order: Names, the best in validation first: the first with a file that passes its gate and
            keeps every limit is chosen.
        screened: Name → which precisions may fit.
        weights: Name → of the first seed.
        limits: What a file must keep.
        format: Of the files.
        device: Where they are timed.

    Raises:
        ZooError: A network could not be read or evaluated.
    """
    recipe = screened[order[0]].candidate.job.recipe
    runner = TrialRunner(
        registry=runs.registry,
        data=recipe.data,
        options={
            "device": (device,),
            "target": recipe.export.target,
            "tier": recipe.bench.tier,
            "threads": recipe.bench.threads,
            "calibration_samples": recipe.calibration.samples,
            "allow_leak": recipe.allow_leak or None,
        },
        store=runs.store,
        run=runs.run,
        on_step=runs.on_step,
    )
    points: list[SearchPoint] = []
    owners: dict[str, str] = {}
    chosen: tuple[str, SearchPoint] | None = None
    for name in order:
        network = SearchNetwork(name=name, model=weights[name], short=name)
        wanted = [
            Trial(network=network, format=format, precision=precision)
            for precision in screened[name].precisions
        ]
        own = runner.measure("files", wanted)
        points += own
        owners |= {point.name: name for point in own}
        best = quickest_point(own, limits)
        if best is not None and chosen is None:
            chosen = name, best
    return ChosenFiles(
        points=tuple(points),
        owners=owners,
        front=pareto_front(points),
        chosen=chosen[0] if chosen else None,
        best=chosen[1] if chosen else None,
        reference=runner.reference,
        findings={name: runner.findings.get(weights[name], ()) for name in order},
    )
