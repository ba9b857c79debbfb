"""What cannot be asked of files that prepare inputs or decode outputs themselves."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Preprocessing, Task
from zoo.data.preprocessing.inputs import kind_of
from zoo.pipeline.recipe import Recipe
from zoo.registry import Registry


def check_end_to_end(
    recipe: Recipe, registry: Registry, task: Task, preprocessing: Preprocessing
) -> None:
    """Refuses what a recipe asks for that such files are not, before any work.

    Args:
        recipe: What is asked for.
        registry: Knows tasks and formats.
        task: Of the network; its decoder may be put into files.
        preprocessing: Of the network; its front end may be.

    Raises:
        UsageError: Names it.
    """
    if not recipe.export.end_to_end:
        return
    decodes = task.graph_decoder() is not None
    prepares = kind_of(preprocessing).front_end() is not None
    if not decodes and not prepares:
        able = [one.name for one in registry.tasks if one.graph_decoder() is not None]
        every = (own.preprocessing for family in registry.architectures for own in family.variants)
        kinds = {own.kind for own in every if kind_of(own).front_end() is not None}
        raise UsageError(
            f"the task {task.name!r} has no decoder that --end-to-end could put into files, and "
            f"inputs of the kind {preprocessing.kind!r} no steps in front of the network",
            why=f"there is a decoder for: {', '.join(able) or 'no task that is installed'}; steps "
            f"in front for inputs of the kind: {', '.join(sorted(kinds)) or 'none'}",
            fix="leave out --end-to-end: the files then return what the network returns",
        )
    if recipe.export.dynamic:
        raise UsageError(
            "end-to-end files take inputs of one size, not with free sides",
            fix="leave out --dynamic, or --end-to-end",
        )
    if recipe.qat.enabled:
        raise UsageError(
            "quantization-aware training makes files that return what the network returns",
            fix="leave out --qat, or --end-to-end",
        )
    able = [
        exporter.name
        for exporter in registry.exporters
        if exporter.takes_decoder >= decodes and exporter.takes_front_end >= prepares
    ]
    formats = recipe.formats or [exporter.name for exporter in registry.exporters]
    unable = [name for name in formats if name not in able]
    if unable:
        raise UsageError(
            f"{' and '.join(unable)} files cannot be end-to-end",
            why=f"formats that can: {', '.join(able)}",
            fix=f"name those: --format {','.join(able)}",
        )
