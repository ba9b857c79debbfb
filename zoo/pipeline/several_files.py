"""What a recipe cannot ask of a network that is deployed as several files."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Task
from zoo.pipeline.recipe import Recipe


def check_several_files(recipe: Recipe, task: Task) -> None:
    """Refuses what is made for models of one file, before any work.

    Raises:
        UsageError: Names it.
    """
    if not task.several_files:
        return
    parts = ", ".join(part.name for part in task.parts)
    why = f"networks of the task {task.name!r} are deployed as several files: {parts}"
    if recipe.qat.enabled:
        raise UsageError(
            "quantization-aware training is for models of one file",
            why=why,
            fix="leave out --qat",
        )
    if recipe.export.keep:
        raise UsageError(
            "layers that stay in float are for models of one file",
            why=why,
            fix="leave out --keep-float, or choose another precision",
        )
    if recipe.budgets:
        raise UsageError(
            "budgets are for models of one file",
            why=f"{why}; each is timed by itself, and what they take together is not measured",
            fix="leave out the budgets, and hold each file to one: zoo bench FILE --budget …",
        )
