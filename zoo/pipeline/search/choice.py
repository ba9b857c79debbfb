"""What a comparison of networks found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.common.brief import Brief
from zoo.common.views import Viewed
from zoo.contracts import Metric
from zoo.contracts.baseline import AgainstBaseline
from zoo.pipeline.search.candidates import Unfit
from zoo.pipeline.search.chosen_files import ChosenFiles
from zoo.pipeline.search.learning_curve import LearningCurve
from zoo.pipeline.search.points import SearchPoint, missed_limits, nearest_point
from zoo.pipeline.search.rivals import Difference, Tested
from zoo.pipeline.search.rungs import Rung
from zoo.pipeline.search.scores import Score
from zoo.pipeline.search.screening import ChoiceLimits, Screened, why_out
from zoo.pipeline.search.seed_stopping import SeedStop
from zoo.results.records import QualityFinding

RECIPE = "recipe.toml"
Standing = Literal["chosen", "rival", "behind", "over limit", "failed", "not compared"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Choice(Brief, Viewed):
    """The networks that were compared, and the one that was chosen.

    Attributes:
        folder: Holds ``recipe.toml``, ``choose.json`` and, where asked for, the report.
        metric: What validation measured; empty where nothing was trained.
        maximize: Whether more of it is better.
        epochs: Of a whole training.
        screened: Every candidate with its untrained files.
        unfit: Networks of the task that could not be candidates.
        rungs: Of successive halving.
        scores: Name → its trainings in their order.
        failed: Name → why its training failed.
        whole: Name → its whole trainings, one for each seed, of those that were trained whole.
        seed_stops: Name → why it was trained whole on no further seed.
        tested: Name → quality on the test split.
        differences: Name of each rival → how it stands beside the chosen one.
        nearest_mean: Quality on the test split of the class whose mean input is nearest; None where
            inputs have no means.
        curve: Of the chosen one; None where it was not trained on shares.
        stopped: Whether the budget of time ended something.
        notes: What was left out or ended, and why.
        trainings: That came to their end, those of the curve included.
        seconds: That they took, and answering the validation split.
        processor_seconds: Likewise, of all processors together.
        created: When, ISO 8601, UTC.
    """

    task: str
    data: str
    folder: Path
    device: str
    format: str
    limits: ChoiceLimits
    metric: str
    maximize: bool
    epochs: int
    seed: int
    screened: tuple[Screened, ...]
    unfit: tuple[Unfit, ...]
    rungs: tuple[Rung, ...]
    scores: Mapping[str, tuple[Score, ...]]
    failed: Mapping[str, str]
    whole: Mapping[str, tuple[Score, ...]]
    seed_stops: Mapping[str, SeedStop]
    files: ChosenFiles
    tested: Mapping[str, Tested]
    differences: Mapping[str, Difference]
    nearest_mean: Metric | None
    curve: LearningCurve | None
    stopped: bool
    notes: tuple[str, ...]
    trainings: int
    seconds: float
    processor_seconds: float
    created: str

    @property
    def chosen(self) -> str | None:
        """Name of the chosen network; None where none keeps the limits."""
        return self.files.chosen

    @property
    def validated(self) -> tuple[str, ...]:
        """Names of those that were trained whole, the best in validation first."""
        return tuple(self.files.findings)

    @property
    def points(self) -> tuple[SearchPoint, ...]:
        """Files of the networks that were trained whole."""
        return self.files.points

    @property
    def front(self) -> tuple[SearchPoint, ...]:
        """What no other file beats in size, latency and quality at once."""
        return self.files.front

    @property
    def best(self) -> SearchPoint | None:
        """The file of the chosen network."""
        return self.files.best

    @property
    def reference(self) -> Metric | None:
        """Headline metric of the best network before export."""
        return self.files.reference

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What speaks against the chosen network."""
        return self.files.findings.get(self.chosen or "", ())

    @property
    def baseline(self) -> AgainstBaseline | None:
        """What looks at no input, on the test split; None where the task has none."""
        first = self.chosen or next(iter(self.tested), "")
        known = self.tested.get(first)
        return None if known is None else known.baseline

    @property
    def nearest(self) -> Screened | None:
        """The candidate that is nearest to the limits where none keeps them."""
        if self.best is None and (point := nearest_point(self.points, self.limits)) is not None:
            owner = self.files.owners[point.name]
            return next(one for one in self.screened if one.candidate.name == owner)
        known = [(one.nearest, one) for one in self.screened if one.nearest is not None]
        if any(one.fits for one in self.screened) or not known:
            return None
        return min(known, key=lambda pair: pair[0].missed[0].share)[1]

    def arena_of(self, name: str, precision: str) -> int | None:
        """Tensor arena of a network's file, which training does not change; None: not measured."""
        own = (one for one in self.screened if one.candidate.name == name)
        files = [file for one in own for file in one.files if file.precision == precision]
        return files[0].arena if files else None

    def standing(self, one: Screened) -> Standing:
        """What became of a candidate."""
        name = one.candidate.name
        if not one.fits:
            return "over limit" if one.exceeds else "failed"
        if name in self.failed:
            return "failed"
        if name == self.chosen:
            return "chosen"
        if name in self.whole:
            return "rival"
        return "behind" if name in self.scores else "not compared"


