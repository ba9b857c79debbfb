"""The search itself: stages from cheap to dear, each only while it can still help."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from zoo.contracts.precision import CALIBRATIONS
from zoo.networks.checkpoints import Checkpoint
from zoo.pipeline.job import Job
from zoo.pipeline.search.points import (
    SearchLimits,
    SearchPoint,
    describe_pruning_gain,
    quickest_point,
)
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.trained import PrunedNetwork, StudentNetwork, estimate_seconds, train
from zoo.pipeline.search.trials import SearchNetwork, Trial, TrialRunner
from zoo.pipeline.search.widths import default_students, students_of
from zoo.results import formatting as fmt

_CALIBRATION, _MIXED = "calibration", "mixed precision"
STAGES = ("precisions", _CALIBRATION, _MIXED, "widths", "pruning")
#: Shares of weights that pruning removes unless asked otherwise.
PRUNE = (0.5, 0.8)


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What was asked of a search beyond its limits.

    Attributes:
        precisions: To try; None for all of each format.
        widths: Factors of the width; None tries some only where nothing else meets the limits,
            an empty tuple none.
        prune: Shares of weights to remove; likewise.
        budget_seconds: Nothing new begins after so long; None for no limit.
        thorough: Go through every stage even after a point meets all limits.
    """

    formats: tuple[str, ...]
    precisions: tuple[str, ...] | None = None
    widths: tuple[float, ...] | None = None
    prune: tuple[float, ...] | None = None
    epochs: int = 4
    budget_seconds: float | None = None
    thorough: bool = False


