"""What cannot be asked of files that decode their outputs themselves."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Task
from zoo.pipeline.recipe import Recipe
from zoo.registry import Registry


def check_end_to_end(recipe: Recipe, registry: Registry, task: Task) -> None:
    """Refuses what a recipe asks for that such files are not, before any work.

    Raises:
        UsageError: Names it.
    """
    if not recipe.export.end_to_end:
        return
    if task.graph_decoder() is None:
        able = [one.name for one in registry.tasks if one.graph_decoder() is not None]
        raise UsageError(
            f"the task {task.name!r} has no decoder that --end-to-end could put into files",
            why=f"there is one for: {', '.join(able) or 'no task that is installed'}",
            fix="leave out --end-to-end: the files then return what the network returns",
        )
    if recipe.export.dynamic:
        raise UsageError(
            "files that decode their outputs take inputs of one size, not with free sides",
            fix="leave out --dynamic, or --end-to-end",
        )
    if recipe.qat.enabled:
        raise UsageError(
            "quantization-aware training makes files that return what the network returns",
            fix="leave out --qat, or --end-to-end",
        )
    unable = [
        name
        for name in recipe.formats or [exporter.name for exporter in registry.exporters]
        if not registry.exporters.get(name).takes_decoder
    ]
    if unable:
        able = [exporter.name for exporter in registry.exporters if exporter.takes_decoder]
        raise UsageError(
            f"{' and '.join(unable)} files cannot decode outputs themselves",
            why=f"formats that can: {', '.join(able)}",
            fix=f"name those: --format {','.join(able)}",
        )
