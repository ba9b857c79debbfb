"""The search for hyper-parameters: from what is asked to a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.common.brief import Brief
from zoo.common.clock import utc_now
from zoo.common.errors import UnknownName, UsageError
from zoo.common.files import ensure_writable, filled, write_text
from zoo.common.optional_imports import require_extra
from zoo.common.progress import OnStep
from zoo.common.units import seconds_of
from zoo.common.views import Viewed
from zoo.contracts.search_space import choice_text
from zoo.pipeline.job import Job
from zoo.pipeline.output_folder import write_recipe
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.confirmation import SEEDS, Confirmation, confirmed
from zoo.pipeline.search.folder import folder_name, held
from zoo.pipeline.search.space import SearchedParameter, parse_space, search_space, with_values
from zoo.pipeline.search.space_check import checked_space
from zoo.pipeline.search.starting_job import starting_job
from zoo.pipeline.search.study import STUDY, StudiedTrial, Study
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.trade_off import (
    Cost,
    FilePoint,
    cost_of,
    different_networks,
    measured_files,
)
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.search.tuning import Tuning, ranked
from zoo.pipeline.step_cache import step_cache
from zoo.registry import Registry
from zoo.results.store import Store

RESULT, RECIPE = "tune.json", "recipe.toml"
#: Trials where neither a number nor a budget is given.
USUAL_TRIALS = 30
LOSS = "loss"


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What is asked of a search for hyper-parameters.

    Attributes:
        trials: So many at most, those that are pruned or fail included; None: no limit.
        budget_seconds: For all trainings, those of the confirmation too; None: no limit.
        space: Name → what it may be, as typed.
        only: Whether nothing varies but what `space` names.
        objective: The metric of validation, or ``loss``; empty for the metric.
        prune: Whether trials that fall behind are ended.
        then: ``latency@DEVICE`` or ``size``; empty for neither.
        format: Of the files that `then` makes; None for the first that is installed.
        precision: Of these files; None for float32.
    """

    trials: int | None = None
    budget_seconds: float | None = None
    space: Mapping[str, str]
    only: bool = False
    objective: str = ""
    prune: bool = True
    then: str = ""
    format: str | None = None
    precision: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class TuneResult(Brief, Viewed):
    """What a search for hyper-parameters found.

    Attributes:
        model_id: Of the weights that trials make.
        folder: Holds ``recipe.toml``, the study, ``tune.json`` and, where asked for, the report.
        objective: What validation measured.
        maximize: Whether more of it is better.
        epochs: Of a whole trial.
        space: What was varied.
        trials: All that began, in their order.
        best: Number of the best trial.
        confirmation: The best beside the default; None where the default is the best.
        importances: Share of each parameter, 0 to 1, the greatest first; empty for few trials.
        cost: What `files` are weighed by, such as ``size``; empty where nothing was asked.
        files: Of different networks among the trials, the cheapest first.
        stopped: Whether the budget of time ended the search.
        notes: What was left out or ended, and why.
        seconds: That trials took.
        created: When, ISO 8601, UTC.
    """

    model_id: str
    data: str
    folder: Path
    objective: str
    maximize: bool
    epochs: int
    seed: int
    space: tuple[SearchedParameter, ...]
    trials: tuple[StudiedTrial, ...]
    best: int
    confirmation: Confirmation | None
    importances: Mapping[str, float]
    cost: str
    files: tuple[FilePoint, ...]
    stopped: bool
    notes: tuple[str, ...]
    seconds: float
    created: str

    @property
    def improved(self) -> bool:
        """Whether the best is better than the default, and chance does not explain it."""
        return self.confirmation is not None and self.confirmation.verdict == "better"

    @property
    def trained_epochs(self) -> int:
        """Epochs that were trained in all trials together."""
        return sum(len(trial.epochs) for trial in self.trials)


def tune_network(
    registry: Registry,
    recipe: Recipe,
    options: TuneOptions,
    *,
    output: Path,
    store_url: str | None,
    on_step: OnStep,
) -> TuneResult:
    """Searches for hyper-parameters of a network and its training.

    Args:
        registry: Finds models and data.
        recipe: The default; what it sets is not varied unless the space names it.
        options: What is searched and how.
        output: Parent of the search's folder.
        store_url: Of the results store; None for the user's own.
        on_step: Receives progress.

    Raises:
        ZooError: The input is wrong, the default cannot be trained, or no trial could end.
    """
    require_extra("tune")
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        on_step("search", {"event": "note", "text": text})

    job = _default_job(registry, recipe, on_step, note)
    space = search_space(job, options.space, only=options.only)
    cost = None
    if options.then:
        cost = cost_of(registry, job, options.then, options.format, options.precision)
        if not any(p.owner == "network" for p in space):
            raise UsageError(
                f"--then {options.then}: all trials have the same network",
                why="its training alone is varied, which changes neither latency nor size",
                fix="vary the network, too: add --from-scratch, or name a width in --space",
            )
    space, check = checked_space(job, space, _with_notes(on_step, notes))
    objective = options.objective or check.metric_name
    if objective not in (check.metric_name, LOSS):
        raise UnknownName("objective", objective, (check.metric_name, LOSS))
    maximize = check.higher_is_better and objective != LOSS
    budget = TimeBudget(seconds=options.budget_seconds)
    ensure_writable(step_cache().folder)
    with filled(output):
        store = Store(store_url)
        try:
            runs = TrainingRuns(
                registry=registry, store=store, run="", on_step=on_step, budget=budget
            )
            ranges = {p.name: (str(p.range), choice_text(p.default)) for p in space}
            asked = [runs.step(job.recipe).key, ranges, objective, options.prune]
            runs.run = folder_name(job.model_id, asked)
            folder = output / runs.run
            with held(folder):
                study = Study(
                    folder,
                    runs.run,
                    space,
                    maximize=maximize,
                    epochs=job.recipe.training.epochs,
                    seed=job.recipe.seed,
                    prune=options.prune,
                )
                study.describe({"model": job.model_id, "data": job.recipe.data, "of": objective})
                tuning = Tuning(
                    runs=runs, study=study, recipe=job.recipe, loss=objective == LOSS, note=note
                )
                stopped = tuning.search(options.trials)
                return _finish(
                    tuning, job, space, objective, cost, folder, stopped=stopped, notes=notes
                )
        finally:
            store.close(on_step)


