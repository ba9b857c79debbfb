"""Candidates into points: each is a recipe's steps, kept under their content addresses."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.paths import cache_folder
from zoo.common.progress import OnStep
from zoo.contracts import Metric
from zoo.contracts.precision import BASELINE
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.failures import first_failure
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.rows import ArtifactRow, rows_of
from zoo.pipeline.run import Run
from zoo.pipeline.search.points import SearchPoint
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.evaluate import EVALUATE
from zoo.pipeline.steps.finetune import FINETUNE
from zoo.pipeline.steps.step import FinishedSteps, StepId
from zoo.registry import Registry
from zoo.results.records import QualityFinding
from zoo.results.store import Store

#: The worst that gzip does to a download is what servers do by default; level 9 is for files that
#: are compressed once.
_GZIP_LEVEL = 9


@dataclass(frozen=True, kw_only=True)
class SearchNetwork:
    """Weights that files are made of.

    Attributes:
        name: For people: the model id, or how the weights came about.
        short: Appended to the names of its points; empty for the model itself.
        pruned: Whether zeros are worth storing sparsely.
    """

    name: str
    model: str
    short: str = ""
    pruned: bool = False


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One file to be made and measured.

    Attributes:
        repair: Whether layers that lose the most may stay in float.
    """

    network: SearchNetwork
    format: str
    precision: str
    method: str = "auto"
    repair: bool = False

    @property
    def file(self) -> tuple[str, str]:
        """Format and precision."""
        return self.format, self.precision

    def step(self, kind: str) -> StepId:
        """The step of a kind that is about its file."""
        return StepId(kind=kind, format=self.format, precision=self.precision)

    @property
    def name(self) -> str:
        """Unique in a search."""
        parts = [self.network.short] if self.network.short else []
        if self.method != "auto":
            parts.append(self.method)
        if self.repair:
            parts.append("mixed precision")
        return ", ".join([f"{self.format} {self.precision}", *parts])