@dataclass(kw_only=True)
class Search:
    """One search: its points so far, and what was decided on the way.

    Attributes:
        limits: What the chosen file must keep.
        points: In the order in which they were tried.
        notes: What was skipped or ended, and why.
        stopped: Whether the budget of time ended the search.
    """

    bench: TrialRunner
    network: SearchNetwork
    checkpoint: Checkpoint
    limits: SearchLimits
    wishes: SearchOptions
    points: list[SearchPoint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self._budget = TimeBudget(seconds=self.wishes.budget_seconds)

    def run(self) -> None:
        """Goes through the stages in order."""
        stages: dict[str, Callable[[], None]] = {
            "precisions": self._precisions,
            _CALIBRATION: self._calibration,
            _MIXED: self._mixed,
            "widths": self._widths,
            "pruning": self._pruning,
        }
        for number, (name, stage) in enumerate(stages.items(), start=1):
            why = self._needless(name)
            if why:
                self._told(f"{name}: not tried, {why}")
                continue
            # Without the first there would be no answer at all.
            if number > 1 and not self._in_time(name):
                return
            rest = [other for other in STAGES[number:] if not self._needless(other)]
            after = f"; may follow: {', '.join(rest)}" if rest else ""
            self._show(f"stage {number} of {len(stages)}, {name}{after}")
            stage()

    @property
    def met(self) -> bool:
        """Whether some point keeps every limit."""
        return quickest_point(self.points, self.limits) is not None

    def _needless(self, stage: str) -> str:
        """Why a stage would be in vain; empty when it would not."""
        asked = {"widths": self.wishes.widths, "pruning": self.wishes.prune}.get(stage)
        if asked is not None:
            return "" if asked else "it was switched off"
        if stage == "precisions":
            return ""
        if self.met and not self.wishes.thorough:
            return "a point keeps every limit already"
        if stage in (_CALIBRATION, _MIXED) and not self._lossy(stage):
            return "no integer file is held back by its quality"
        if stage == "pruning" and self.limits.max_download is None:
            return (
                "zeros make no file smaller by themselves, only its download; "
                "--max-download or --prune asks for it"
            )
        return ""

    def _lossy(self, stage: str) -> list[SearchPoint]:
        """Files that a stage may mend: they lose too much, and are not too large anyhow."""
        found = []
        registry = self.bench.registry
        for point in self.points:
            mends = registry.precision(point.precision).calibrated
            if stage == _MIXED:
                mends = point.precision in registry.exporters.get(point.format).mixes
            if not mends or point.drop is None:
                continue
            if point.keep or point.network != self.network.name:
                continue
            too_large = self.limits.max_bytes is not None and (
                point.bytes is None or point.bytes > self.limits.max_bytes
            )
            if not too_large and self._loses_too_much(point):
                found.append(point)
        return found

    def _precisions(self) -> None:
        self._try("precisions", self._all_files(self.network))

    def _all_files(self, network: SearchNetwork) -> list[Trial]:
        """Every format at every precision that was asked for."""
        trials = []
        for name in self.wishes.formats:
            known = self.bench.registry.exporters.get(name).precisions
            asked = self.wishes.precisions or known
            trials += [
                Trial(network=network, format=name, precision=p) for p in asked if p in known
            ]
        return trials

    def _calibration(self) -> None:
        cells = dict.fromkeys((p.format, p.precision) for p in self._lossy(_CALIBRATION))
        for method in CALIBRATIONS:
            if method == "auto" or not self._in_time(f"calibration by {method}"):
                continue
            self._try(
                "calibration",
                [
                    Trial(network=self.network, format=f, precision=p, method=method)
                    for f, p in cells
                ],
            )
            if self.met and not self.wishes.thorough:
                return

    def _mixed(self) -> None:
        cells = dict.fromkeys((p.format, p.precision) for p in self._lossy(_MIXED))
        trials = [
            Trial(network=self.network, format=format, precision=precision, repair=True)
            for format, precision in cells
        ]
        self._try("mixed precision", trials)

    def _loses_too_much(self, point: SearchPoint) -> bool:
        allowed = math.inf if self.limits.max_drop is None else self.limits.max_drop
        return point.drop is None or point.drop > allowed or point.verdict != "passed"

    def _widths(self) -> None:
        asked = self.wishes.widths
        students = (
            default_students(self.bench.registry, self.checkpoint)
            if asked is None
            else students_of(self.checkpoint, asked)
        )
        if not students:
            family = self.checkpoint.architecture.name
            self._told(f"widths: {family} declares no width and has no smaller member for this")
            return
        self._train_and_try("widths", students, early=asked is None)

    def _pruning(self) -> None:
        shares = self.wishes.prune if self.wishes.prune is not None else PRUNE
        self._train_and_try(
            "pruning",
            [PrunedNetwork(checkpoint=self.checkpoint, share=share) for share in shares],
            early=self.wishes.prune is None,
        )

    def _train_and_try(
        self, stage: str, plans: Sequence[StudentNetwork | PrunedNetwork], *, early: bool
    ) -> None:
        job = self._any_job()
        costs = [estimate_seconds(p, job, self.bench, self.wishes.epochs) for p in plans]
        told = ", ".join(
            f"{plan.name} {fmt.duration(cost)}" for plan, cost in zip(plans, costs, strict=True)
        )
        self._show(
            f"{stage}: up to {fmt.count(len(plans), 'network')} to train for "
            f"{fmt.count(self.wishes.epochs, 'epoch')} each; roughly, by the time of an inference: "
            f"{told}"
        )
        for plan, cost in zip(plans, costs, strict=True):
            if not self._in_time(plan.name, cost):
                return
            network = train(plan, job, self.bench, self.wishes.epochs)
            before = len(self.points)
            self._try(stage, self._all_files(network))
            if isinstance(plan, PrunedNetwork):
                self.points[before:] = [self._compared(p) for p in self.points[before:]]
            if early and self.met and not self.wishes.thorough:
                return

    def _compared(self, pruned: SearchPoint) -> SearchPoint:
        """A pruned file with what it brings against its whole twin, or that it brings nothing."""
        twin = next(
            p
            for p in self.points
            if (p.format, p.precision, p.stage) == (pruned.format, pruned.precision, STAGES[0])
        )
        return replace(pruned, note=describe_pruning_gain(pruned, twin))

    def _any_job(self) -> Job:
        format = self.wishes.formats[0]
        return self.bench.job([Trial(network=self.network, format=format, precision="")], format)

    def _try(self, stage: str, trials: Sequence[Trial]) -> None:
        self.points += self.bench.measure(stage, trials)

    def _in_time(self, what: str, cost: float = 0.0) -> bool:
        """Whether the budget allows `what`; tells when it does not."""
        left = self._budget.left
        if left > cost:
            return True
        why = "used up" if left <= 0 else f"too short: {fmt.duration(left)} are left"
        self._told(f"{what}: not tried, the budget of time is {why}")
        self.stopped = True
        return False

    def _told(self, text: str) -> None:
        self.notes.append(text)
        self._show(text)

    def _show(self, text: str) -> None:
        self.bench.on_step("search", {"event": "note", "text": text})