def _default_job(registry: Registry, recipe: Recipe, on_step: OnStep, note: Any) -> Job:
    """The job of the default; of a network without weights, from random ones."""
    asked = recipe.training.from_scratch
    job = starting_job(registry, recipe, on_step)
    if job.recipe.training.from_scratch and not asked:
        note(f"{job.variant.name} has no pretrained weights: each trial begins with random ones")
    if job.checkpoint is not None and (job.architecture.searched or job.architecture.widths):
        note(
            f"each trial begins with the weights of {job.checkpoint.model_id}, so the network "
            "stays as it is; --from-scratch varies it, too"
        )
    return job


def _with_notes(on_step: OnStep, notes: list[str]) -> OnStep:
    def told(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "note":
            notes.append(event["text"])
        on_step(step, event)

    return told


def _finish(
    tuning: Tuning,
    job: Job,
    space: tuple[SearchedParameter, ...],
    objective: str,
    cost: Cost | None,
    folder: Path,
    *,
    stopped: bool,
    notes: list[str],
) -> TuneResult:
    """The verdict, the files, and what is written."""
    runs, study = tuning.runs, tuning.study
    order = ranked(study.trials(), maximize=study.maximize)
    best = order[0]
    recipe = with_values(job.recipe, space, best.values)
    confirmation = None
    if recipe != job.recipe:
        seeds = [job.recipe.seed + number for number in range(1, SEEDS + 1)]
        confirmation = confirmed(runs, job.recipe, recipe, seeds)
    files: tuple[FilePoint, ...] = ()
    if cost is not None:
        chosen = different_networks(order, [p.name for p in space if p.owner == "network"])
        weights = {t.number: tuning.weights_of(t) for t in chosen}
        files = measured_files(
            chosen,
            weights,
            cost,
            job=job,
            store=runs.store,
            run=runs.run,
            maximize=study.maximize,
            on_step=runs.on_step,
        )
    trials = study.trials()
    found = TuneResult(
        model_id=job.model_id,
        data=job.recipe.data,
        folder=folder,
        objective=objective,
        maximize=study.maximize,
        epochs=job.recipe.training.epochs,
        seed=job.recipe.seed,
        space=space,
        trials=trials,
        best=best.number,
        confirmation=confirmation,
        importances=study.importances(),
        cost="" if cost is None else str(cost),
        files=files,
        stopped=stopped,
        notes=tuple(notes),
        seconds=sum(trial.seconds for trial in trials),
        created=utc_now(),
    )
    registry = job.registry
    write_recipe(registry, folder / RECIPE, recipe if found.improved else job.recipe)
    for number in {best.number, *(point.trial for point in files if point.on_front)}:
        own = with_values(job.recipe, space, trials[number].values)
        write_recipe(registry, folder / f"trial-{number}.toml", own)
    write_text(folder / RESULT, json.dumps(as_json(found), indent=1))
    return found


def as_json(found: TuneResult) -> dict[str, Any]:
    """A search as JSON-compatible dictionaries; metrics are fractions."""
    confirmation = found.confirmation
    verdict = "no better" if confirmation is None else confirmation.verdict
    return {
        "model_id": found.model_id,
        "data": found.data,
        "folder": str(found.folder),
        "verdict": verdict,
        "objective": found.objective,
        "higher_is_better": found.maximize,
        "epochs": found.epochs,
        "seed": found.seed,
        "space": [
            {"name": p.name, "of": p.owner, "range": str(p.range), "default": p.default}
            for p in found.space
        ],
        "best": found.best,
        "confirmation": None if confirmation is None else asdict(confirmation),
        "importances": dict(found.importances),
        "trials": [_trial_json(trial) for trial in found.trials],
        "then": found.cost,
        "files": [asdict(point) for point in found.files],
        "trained_epochs": found.trained_epochs,
        "recipe": RECIPE,
        "study": STUDY,
        "stopped": found.stopped,
        "notes": list(found.notes),
        "seconds": found.seconds,
        "created": found.created,
    }


def _trial_json(trial: StudiedTrial) -> dict[str, Any]:
    plain = asdict(trial)
    plain["loss"] = None if trial.state != "complete" else trial.loss
    return plain


def tune_options_of(
    *, trials: int | None, space: Any, budget: str | float | None, **others: Any
) -> TuneOptions:
    """What is asked, with the usual number of trials where nothing limits them.

    Raises:
        UsageError: A number of trials below 1, or a space or a time that cannot be read.
    """
    if trials is not None and (type(trials) is not int or trials < 1):
        raise UsageError(f"--trials {trials!r} tries nothing", fix="give 1 or more")
    if trials is None and budget is None:
        trials = USUAL_TRIALS
    seconds = seconds_of(budget, "--budget")
    return TuneOptions(trials=trials, budget_seconds=seconds, space=parse_space(space), **others)