@dataclass(kw_only=True)
class TrialRunner:
    """Carries trials out.

    Attributes:
        options: Of every recipe, as `recipe_from` takes them.
        reference: Headline metric of the model before export, once it is known.
        inference_seconds: The quickest float32 file's median; None until one was timed.
        evaluate_seconds: How long evaluating the model took, per example.
        evaluated: Keras evaluations by model: each network's own headline metric.
        findings: What speaks against each network, by model.
        seen: SHA-256 of the payload → name of the point that has it.
    """

    registry: Registry
    data: str
    options: Mapping[str, Any]
    store: Store
    run: str
    on_step: OnStep
    reference: Metric | None = None
    inference_seconds: float | None = None
    evaluate_seconds: float = 0.0
    evaluated: dict[str, Metric] = field(default_factory=dict)
    findings: dict[str, tuple[QualityFinding, ...]] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def measure(self, stage: str, trials: Sequence[Trial]) -> list[SearchPoint]:
        """Makes, judges and times files; those that are byte for byte known already are left out.

        Args:
            stage: Of the search.
            trials: Of one network; grouped by how they are calibrated.

        Raises:
            ZooError: The network could not be read or evaluated at all.
        """
        points: list[SearchPoint] = []
        groups = dict.fromkeys((t.network, t.method, t.repair) for t in trials)
        for network, method, repair in groups:
            group = [
                t for t in trials if (t.network, t.method, t.repair) == (network, method, repair)
            ]
            points += self._measure_group(stage, group)
        return points

    def pipeline(self, prefix: str) -> Pipeline:
        """A pipeline whose steps are told with a prefix."""

        def told(step: str, event: dict[str, Any]) -> None:
            self.on_step(f"{prefix}{step}", event)

        return Pipeline(
            cache=step_cache(), store=self.store, run=self.run, on_step=told, compares=True
        )

    def job(self, trials: Sequence[Trial], format: str) -> Job:
        """The job that makes the files of one format; the baseline is always their twin."""
        first = trials[0]
        precisions = [BASELINE.name, *(t.precision for t in trials if t.format == format)]
        exporter = self.registry.exporters.get(format)
        known = exporter.precisions
        sparse = {format: exporter.sparse} if first.network.pruned and exporter.sparse else {}
        recipe = recipe_from(
            model=first.network.model,
            data=self.data,
            format=(format,),
            precision=tuple(p for p in dict.fromkeys(precisions) if p in known),
            calibration_method=first.method,
            repair=first.repair,
            export_option=sparse,
            epochs=0,
            **self.options,
        )
        return make_job(recipe, self.registry)

    def _measure_group(self, stage: str, trials: Sequence[Trial]) -> list[SearchPoint]:
        jobs = {name: self.job(trials, name) for name in dict.fromkeys(t.format for t in trials)}
        plans = {name: make_plan(job, _checkpoints(), PlanScope()) for name, job in jobs.items()}
        wanted = {t.file for t in trials}
        merged = {step.id: step for plan in plans.values() for step in plan}
        work = [step for step in merged.values() if _is_requested(step.id, wanted)]
        first = trials[0]
        what = first.name.partition(", ")[2]
        prefix = f"{what} · " if what else ""
        pipeline = self.pipeline(prefix)
        pipeline.execute([step for step in work if step.id.kind != "bench"])
        self._note_reference(first.network, pipeline.finished)
        new = [trial for trial in trials if self._is_new(trial, pipeline.finished)]
        timed = {trial.file for trial in new if pipeline.finished[trial.step("gate")].passed}
        # A pipeline that came to its end starts no children any more.
        timing = self.pipeline(prefix)
        timing.finished.update(pipeline.finished)
        timing.execute([s for s in work if s.id.kind == "bench" and _file(s.id) in timed])
        points = [self._point(stage, trial, jobs[trial.format], timing.finished) for trial in new]
        self._note_speed(points)
        return points

    def _note_reference(self, network: SearchNetwork, finished: FinishedSteps) -> None:
        for id in (FINETUNE, EVALUATE):
            if not finished[id].passed:
                raise first_failure(finished[id].record)
        evaluated = finished[EVALUATE]
        metric: Metric = evaluated.result.metrics[0]
        self.evaluated[network.model] = metric
        self.findings[network.model] = evaluated.result.findings
        if self.reference is None:
            self.reference = metric
            self.evaluate_seconds = evaluated.record.seconds / max(metric.count, 1)

    def _note_speed(self, points: Sequence[SearchPoint]) -> None:
        known = [p.p50_ms / 1000 for p in points if p.p50_ms and p.precision == BASELINE.name]
        if known and self.inference_seconds is None:
            self.inference_seconds = min(known)

    def _is_new(self, trial: Trial, finished: FinishedSteps) -> bool:
        """Whether no earlier point is the same file; a method may change nothing."""
        export = finished[trial.step("export")]
        if not export.passed:
            return True
        payload = export.result.contents.payload_sha256
        earlier = self.seen.setdefault(payload, trial.name)
        if earlier != trial.name:
            text = f"{trial.name} is byte for byte {earlier}: not counted twice"
            self.on_step("search", {"event": "note", "text": text})
        return earlier == trial.name

    def _point(self, stage: str, trial: Trial, job: Job, finished: FinishedSteps) -> SearchPoint:
        row = _row(job, trial, finished)
        gate, export = finished[trial.step("gate")], finished[trial.step("export")]
        source = gate.folder / row.file if gate.judged else None
        drop = None
        if self.reference is not None and row.accuracy is not None:
            drop = self.reference.lost_by(row.accuracy)
        return SearchPoint(
            name=trial.name,
            stage=stage,
            network=trial.network.name,
            format=trial.format,
            precision=trial.precision,
            verdict=row.verdict,
            reason=row.reason,
            method=trial.method if self.registry.precision(trial.precision).calibrated else "",
            keep=export.result.kept if export.passed else (),
            metric=row.accuracy,
            drop=drop,
            bytes=row.bytes,
            download_bytes=None if source is None else download_bytes(source),
            device=job.devices[0].name if row.p50_ms is not None else None,
            source=None if source is None else str(source),
            recipe=job.recipe.model_copy(update={"precisions": (trial.precision,)}).model_dump(
                mode="json", exclude_none=True, exclude={"executor"}
            ),
            weights=trial.network.model,
            checks=row.checks,
            **_timing(row),
        )


def _row(job: Job, trial: Trial, finished: FinishedSteps) -> ArtifactRow:
    """The row that a run's table would have for this file."""
    run = Run(
        name="",
        folder=Path(),
        job=job,
        steps=(),
        finished=finished,
        changed=False,
    )
    return next(r for r in rows_of(run) if r.precision == trial.precision)


def _timing(row: ArtifactRow) -> dict[str, Any]:
    return {
        "p50_ms": row.p50_ms,
        "p50_low_ms": row.p50_low,
        "p50_high_ms": row.p50_high,
        "quiet": row.quiet,
        "runtime": row.runtime,
        "threads": row.threads,
    }


def download_bytes(path: Path) -> int:
    """Size of a file after gzip."""
    try:
        return len(gzip.compress(path.read_bytes(), _GZIP_LEVEL, mtime=0))
    except OSError as error:
        raise ZooError(
            f"{path} cannot be read", why=error.strerror, fix="run the same command again"
        ) from error


def _checkpoints() -> Path:
    return cache_folder() / "checkpoints"


def _file(step: StepId) -> tuple[str, str]:
    return step.format, step.precision


def _is_requested(step: StepId, files: set[tuple[str, str]]) -> bool:
    """Whether the step makes a wanted file, its float32 twin, or what both begin with."""
    if not step.format:
        return True
    return _file(step) in files or (step.kind != "bench" and step.precision == BASELINE.name)
