"""The training that a search departs from: `zoo ship`'s, or one from random weights."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.common.progress import OnStep
from zoo.networks.checkpoints import resolve
from zoo.networks.sources.references import source_of
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.starting_network import with_network_here
from zoo.registry import Registry


def starting_job(registry: Registry, recipe: Recipe, on_step: OnStep) -> Job:
    """The job of a network that is trained; of one without weights, from random ones.

    Args:
        registry: Finds models and data.
        recipe: As it was asked for.
        on_step: Progress of opening or fetching the network.

    Raises:
        ZooError: The network or the data cannot be had, or nothing says which training is better.
    """
    recipe = with_network_here(recipe, registry, on_step, trains=True)
    if source_of(registry, recipe.model) is None and recipe.model not in registry.opened:
        _, _, checkpoint = resolve(registry, recipe.model)
        begun = checkpoint is not None or recipe.training.backbone is not None
        if not begun and not recipe.training.from_scratch:
            training = recipe.training.model_copy(update={"from_scratch": True})
            recipe = recipe.model_copy(update={"training": training})
    if recipe.training.epochs < 1:
        raise UsageError("a search trains, and 0 epochs were asked for", fix="--epochs 15")
    job = make_job(recipe, registry)
    if registry.tasks.get(job.variant.task).own_names:
        raise UsageError(
            f"{recipe.model} has no labels: which of its trainings is better cannot be measured",
            fix="give it data with labels",
        )
    return job


def beginning(job: Job) -> str:
    """What a training begins with: a model id, the weights of a backbone, or random ones."""
    if job.checkpoint is not None:
        return job.checkpoint.model_id
    if job.backbone is not None:
        return f"backbone of {job.backbone.model_id}"
    return "random weights"
