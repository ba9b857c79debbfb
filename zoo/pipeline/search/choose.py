"""The search for the network that suits data, device and limits: from what is asked to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.common.clock import utc_now
from zoo.common.errors import EnvironmentFailed, UnknownName, UsageError, ZooError
from zoo.common.files import ensure_writable, filled, write_text
from zoo.common.optional_imports import require_extra
from zoo.common.progress import OnStep
from zoo.common.units import bytes_of, milliseconds_of, seconds_of
from zoo.contracts import Dataset, Exporter, Metric
from zoo.contracts.precision import BASELINE, TRAINABLE
from zoo.data.opening import judged_dataset
from zoo.data.subset import with_training_share
from zoo.execution.device import Device
from zoo.pipeline.output_folder import write_recipe
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.candidates import ChoiceCandidate, Unfit, candidates_of, none_fits
from zoo.pipeline.search.choice import RECIPE, Choice, as_json
from zoo.pipeline.search.choosing import Choosing
from zoo.pipeline.search.chosen_files import ChosenFiles, chosen_files
from zoo.pipeline.search.folder import folder_name, held
from zoo.pipeline.search.learning_curve import LearningCurve, learning_curve
from zoo.pipeline.search.nearest_mean import nearest_mean
from zoo.pipeline.search.rivals import Difference, Tested, tested
from zoo.pipeline.search.rungs import Rung, rungs_of
from zoo.pipeline.search.scores import Score, Scoring
from zoo.pipeline.search.screening import ChoiceLimits, Screening, none_built
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.timed_device import ranking_device
from zoo.pipeline.search.trade_off import exporter_for_search
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.unjudged import measures_arena
from zoo.registry import Registry
from zoo.results.store import Store

RESULT = "choose.json"
#: Trained whole, unless asked otherwise, and on so many seeds.
FINALISTS, SEEDS = 3, 3


@dataclass(frozen=True, kw_only=True)
class ChooseOptions:
    """What is asked of a choice between networks.

    Attributes:
        models: Names; none for every network of the data's task.
        budget_seconds: For all trainings; None: no limit.
        finalists: How many are trained whole.
        seeds: On how many seeds at most.
        curve: Whether the chosen one is trained on shares of the data, too.
        format: Of the files; None for the first that is installed.
        precisions: Of the files; None for float32 and int8.
        device: Where files are timed; None for this machine.
    """

    models: tuple[str, ...]
    limits: ChoiceLimits
    budget_seconds: float | None = None
    finalists: int = FINALISTS
    seeds: int = SEEDS
    curve: bool = True
    format: str | None = None
    precisions: tuple[str, ...] | None = None
    device: str | None = None


def choose_network(
    registry: Registry,
    data: str,
    recipe_for: Callable[[str], Recipe],
    options: ChooseOptions,
    *,
    output: Path,
    store_url: str | None,
    on_step: OnStep,
) -> Choice:
    """Compares networks by experiment.

    Args:
        registry: Finds networks, data, formats, devices.
        data: Name of the dataset.
        recipe_for: The whole training of a network, by its name.
        options: What is compared and how.
        output: Parent of the search's folder.
        store_url: Of the results store; None for the user's own.
        on_step: Receives progress.

    Raises:
        ZooError: The input is wrong, or no network could be trained.
    """
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        on_step("search", {"event": "note", "text": text})

    device = ranking_device(registry, options.device, ranked="networks")
    arena, format = options.limits.max_arena is not None, options.format
    if arena:
        format = format or measures_arena(registry, format).formats[0]
        measures_arena(registry, format)
    exporter = exporter_for_search(registry, format)
    require_extra(exporter.extra)
    precisions = _precisions(registry, exporter, options.precisions)
    candidates, unfit = candidates_of(
        registry, options.models, recipe_for, data, on_step=on_step, note=note
    )
    if not candidates:
        raise none_fits(data, unfit)
    recipe = candidates[0].job.recipe
    dataset = judged_dataset(registry, recipe.data, allow_leak=recipe.allow_leak)
    budget = TimeBudget(seconds=options.budget_seconds)
    ensure_writable(step_cache().folder)
    with filled(output):
        store = Store(store_url)
        try:
            runs = TrainingRuns(
                registry=registry, store=store, run="", on_step=on_step, budget=budget
            )
            asked = [
                sorted(runs.step(one.job.recipe).key for one in candidates),
                asdict(options.limits),
                *(exporter.name, precisions, device.name, options.finalists, options.seeds),
            ]
            runs.run = folder_name(candidates[0].job.tag, asked)
            folder = output / runs.run
            with held(folder):
                search = _Search(
                    runs=runs,
                    options=options,
                    data=recipe.data,
                    dataset=dataset,
                    device=device,
                    exporter=exporter,
                    unfit=tuple(unfit),
                    folder=folder,
                    note=note,
                    notes=notes,
                )
                screening = Screening(
                    runs=runs,
                    exporter=exporter,
                    precisions=precisions,
                    device=device,
                    limits=options.limits,
                    arena=arena,
                    training=dataset.splits["train"],
                    show=lambda text: on_step("search", {"event": "note", "text": text}),
                )
                return search.run(candidates, screening)
        finally:
            store.close(on_step)


@dataclass(kw_only=True)
class _Search:
    runs: TrainingRuns
    options: ChooseOptions
    data: str
    dataset: Dataset
    device: Device
    exporter: Exporter
    unfit: tuple[Unfit, ...]
    folder: Path
    note: Callable[[str], None]
    notes: list[str]

    def run(self, candidates: Sequence[ChoiceCandidate], screening: Screening) -> Choice:
        """All stages; the test split is read after the last training of the choice."""
        screened = screening.screen(candidates)
        # What the device takes is no part of the time for trainings.
        self.runs.budget = TimeBudget(seconds=self.options.budget_seconds)
        fitting = [one for one in screened if one.fits]
        if not any(one.fits or one.exceeds for one in screened):
            raise none_built(self.data, screened, self.unfit)
        scoring = Scoring(runs=self.runs)
        recipe = candidates[0].job.recipe
        choosing = Choosing(
            scoring=scoring,
            candidates=[one.candidate for one in fitting],
            epochs=recipe.training.epochs,
            seeds=[recipe.seed + number for number in range(self.options.seeds)],
            note=self.note,
        )
        whole: dict[str, list[Score]] = {}
        files = ChosenFiles()
        curve: LearningCurve | None = None
        rungs: tuple[Rung, ...] = ()
        if fitting:
            examples = training_examples(recipe, self.dataset)
            finalists = self.options.finalists
            classes = len(self.dataset.classes)
            rungs = rungs_of(len(fitting), finalists, choosing.epochs, examples, classes)
            best = choosing.halve(rungs)[:finalists]
            whole = choosing.train_whole(best)
            order = choosing.best_first(whole)
            files = chosen_files(
                self.runs,
                order,
                {one.candidate.name: one for one in fitting},
                {name: own[0].weights for name, own in whole.items()},
                limits=self.options.limits,
                format=self.exporter.name,
                device=self.device.name,
            )
            # Before finalists are told apart on the test split: curves are a part of the time.
            if files.chosen is not None and self.options.curve:
                curve = self._curve(choosing, files.chosen, whole, examples)
        results: dict[str, Tested] = {}
        differences: dict[str, Difference] = {}
        mean: Metric | None = None
        if whole and (first := files.chosen or choosing.best_first(whole)[0]):
            recipes = {
                one.candidate.name: one.candidate.job.recipe
                for one in fitting
                if one.candidate.name in whole
            }
            seeds = {name: [score.seed for score in own] for name, own in whole.items()}
            results, differences = tested(self.runs, first, recipes, seeds)
            mean = nearest_mean(self.runs.registry, whole[first][0].weights, self.data)
        found = Choice(
            task=candidates[0].job.variant.task,
            data=self.data,
            folder=self.folder,
            device=self.device.name,
            format=self.exporter.name,
            limits=self.options.limits,
            metric=scoring.metric,
            maximize=scoring.maximize,
            epochs=choosing.epochs,
            seed=recipe.seed,
            screened=tuple(screened),
            unfit=self.unfit,
            rungs=rungs,
            scores={name: tuple(own) for name, own in choosing.scores.items()},
            failed=dict(choosing.failed),
            seed_stops=dict(choosing.seed_stops),
            whole={name: tuple(own) for name, own in whole.items()},
            files=files,
            tested=results,
            differences=differences,
            nearest_mean=mean,
            curve=curve,
            stopped=choosing.stopped,
            notes=tuple(self.notes),
            trainings=scoring.trainings,
            seconds=scoring.seconds,
            processor_seconds=scoring.processor_seconds,
            created=utc_now(),
        )
        self._write(found)
        return found

    def _curve(
        self,
        choosing: Choosing,
        chosen: str,
        whole: dict[str, list[Score]],
        examples: int,
    ) -> LearningCurve | None:
        recipe = next(one.job.recipe for one in choosing.candidates if one.name == chosen)
        judged = len(self.dataset.splits["validation"])
        about = (whole[chosen], choosing.seeds, examples, judged)
        try:
            found = learning_curve(choosing.scoring, recipe, chosen, *about)
        except EnvironmentFailed:
            raise
        except ZooError as error:  # A class may have too few examples in a part of the data.
            self.note(f"no learning curve: {error.what.partition(chr(10))[0]}")
            return None
        if found is None:
            self.note("no learning curve: the budget of time was used up")
        return found

    def _write(self, found: Choice) -> None:
        registry = self.runs.registry
        for one in found.screened:
            name = one.candidate.name
            best = found.files.best_of(name, found.limits)
            if name not in found.whole or best is None:
                continue
            recipe = one.candidate.job.recipe.model_copy(
                update={
                    "formats": (best.format,),
                    "precisions": (best.precision,),
                    "devices": (found.device,),
                }
            )
            write_recipe(registry, self.folder / f"{_file_name(name)}.toml", recipe)
            if name == found.files.chosen:
                write_recipe(registry, self.folder / RECIPE, recipe)
        write_text(self.folder / RESULT, json.dumps(as_json(found), indent=1))


def training_examples(recipe: Recipe, dataset: Dataset) -> int:
    """How many its share of the training split leaves to all trainings of a comparison."""
    left = with_training_share(dataset, recipe.training.share, recipe.seed)
    return len(left.splits["train"])


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


def _precisions(
    registry: Registry, exporter: Exporter, asked: Sequence[str] | None
) -> tuple[str, ...]:
    if not asked:
        usual = (BASELINE.name, TRAINABLE.name)
        return tuple(p for p in usual if p in exporter.precisions) or exporter.precisions[:1]
    for name in asked:
        registry.precision(name)
        if name not in exporter.precisions:
            raise UnknownName(f"precision of {exporter.name}", name, exporter.precisions)
    return tuple(dict.fromkeys(asked))


def choose_options_of(
    *,
    models: Sequence[str],
    budget: str | float | None,
    max_size: str | int | None,
    max_latency: str | float | None,
    max_arena: str | int | None,
    finalists: int,
    seeds: int,
    **others: Any,
) -> ChooseOptions:
    """What is asked, each number checked.

    Raises:
        UsageError: A number below 1, or a size or a time that cannot be read.
    """
    for option, value in (("--finalists", finalists), ("--seeds", seeds)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise UsageError(f"{option} {value!r} is no whole number", fix="give 1 or more")
        if value < 1:
            raise UsageError(f"{option} {value} trains nothing", fix="give 1 or more")
    limits = ChoiceLimits(
        max_bytes=bytes_of(max_size, "--max-size"),
        max_ms=milliseconds_of(max_latency, "--max-latency"),
        max_arena=bytes_of(max_arena, "--max-arena"),
    )
    return ChooseOptions(
        models=tuple(models),
        limits=limits,
        budget_seconds=seconds_of(budget, "--budget"),
        finalists=finalists,
        seeds=seeds,
        **others,
    )
