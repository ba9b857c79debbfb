"""The network that a recipe begins with, brought to this machine before the recipe is looked at."""

from __future__ import annotations

from zoo.common.progress import OnStep
from zoo.data.opening import data_for_task
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import Opening, open_reference
from zoo.pipeline.recipe import Recipe
from zoo.registry import Registry


def with_network_here(
    recipe: Recipe, registry: Registry, on_step: OnStep, *, trains: bool = False
) -> Recipe:
    """The recipe, with its network here: opened if it is from elsewhere, else fetched.

    Args:
        recipe: As it was asked for.
        registry: Knows the network afterwards.
        on_step: Receives progress.
        trains: Whether a network from elsewhere is trained though no number of epochs is given.

    Raises:
        ZooError: It cannot be had.
    """
    training = recipe.training
    if recipe.source.task is not None:
        registry.tasks.get(recipe.source.task)
        data = data_for_task(registry, recipe.data, recipe.source.task)
        recipe = recipe.model_copy(update={"data": data})
    asked = trains or "epochs" in training.model_fields_set
    how = Opening(
        data=recipe.data,
        input=recipe.source.input or "",
        classes=recipe.source.classes or "",
        trained=asked and training.epochs > 0,
        allow_leak=recipe.allow_leak,
        states=recipe.source.state,
        dynamic=recipe.export.dynamic,
    )
    if open_reference(registry, recipe.model, how, on_step):
        if not asked:
            training = training.model_copy(update={"epochs": 0})
        return recipe.model_copy(update={"training": training})
    if training.from_scratch:
        return recipe
    return recipe.model_copy(update={"model": fetched_model(registry, recipe.model, on_step)})
