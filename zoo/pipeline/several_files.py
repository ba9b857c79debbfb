"""What cannot be asked of a network that is deployed as several files."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Task
from zoo.pipeline.recipe import Recipe


def check_several_files(recipe: Recipe, task: Task) -> None:
    """Refuses what a recipe asks for that is made for models of one file, before any work.

    Raises:
        UsageError: Names it.
    """
    if recipe.qat.enabled:
        what = "quantization-aware training is for models of one file"
        refuse_several_files(task, what, "leave out --qat")
    if recipe.export.keep:
        what = "layers that stay in float are chosen for models of one file"
        refuse_several_files(task, what, "leave out --keep-float, or choose another precision")
    if recipe.budgets:
        what = "budgets are for models of one file: what several take together is not measured"
        fix = "leave out the budgets, and hold each file to its own: zoo bench FILE --budget …"
        refuse_several_files(task, what, fix)


def refuse_several_files(
    task: Task, what: str, fix: str = "ship the files as they are: zoo export MODEL"
) -> None:
    """Refuses a task whose networks are deployed as several files.

    Raises:
        UsageError: It is such a task.
    """
    if task.several_files:
        parts = ", ".join(part.name for part in task.parts)
        raise UsageError(
            what,
            why=f"networks of the task {task.name!r} are deployed as several: {parts}",
            fix=fix,
        )
