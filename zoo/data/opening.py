"""Datasets by their names in recipes: opening, task check, fingerprint."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Dataset
from zoo.registry import Registry


def open_dataset(registry: Registry, name: str) -> Dataset:
    """Opens ``name`` or ``name:argument``.

    Raises:
        UsageError: The argument is missing or superfluous.
    """
    provider_name, colon, argument = name.partition(":")
    provider = registry.datasets.get(provider_name)
    if provider.argument is not None and not argument:
        raise UsageError(
            f"dataset {provider_name!r} needs a {provider.argument}",
            fix=f"write {provider_name}:{provider.argument}",
        )
    if provider.argument is None and colon:
        raise UsageError(
            f"dataset {provider_name!r} takes nothing after a colon", fix=f"write {provider_name}"
        )
    return provider.open(argument or None)


def check_task(registry: Registry, data: str, task: str, subject: str) -> None:
    """Refuses a dataset whose examples do not fit the network's task."""
    name, _, argument = data.partition(":")
    provider = registry.datasets.get(name)
    tasks = provider.tasks if provider.tasks_of is None else provider.tasks_of(argument or None)
    if task not in tasks:
        raise UsageError(
            f"dataset {data!r} does not fit {subject!r}",
            why=f"the network's task is {task}; the dataset serves {', '.join(tasks)}",
            fix="`zoo list` shows the task of each model",
        )


def dataset_fingerprint(registry: Registry, name: str) -> str:
    """A fingerprint that changes when the content may have changed; quick."""
    provider_name, _, argument = name.partition(":")
    return registry.datasets.get(provider_name).fingerprint(argument or None)