def as_json(found: Choice) -> dict[str, Any]:
    """A choice as JSON-compatible dictionaries; metrics are fractions."""
    candidates = [_candidate_json(found, one) for one in found.screened]
    candidates += [
        {"name": one.name, "standing": "unfit", "reason": one.reason} for one in found.unfit
    ]
    curve = found.curve
    return {
        "task": found.task,
        "data": found.data,
        "folder": str(found.folder),
        "chosen": found.chosen,
        "file": None if found.best is None else found.best.name,
        "nearest": None if found.nearest is None else found.nearest.candidate.name,
        "device": found.device,
        "format": found.format,
        "limits": asdict(found.limits),
        "metric": found.metric,
        "higher_is_better": found.maximize,
        "epochs": found.epochs,
        "seed": found.seed,
        "rungs": [asdict(rung) for rung in found.rungs],
        "candidates": candidates,
        "baseline": None if found.baseline is None else asdict(found.baseline),
        "nearest_mean": None if found.nearest_mean is None else asdict(found.nearest_mean),
        "files": [asdict(point) for point in found.points],
        "front": [point.name for point in found.front],
        "learning_curve": None if curve is None else {**asdict(curve), "verdict": curve.verdict},
        "recipe": RECIPE if found.chosen else None,
        "stopped": found.stopped,
        "notes": list(found.notes),
        "trainings": found.trainings,
        "seconds": found.seconds,
        "processor_seconds": found.processor_seconds,
        "created": found.created,
    }


def _candidate_json(found: Choice, one: Screened) -> dict[str, Any]:
    name = one.candidate.name
    difference, known = found.differences.get(name), found.tested.get(name)
    stop = found.seed_stops.get(name)
    point = found.files.best_of(name, found.limits)
    files = [asdict(file) for file in one.files]
    for file in files:
        for miss in file["missed"]:
            miss["share"] = None if miss["share"] == float("inf") else miss["share"]
    return {
        "name": name,
        "begins": one.candidate.begins,
        "standing": found.standing(one),
        "reason": "" if one.fits else why_out(one),
        "untrained": files,
        "scores": [asdict(score) for score in found.scores.get(name, ())],
        "seed_stop": None if stop is None else asdict(stop),
        "failed": found.failed.get(name),
        "test": [] if known is None else [asdict(metric) for metric in known.metrics],
        "difference": None
        if difference is None
        else {**asdict(difference), "verdict": difference.verdict},
        "file": None if point is None else point.name,
        "missed": []
        if point is None
        else [asdict(miss) for miss in missed_limits(point, found.limits)],
    }
