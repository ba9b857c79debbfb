"""The networks that a dataset can be learnt by: those that were named, or all of its task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from zoo.common.downloads import DownloadFailed, NotOnMachine
from zoo.common.errors import BadData, EnvironmentFailed, MissingExtra, UsageError, ZooError
from zoo.common.progress import OnStep
from zoo.common.shown_text import some_of
from zoo.contracts import Split, Task
from zoo.data.opening import check_task, data_for_task, open_dataset, provider_of, tasks_of
from zoo.data.preprocessing.inputs import read_input
from zoo.networks.retasking import variant_for
from zoo.networks.sources.references import source_of
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.starting_job import beginning, starting_job
from zoo.pipeline.several_files import refuse_several_files
from zoo.registry import Registry
from zoo.results import formatting as fmt


@dataclass(frozen=True, kw_only=True)
class ChoiceCandidate:
    """A network, and how it would be trained.

    Attributes:
        name: As it was typed, or the name of the variant.
        job: Of the whole training.
        foreign: Whether it is from elsewhere.
    """

    name: str
    job: Job
    foreign: bool = False

    @property
    def begins(self) -> str:
        """What its training begins with."""
        return beginning(self.job)

    @property
    def multiply_adds(self) -> int:
        """Of its variant, for one input; with other hyper-parameters a hint alone."""
        return self.job.variant.multiply_adds

    @property
    def as_recorded(self) -> bool:
        """Whether it is built as its variant's record says: parameters, multiply-adds."""
        recipe, checkpoint = self.job.recipe, self.job.checkpoint
        own = checkpoint is None or not checkpoint.card().hyperparameters
        resized = recipe.training.input_size is not None or recipe.training.channels is not None
        return own and not (self.foreign or recipe.hyperparameters or resized)


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """A network of the task that cannot be trained on the data, and why."""

    name: str
    reason: str


def candidates_of(
    registry: Registry,
    names: Sequence[str],
    recipe_for: Callable[[str], Recipe],
    data: str,
    *,
    on_step: OnStep,
    note: Callable[[str], None],
) -> tuple[list[ChoiceCandidate], list[Unfit]]:
    """The candidates, the one with the fewest multiply-adds first.

    Args:
        registry: Finds networks and data.
        names: Variants, model ids, weights files or references to networks from elsewhere; of
            none, every variant of the data's task is one.
        recipe_for: The whole training of a network by its name.
        data: Name of the dataset.
        on_step: Progress of opening and fetching networks.
        note: Receives what was decided, in words.

    Returns:
        Candidates, and networks of the task that the options or the data do not fit; a network
        that was named and does not fit is an error.

    Raises:
        ZooError: A name is not known, named networks serve two tasks, or there is none at all.
    """
    provider_of(registry, data)

    @cache
    def training_split(data: str) -> Split:
        return open_dataset(registry, data).splits["train"]

    found: list[ChoiceCandidate] = []
    unfit: list[Unfit] = []
    if not names:
        asked = recipe_for("").source.task
        split = training_split(data_for_task(registry, data, asked) if asked else data)
        for name in variants_of_task(registry, data, asked):
            if other := _other_input(registry, name, split):
                unfit.append(Unfit(name=name, reason=other))
                continue
            try:
                found.append(
                    _candidate(registry, recipe_for(name), name, on_step, note, training_split)
                )
            except MissingExtra as error:  # nobody asked for this one
                unfit.append(Unfit(name=name, reason=told_in_short(error)))
            except EnvironmentFailed:
                raise
            except ZooError as error:
                unfit.append(Unfit(name=name, reason=told_in_short(error)))
    for name in dict.fromkeys(names):
        job = starting_job(registry, recipe_for(name), on_step)
        job = _taking_data(job, name, note, training_split)
        foreign = source_of(registry, name) is not None
        one = ChoiceCandidate(name=name, job=job, foreign=foreign)
        twin = next((other for other in found if _same(one, other)), None)
        if twin is None:
            found.append(one)
        else:
            note(f"{name} is {twin.name} by another name: it was compared once")
    _check_one_task(registry, found, data)
    return sorted(found, key=lambda one: (one.multiply_adds, one.name)), unfit


def variants_of_task(registry: Registry, data: str, asked: str | None = None) -> list[str]:
    """Names of the variants that learn what a dataset teaches, of the first task that has any.

    Args:
        registry: Knows them.
        data: Name of the dataset; it is not opened.
        asked: The task, where the dataset serves several; None takes the first with networks.

    Raises:
        UsageError: There is none, or the data do not serve the task.
        UnknownName: The task that was asked for is not known.
    """
    if asked is not None:
        registry.tasks.get(asked)
        data = data_for_task(registry, data, asked)
        check_task(registry, data, asked, asked)
    served = tasks_of(registry, data)
    by_task: dict[str, list[str]] = {}
    for architecture, variant in registry.variants():
        task = variant_for(registry, architecture, variant, data).task
        by_task.setdefault(task, []).append(variant.name)
    for name in served if asked is None else (asked,):
        own = [t for t in registry.tasks if t.name == name or name in t.datasets_of]
        fitting = [variant for task in own for variant in by_task.get(task.name, ())]
        if fitting:
            return fitting
    raise UsageError(
        f"no network of the zoo is for {asked or ' or '.join(served)}",
        why=f"{data} is for {', '.join(served)}",
        fix="name networks from elsewhere, or add one: docs/adding-a-model.md; `zoo list` shows "
        "the task of each",
    )


