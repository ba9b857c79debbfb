"""Plugins that decide a step's result, and what the judge of a task is made of."""

from __future__ import annotations

from zoo.contracts import DeviceKind, Exporter
from zoo.execution.runtimes import brought_runtimes
from zoo.pipeline.job import Job
from zoo.registry import Plugin


def network_plugins(job: Job) -> list[Plugin]:
    """The plugins of the network, its task and the dataset."""
    registry = job.registry
    return [
        registry.variant_plugin(job.variant.name),
        registry.tasks.provider(job.variant.task),
        registry.datasets.provider(job.recipe.data.partition(":")[0]),
    ]


def file_plugins(job: Job, exporter: Exporter, device: DeviceKind) -> list[Plugin]:
    """The plugins of a file's format, of what runs it, and of the kind of device."""
    registry = job.registry
    brought = [each for each in brought_runtimes(registry) if exporter.name in each.formats]
    return [
        registry.exporters.provider(exporter.name),
        registry.devices.provider(device.name),
        *(registry.runtimes.provider(each.name) for each in brought),
    ]


def depends_on(job: Job) -> dict[str, str]:
    """What else decides how the task judges, by content."""
    begun = job.checkpoint is not None and not job.recipe.training.from_scratch
    own = job.checkpoint.preprocessing if job.checkpoint and begun else job.variant.preprocessing
    return dict(job.registry.tasks.get(job.variant.task).depends(own))
