"""What cannot be asked of files whose inputs have free sides."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Task
from zoo.networks.free_sides import parse_dynamic
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.several_files import refuse_several_files


def check_dynamic(recipe: Recipe, task: Task) -> None:
    """Refuses what a recipe asks for that takes inputs of one size, before any work.

    Raises:
        UsageError: Names it.
    """
    if not recipe.export.dynamic:
        return
    parse_dynamic(recipe.export.dynamic)
    refuse_several_files(task, "free sides are for models of one file", "leave out --dynamic")
    if recipe.qat.enabled:
        raise UsageError(
            "quantization-aware training makes files of one size, not with free sides",
            fix="leave out --qat, or --dynamic",
        )