def _other_input(registry: Registry, name: str, split: Split) -> str:
    """Why a variant takes inputs of another kind than the examples are; empty where it may fit.

    Inputs of the same kind and another size are no reason: it is built for the data.
    """
    first = split.read(0)
    variant = next(variant for _, variant in registry.variants() if variant.name == name)
    one = Split(labels=split.labels[:1], read=lambda index: first, content_hash="")
    try:
        read_input(one, 0, variant.preprocessing)
    except BadData as error:
        return f"it takes other inputs: {told_in_short(error)}"
    except ZooError:
        pass
    return ""


def none_fits(data: str, unfit: Sequence[Unfit]) -> UsageError:
    """Why there is no candidate: each reason once, with the networks that it is about."""
    by_reason: dict[str, list[str]] = {}
    for one in unfit:
        by_reason.setdefault(one.reason, []).append(one.name)
    return UsageError(
        f"no network of the zoo can be trained on {data}",
        why="\n".join(f"{some_of(names, 3)}: {why}" for why, names in by_reason.items()),
        fix="leave options of the training out, or name networks from elsewhere that take these "
        "data; `zoo list` shows what each takes",
    )


def task_of(registry: Registry, candidates: Sequence[ChoiceCandidate]) -> Task:
    """The task of all candidates."""
    return registry.tasks.get(candidates[0].job.variant.task)


def _candidate(
    registry: Registry,
    recipe: Recipe,
    name: str,
    on_step: OnStep,
    note: Callable[[str], None],
    training_split: Callable[[str], Split],
) -> ChoiceCandidate:
    """One that nobody named: weights that are not to be had are no reason to leave it out."""
    try:
        job = starting_job(registry, recipe, on_step)
        return ChoiceCandidate(name=name, job=_taking_data(job, name, note, training_split))
    except (DownloadFailed, NotOnMachine) as error:
        note(f"{name} begins with random weights: {_first_line(error)}")
        return ChoiceCandidate(
            name=name, job=starting_job(registry, _from_scratch(recipe), on_step)
        )


def _taking_data(
    job: Job, name: str, note: Callable[[str], None], training_split: Callable[[str], Split]
) -> Job:
    """The job; of a variant whose packaged weights take other inputs, with random weights.

    Weights that were named are kept: what is wrong with them is told.
    """
    recipe = job.recipe
    if job.checkpoint is None or name != job.variant.name:
        return job
    takes = job.checkpoint.preprocessing.training
    try:
        read_input(training_split(recipe.data), 0, takes)
    except UsageError as error:
        try:
            anew = make_job(_from_scratch(recipe), job.registry)
        except ZooError:
            return job
        note(f"{name} begins with random weights: {_first_line(error)}")
        return anew
    except ZooError:  # Of data that it cannot take at all, building it tells more.
        pass
    return job


def _same(one: ChoiceCandidate, other: ChoiceCandidate) -> bool:
    """Whether both are the same training of the zoo's own network."""
    if one.foreign or other.foreign or one.job.variant.name != other.job.variant.name:
        return False
    anonymous = {"model": ""}
    recipes = [each.job.recipe.model_copy(update=anonymous) for each in (one, other)]
    return one.begins == other.begins and recipes[0] == recipes[1]


def _from_scratch(recipe: Recipe) -> Recipe:
    training = recipe.training.model_copy(update={"from_scratch": True, "backbone": None})
    return recipe.model_copy(update={"training": training})


def _check_one_task(registry: Registry, found: Sequence[ChoiceCandidate], data: str) -> None:
    tasks = {candidate.job.variant.task: candidate.name for candidate in reversed(found)}
    if len(tasks) > 1:
        told = "; ".join(f"{name} is for {task}" for task, name in tasks.items())
        raise UsageError(
            "networks of different tasks cannot be compared",
            why=told,
            fix=f"name networks of one task, with --data {data} read for it",
        )
    if found:
        refuse_several_files(task_of(registry, found), "zoo choose is for models of one file")


def told_in_short(error: ZooError) -> str:
    """What happened and why, on one line."""
    cause = (error.why or "").partition("\n")[0]
    return fmt.plain(f"{_first_line(error)}{': ' if cause else ''}{cause}", 160)


def _first_line(error: ZooError) -> str:
    return error.what.partition("\n")[0]
