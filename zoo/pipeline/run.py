"""A run: carrying out a recipe, and its folder of files, records and report."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.common.files import ensure_writable, filled, write_text
from zoo.common.optional_imports import require_extra
from zoo.common.paths import cache_folder
from zoo.common.progress import OnStep
from zoo.common.shown_text import printable_lines, without_passwords
from zoo.common.views import Viewed
from zoo.contracts.task import Metric
from zoo.data.opening import open_dataset
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.failures import first_failure
from zoo.pipeline.files import RunFiles, files_of
from zoo.pipeline.job import Job
from zoo.pipeline.output_folder import RECIPE, publish, refuse_other_data, write_recipe
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.evaluate import EVALUATE
from zoo.pipeline.steps.finetune import FINETUNE
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Step
from zoo.pipeline.tracking import tracked
from zoo.results import formatting as fmt
from zoo.results.records import (
    RECORDS,
    GateResult,
    NetworkEvaluation,
    QualityFinding,
    StepRecord,
    TrainingResult,
    as_plain,
)
from zoo.results.store import Store

#: Files that the repr of a run shows.
_SHOWN = 12


@dataclass(frozen=True, kw_only=True, repr=False)
class Run(Viewed):
    """What a job produced.

    Attributes:
        name: ``lenet5.digits-1a2b3c4d``; the same recipe has the same name.
        folder: Holds the files, ``records.json`` and, when it was asked for, ``report.html``.
        finished: The steps, with their results and the folders of their files.
        changed: Whether anything is new since the last time.
        remarks: Trackers that were left out, and why.
    """

    name: str
    folder: Path
    job: Job
    steps: tuple[StepRecord, ...]
    finished: FinishedSteps
    changed: bool
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        head = f"{self.name}: {'passed' if self.passed else 'not passed'}"
        quality = [f"{m.name} {fmt.format_metric(m)}" for m in list(self.metrics.values())[:1]]
        files = [repr(file) for file in self.files]
        more = [f"… {len(files) - _SHOWN} more files"] * (len(files) > _SHOWN)
        lines = [head, *quality, *files[:_SHOWN], *more, f"in {self.folder}"]
        return printable_lines(without_passwords("\n  ".join(lines)))

    @cached_property
    def files(self) -> RunFiles:
        """The exported files, with what was measured of each; those that were not made, too."""
        return files_of(self)

    @property
    def metrics(self) -> dict[str, Metric]:
        """The network's quality on the whole test split, by name; empty where that failed."""
        evaluated = self.finished.get(EVALUATE)
        known = None if evaluated is None else evaluated.value
        return {} if known is None else {metric.name: metric for metric in known.metrics}

    def to_pandas(self) -> Any:
        """The files as a `pandas.DataFrame`, see `RunFiles.to_pandas`."""
        return self.files.to_pandas()

    @property
    def passed(self) -> bool:
        """Whether every step passed, or need not, or has another that stands in for it.

        Files of a weak network do not pass either, unless the recipe allows it.
        """
        replaced = {step.replaces for step in self.steps if step.status == "passed"}
        # What was skipped waited for a step that speaks for itself.
        done = all(s.status in ("passed", "skipped") or s.step in replaced for s in self.steps)
        return done and not (self.weak and self.gates and not self.job.recipe.gate.allow_weak)

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What speaks against the network, or against how it was judged."""
        evaluated = self.finished.get(EVALUATE)
        known = evaluated is not None and evaluated.value is not None
        return self.evaluation.result.findings if known else ()

    @property
    def weak(self) -> bool:
        """Whether files of this network should not be shipped, however faithful they are."""
        return any(finding.weak for finding in self.findings)

    @property
    def settled(self) -> bool:
        """Whether of every budget it could be told whether it was kept."""
        return not any(
            s.kind == "budget" and s.status == "skipped" and s.result for s in self.steps
        )

    @property
    def training(self) -> FinishedStep[TrainingResult]:
        """The training of the network."""
        return self.finished[FINETUNE]

    @property
    def evaluation(self) -> FinishedStep[NetworkEvaluation]:
        """The evaluation of the network."""
        return self.finished[EVALUATE]

    @property
    def gates(self) -> list[FinishedStep[GateResult]]:
        """The gates that ran their file, whatever they found."""
        return judged_gates(self.finished)

    @property
    def weights(self) -> Path:
        """The fine-tuned weights."""
        return self.folder / f"{self.job.model_id}.safetensors"


def execute(
    job: Job,
    *,
    scope: PlanScope,
    output: Path,
    named: bool,
    store_url: str | None,
    on_step: OnStep,
    workers: int = 2,
    retry: bool = False,
) -> Run:
    """Carries out a job and fills its folder.

    Args:
        job: From `make_job`.
        scope: Which parts of it.
        output: The folder, or its parent when `named`.
        named: Whether to make a folder of the run's name in `output`.
        store_url: Of the results store; None for the user's own.
        on_step: Progress.
        workers: Steps side by side.
        retry: Whether to try again conversions that crashed or were impossible before.

    Raises:
        ZooError: The folder cannot be written; or the first step failed, so there is nothing.
    """
    if scope.export:
        for exporter in job.exporters:
            require_extra(exporter.extra)  # not after an hour of training
        for text in job.left_out:
            on_step("files", {"event": "note", "text": text})
    with filled(output), ExitStack() as stack:
        cache = step_cache()
        ensure_writable(cache.folder)
        checkpoints = cache_folder() / "checkpoints"
        plan = make_plan(job, checkpoints, scope)
        name = run_name(job, plan)
        folder = output / name if named else output
        if not named:
            _refuse_other_data(job, folder)
        store = Store(store_url)
        tracking = stack.enter_context(tracked(job, name, on_step))
        try:
            pipeline = Pipeline(
                cache=cache, store=store, run=name, on_step=tracking, workers=workers, retry=retry
            )
            steps = pipeline.execute(plan)
        finally:
            store.close(on_step)
        first = pipeline.finished[FINETUNE]
        if not first.passed:
            raise first_failure(first.record)
        shutil.rmtree(checkpoints / plan[0].key, ignore_errors=True)
        changed = not all(step.cached for step in steps)
        # A folder that several runs share must keep the papers of each.
        papers = "" if named else f"{job.model_id}."
        if not named:
            _refuse_other_data(job, folder)  # of another run that began later and ended earlier
        # First: from now on other runs know whose the files are.
        write_recipe(job.registry, folder / f"{papers}{RECIPE}", job.recipe)
        _write_run(folder, job, pipeline.finished, on_step)
        write_text(folder / f"{papers}{RECORDS}", json.dumps(plain_records(steps), indent=1))
        run = Run(
            name=name,
            folder=folder,
            job=job,
            steps=tuple(steps),
            finished=pipeline.finished,
            changed=changed,
        )
        return replace(run, remarks=tracking.finish(run))


def _refuse_other_data(job: Job, folder: Path) -> None:
    data = job.recipe.data
    refuse_other_data(
        job.registry,
        folder,
        job.model_id,
        data,
        lambda: open_dataset(job.registry, data).content_hash,
    )


def run_name(job: Job, plan: Sequence[Step[Any]]) -> str:
    """Model id, and eight digits that change with anything that changes a result."""
    keys = "".join(sorted(step.key for step in plan if not step.exclusive))
    tiers = job.recipe.bench.model_dump_json() + ",".join(device.name for device in job.devices)
    if job.recipe.budgets:
        tiers += json.dumps(job.recipe.budgets, sort_keys=True)
    digest = hashlib.sha256((keys + tiers).encode("ascii")).hexdigest()
    return f"{job.model_id}-{digest[:8]}"


def _write_run(folder: Path, job: Job, finished: FinishedSteps, on_step: OnStep) -> None:
    wanted = [finished[FINETUNE].folder / f"{job.model_id}.safetensors"]
    evaluated = finished[EVALUATE]
    card_step = evaluated if evaluated.passed else finished[FINETUNE]
    wanted.append(card_step.folder / f"{job.model_id}.toml")
    files = []
    for gate in judged_gates(finished):
        for judged_file in gate.result.files:
            beside = [judged_file.golden] if judged_file.golden else []
            names = [*judged_file.side_files, judged_file.file, *beside]
            wanted += [gate.folder / name for name in names]
            files.append(folder / judged_file.file)
    for note in publish(folder, wanted, files):
        on_step("files", {"event": "note", "text": note})


def judged_gates(finished: FinishedSteps) -> list[FinishedStep[GateResult]]:
    """The gates that ran their file, whatever they found."""
    return [step for id, step in finished.items() if id.kind == "gate" and step.judged]


def plain_records(steps: Sequence[StepRecord]) -> list[dict[str, Any]]:
    """Records as JSON-compatible dictionaries; whether they were cached is not part of them."""
    plain = [as_plain(step) for step in steps]
    for record in plain:
        record.pop("cached")
    return plain
