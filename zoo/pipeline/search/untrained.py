"""The job of a candidate that learns nothing: what its files take does not depend on weights."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import ZooError
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.search.candidates import ChoiceCandidate


def untrained_job(
    candidate: ChoiceCandidate, format: str, precisions: tuple[str, ...], device: str
) -> Job:
    """The job of the network as it is built for the data, which learns nothing.

    Weights that fit the data are exported as they are; a new head, and what has none, with random
    ones. A network that cannot be built anew, since it is from elsewhere or takes other inputs than
    its variant, learns for one epoch.
    """
    job, checkpoint = candidate.job, candidate.job.checkpoint
    recipe = job.recipe.model_copy(
        update={
            "formats": (format,),
            "precisions": precisions,
            "devices": (device,),
            # What is measured does not depend on it, and serves comparisons of every seed.
            "seed": 0,
            "export": job.recipe.export.model_copy(update={"repair": "none"}),
        }
    )
    training = recipe.training
    as_it_is = recipe.model_copy(update={"training": _with(training, epochs=0)})
    try:
        return make_job(as_it_is, job.registry)
    except ZooError:
        if training.from_scratch:
            raise
    plain = _with(training, freeze="none", rate_factor=None)
    card = None if checkpoint is None else checkpoint.card()
    if candidate.foreign or (card is not None and card.preprocessing is not None):
        brief = _with(plain, epochs=1)
        return make_job(recipe.model_copy(update={"training": brief}), job.registry)
    scratch = _with(plain, epochs=0, from_scratch=True, backbone=None)
    given = {**({} if card is None else card.hyperparameters), **recipe.hyperparameters}
    update = {"training": scratch, "hyperparameters": given}
    return make_job(recipe.model_copy(update=update), job.registry)


def _with(training: Any, **changed: Any) -> Any:
    return training.model_copy(update=changed)
