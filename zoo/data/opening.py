"""Datasets by their names in recipes: opening, task check, fingerprint."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.common.files import is_there
from zoo.common.paths import expanded
from zoo.common.shown_text import some_of
from zoo.contracts import Dataset, DatasetProvider, Task
from zoo.contracts.dataset import name_and_argument
from zoo.contracts.moved_inputs import name_here
from zoo.contracts.plugin import unknown_name
from zoo.data.leaks import refuse_leaks
from zoo.registry import Registry


def provider_of(registry: Registry, name: str) -> DatasetProvider:
    """What opens ``name`` or ``name:argument``.

    Raises:
        UnknownName: Nothing does; of a path, or an argument alone, it offers the whole name.
    """
    provider, _ = name_and_argument(name)
    if provider in registry.datasets.names():
        return registry.datasets.get(provider)
    path = expanded(name)
    kind = ("/" if path.is_dir() else path.suffix.lower()) if name and is_there(path) else None
    readers = [f"{one.name}:{name}" for one in registry.datasets if kind in one.paths]
    whole = [f"{one.name}:{argument}" for one in registry.datasets for argument in one.arguments]
    offered = f"did you mean {' or '.join(map(repr, readers))}?" if readers else ""
    if kind is not None and not readers:
        offered = "no dataset reads such files; `zoo data` shows what each takes"
    if "://" in name:
        offered = "download it first: URLs are not fetched; `zoo data` lists the kinds of datasets"
    error = unknown_name("dataset", name, [*registry.datasets.names(), *whole], registry.plugins)
    error.fix = offered or error.fix
    raise error


def open_dataset(registry: Registry, name: str) -> Dataset:
    """Opens ``name`` or ``name:argument``.

    Raises:
        UsageError: The argument is missing or superfluous.
    """
    provider_name, argument = name_and_argument(name)
    provider = provider_of(registry, name)
    if provider.argument is not None and name in (provider_name, f"{provider_name}:"):
        valid = ", ".join(provider.arguments)
        raise UsageError(
            f"dataset {provider_name!r} needs a {provider.argument}",
            fix=f"write {provider_name}:{provider.argument}"
            + (f"; {provider.argument} is one of {valid}" if valid else ""),
        )
    if provider.argument is None and name[len(provider_name) :].startswith(":"):
        raise UsageError(
            f"dataset {provider_name!r} takes no argument after a colon",
            fix=f"write {provider_name}",
        )
    here = name_here(registry.settings.moved, name)
    if here == name:
        return provider.open(argument)
    return replace(provider.open(name_and_argument(here)[1]), name=name)


def judged_dataset(registry: Registry, name: str, *, allow_leak: bool = False) -> Dataset:
    """`open_dataset` for whoever trains or measures: no example may be in two splits.

    Args:
        registry: What provides datasets.
        name: ``name`` or ``name:argument``.
        allow_leak: Whether such examples are noted only.

    Raises:
        BadData: Splits share an example; names it.
    """
    dataset = open_dataset(registry, name)
    fingerprint = "" if _say_what_they_are(dataset) else dataset_fingerprint(registry, name)
    notes = refuse_leaks(dataset, fingerprint, allowed=allow_leak)
    return replace(dataset, notes=(*dataset.notes, *notes)) if notes else dataset


def _say_what_they_are(dataset: Dataset) -> bool:
    return all(split.identities is not None for split in dataset.splits.values())


def tasks_of(registry: Registry, name: str) -> tuple[str, ...]:
    """Names of the tasks that a dataset serves; does not open it."""
    _, argument = name_and_argument(name_here(registry.settings.moved, name))
    provider = provider_of(registry, name)
    return provider.tasks if provider.tasks_of is None else provider.tasks_of(argument)


def data_for_task(registry: Registry, name: str, task: str) -> str:
    """The dataset's name as it is read for a task that was asked for."""
    provider_name, argument = name_and_argument(name)
    provider = provider_of(registry, name)
    if provider.for_task is None or (provider.argument is not None and not argument):
        return name
    colon = ":" if provider.argument is not None else ""
    return f"{provider_name}{colon}{provider.for_task(argument or '', task)}"


def unlabelled_task(registry: Registry, name: str) -> str | None:
    """The task of a dataset of networks' inputs as they are, without labels; None of others."""
    known = registry.tasks.names()
    served = (task for task in tasks_of(registry, name) if task in known)
    return next((task for task in served if registry.tasks.get(task).own_names), None)


def answers_real_targets(registry: Registry, name: str, dataset: Dataset) -> bool:
    """Whether labels are real numbers to the task that a dataset is for, 0 and 1 among them."""
    known, labels = registry.tasks.names(), dataset.splits["train"].labels
    served = (registry.tasks.get(task) for task in tasks_of(registry, name) if task in known)
    return any(task.units(labels) is not None for task in served)


def serves(task: Task, tasks: Collection[str]) -> bool:
    """Whether a dataset for these tasks serves a task, by itself or in the place of another."""
    return not {task.name, *task.datasets_of}.isdisjoint(tasks)


def check_task(registry: Registry, data: str, task: str, subject: str) -> None:
    """Refuses a dataset whose examples do not fit the network's task."""
    tasks = tasks_of(registry, data)
    wanted = registry.tasks.get(task)
    if serves(wanted, tasks):
        return
    fitting = [
        provider.name if provider.argument is None else f"{provider.name}:{provider.argument}"
        for provider in registry.datasets
        if serves(wanted, provider.tasks)
    ]
    fix = f"data for it: {some_of(fitting, 6)}; " if fitting else ""
    fix += "`zoo list` shows the task of each model"
    if asked := provider_of(registry, data).asking.get(task):
        fix = f"for this task, write {data}{'&' if '?' in data else '?'}{asked}"
    elif registry.tasks.provider(task).origin != "built-in":
        fix += (
            f"; if the examples and labels of {task!r} have the form of these, write "
            f"datasets_of=({tasks[0]!r},) in its record"
        )
    raise UsageError(
        f"dataset {data!r} does not fit {subject!r}",
        why=f"the network's task is {task}; the dataset serves {', '.join(tasks)}",
        fix=fix,
    )


def dataset_fingerprint(registry: Registry, name: str) -> str:
    """A fingerprint that changes when the content may have changed; quick.

    Of data that another machine sent it is that machine's, so that keys are the same on both, as
    long as the copy is what arrived.
    """
    moved = registry.settings.moved
    sent = next((one for one in moved if one.name == name and one.is_data), None)
    if sent is not None:
        from zoo.data.readers.listing import files_stamp

        if files_stamp(Path(sent.folder)) == sent.arrived:
            return sent.fingerprint
    _, argument = name_and_argument(name_here(moved, name))
    return provider_of(registry, name).fingerprint(argument)
