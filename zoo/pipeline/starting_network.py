"""The network that a recipe begins with, brought to this machine before the recipe is looked at."""

from __future__ import annotations

from zoo.artifacts.not_weights import weights_of_exported_files
from zoo.common.downloads import DownloadFailed
from zoo.common.errors import UsageError
from zoo.common.progress import OnStep
from zoo.data.opening import data_for_task
from zoo.networks.backbone_weights import named_weights, weights_of_backbone
from zoo.networks.checkpoints import resolve
from zoo.networks.published.cache import source_named
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
    if training.backbone is None:
        model = fetched_model(registry, recipe.model, on_step)
        recipe = recipe.model_copy(update={"model": model})
    return _with_backbone_here(recipe, registry, on_step)


def _with_backbone_here(recipe: Recipe, registry: Registry, on_step: OnStep) -> Recipe:
    """The recipe, with the weights of its network's backbone here, if it begins with such."""
    with weights_of_exported_files(registry, recipe.model):
        architecture, variant, checkpoint = resolve(registry, recipe.model)
    about = (registry, architecture, variant, recipe.hyperparameters)
    asked = recipe.training.backbone
    if asked is None:
        # What is not trained has no use for them.
        own = checkpoint is not None or variant.backbone is None or not recipe.training.epochs
        asked = None if own else next(weights_of_backbone(*about), None)
        if asked is None:
            return recipe
    elif recipe.model != variant.name:
        raise UsageError(
            f"{recipe.model} has weights for the whole network, and --backbone names others",
            why="a network begins with one of them",
            fix=f"leave out --backbone, or name the network alone: {variant.name}",
        )
    asked = named_weights(*about, asked)
    source = source_named(registry, asked)
    try:
        model = fetched_model(registry, asked, on_step)
    except (DownloadFailed, UsageError) as error:
        if source is None:
            raise
        known = source.expected_hash
        told = f"its hash is {known}" if known else "no hash is published"
        raise type(error)(
            f"the backbone of {variant.name!r} begins with {source.model_id}, which is not here: "
            f"{error.what}",
            why=f"{error.why}; {told}",
            fix="connect once, and it is kept; or download it elsewhere, and: zoo weights fetch "
            f"{source.variant} --from PATH --tag NAME, then --backbone {source.variant}.NAME; or "
            "begin with random weights: --from-scratch",
        ) from error
    training = recipe.training.model_copy(update={"backbone": model})
    return recipe.model_copy(update={"training": training})
