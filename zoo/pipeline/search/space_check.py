"""Whether a network and its training take all of a search space, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.common.progress import Event, OnStep
from zoo.common.worker import Children, call
from zoo.contracts.search_space import Choices
from zoo.contracts.training import Training, check_training
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import fitted
from zoo.networks.building import build_companion, raw_model
from zoo.networks.checkpoints import resolve
from zoo.networks.hyperparameters import check_hyperparameters
from zoo.networks.resizing import build_resized, load_resized, resized_preprocessing
from zoo.networks.retasking import variant_for
from zoo.pipeline.job import Job
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.space import SearchedParameter, extremes, with_values
from zoo.registry import PluginSettings, load_registry
from zoo.training.accelerators import check_present
from zoo.training.optimizer import optimizer_for


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A network and a training that a trial may ask for.

    Attributes:
        differs: In what, in words; empty for the default.
    """

    differs: str
    training: Training
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class SpaceCheck:
    """What became of the alternatives.

    Attributes:
        metric_name: That validation measures.
        higher_is_better: Of that metric.
        refused: In what each differs that cannot be, with the error.
    """

    metric_name: str
    higher_is_better: bool
    refused: Mapping[str, ZooError]


def checked_space(
    job: Job, space: Sequence[SearchedParameter], on_step: OnStep
) -> tuple[tuple[SearchedParameter, ...], SpaceCheck]:
    """The space without what the network or its training do not take.

    Declared values that are refused are left out, with a note.

    Raises:
        UsageError: A value that was asked for is refused.
        ZooError: So is the default.
    """
    refused: dict[str, ZooError] = {}
    alternatives = []
    for differs, values in extremes(space):
        try:
            recipe = with_values(job.recipe, space, values)
            alternatives.append(_alternative(differs, recipe))
        except UsageError as error:
            if not differs:
                raise
            refused[differs] = error
    on_step("space", {"event": "start", "kind": "space"})
    found: SpaceCheck = call(
        f"{__name__}:check_alternatives",
        {
            "model": str(job.registry.opened.get(job.recipe.model, job.recipe.model)),
            "data": job.recipe.data,
            "alternatives": alternatives,
            "plugins": job.registry.settings,
        },
        children=Children(),
    )
    on_step("space", {"event": "end", "status": "skipped", "cached": False})
    refused |= found.refused
    kept = []
    for parameter in space:
        own = {d: e for d, e in refused.items() if d.startswith(f"{parameter.name}=")}
        if not own:
            kept.append(parameter)
            continue
        differs, problem = next(iter(own.items()))
        if parameter.asked:
            raise UsageError(
                f"--space {parameter.name}={parameter.range}: {differs} cannot be",
                why=": ".join(filter(None, (problem.what, problem.why))),
                fix="name values that the network and its training take",
            )
        if isinstance(parameter.range, Choices):
            texts = zip(parameter.range.texts, parameter.range.values, strict=True)
            left = tuple(v for text, v in texts if f"{parameter.name}={text}" not in own)
            if len(left) > 1:
                kept.append(replace(parameter, range=Choices(left)))
        on_step("search", {"event": "note", "text": f"{', '.join(own)} not tried: {problem.what}"})
    if not kept:
        raise UsageError(
            "there is nothing to vary",
            why="the network and its training take none of what is declared",
            fix="name a parameter, such as --space learning_rate=1e-4..1e-2:log",
        )
    return tuple(kept), found


def _alternative(differs: str, recipe: Recipe) -> Alternative:
    given = dict(recipe.hyperparameters)
    if recipe.training.dropout is not None:
        given["dropout"] = recipe.training.dropout
    return Alternative(differs=differs, training=recipe.training, hyperparameters=given)


def check_alternatives(
    *,
    model: str,
    data: str,
    alternatives: Sequence[Alternative],
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> SpaceCheck:
    """Builds each network and prepares each training, in a process with TensorFlow.

    Raises:
        ZooError: The first one, the default, cannot be.
    """
    check_present(alternatives[0].training.accelerators)
    registry = load_registry(plugins)
    architecture, own, found = resolve(registry, model)
    variant = variant_for(registry, architecture, own, data)
    found = None if found is None else replace(found, variant=variant)
    dataset = open_dataset(registry, data)
    built: dict[str, tuple[Any, Any, Any]] = {}
    refused: dict[str, ZooError] = {}
    metric_name, task = "", registry.tasks.get(variant.task)

    def network_of(training: Training, given: dict[str, Any]) -> tuple[Any, Any, Any]:
        check_hyperparameters(architecture, given)
        if training.from_scratch or found is None:
            path = fitted(resized_preprocessing(variant.preprocessing, training), dataset)
            made = build_resized(architecture, variant, len(dataset.classes), given, path)
        else:
            made, _, _, path = load_resized(
                found, classes=dataset.classes, hyperparameters=given, training=training
            )
        other = build_companion(architecture, variant, len(dataset.classes), made, given)
        return made, path, other

    for alternative in alternatives:
        given = dict(alternative.hyperparameters)
        try:
            options = check_training(alternative.training, variant, task)
            training = alternative.training.model_copy(update={"task": options})
            key = json.dumps(given, sort_keys=True, default=str)
            if key not in built:
                built = {key: network_of(training, given)}  # one at a time stays in memory
            network, path, companion = built[key]
            decoding = task.with_decoding(variant.decoded_with(path, given))
            beside = [companion] if companion is not None else []
            trained = (decoding.trainee or raw_model)(network, path, *beside)
            name = decoding.compile(trained, optimizer_for(training, 1), training)
        except EnvironmentFailed:
            raise
        except ZooError as error:
            if not alternative.differs:
                raise
            refused[alternative.differs] = error
        else:
            metric_name = metric_name or name
    return SpaceCheck(
        metric_name=metric_name, higher_is_better=task.higher_is_better, refused=refused
    )
