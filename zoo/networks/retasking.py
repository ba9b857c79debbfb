"""Networks of one task that serve another with a new head, because the data ask for it."""

from __future__ import annotations

from dataclasses import replace

from zoo.contracts import Architecture, Variant
from zoo.data.opening import serves, tasks_of
from zoo.registry import Registry


def variant_for(
    registry: Registry, architecture: Architecture, variant: Variant, data: str
) -> Variant:
    """The variant with a task that the data serve: its own, or one that takes its networks.

    Args:
        registry: Knows tasks and datasets.
        architecture: Holds the variant as its author wrote it.
        variant: As weights have it, perhaps with another task than its author's.
        data: Name of the dataset; it is not opened.

    Returns:
        The variant as it is where no task fits.
    """
    served = tasks_of(registry, data)
    if serves(registry.tasks.get(variant.task), served):
        return variant
    author_s = architecture.variant(variant.name)
    if serves(registry.tasks.get(author_s.task), served):
        return author_s
    if author_s.output_shape != (None,):
        return variant
    for task in registry.tasks:
        if author_s.task in task.networks_of and serves(task, served):
            return replace(author_s, task=task.name)
    return variant


def task_on_card(architecture: Architecture, variant: Variant) -> str:
    """The task that the card of a variant's weights names; empty for its author's own."""
    author_s = architecture.variant(variant.name).task
    return "" if author_s == variant.task else variant.task
