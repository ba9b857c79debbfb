"""Answers to examples without labels, from Python."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo.artifacts.files_of_folder import is_folder_of_files, most_precise_file
from zoo.artifacts.not_weights import weights_named
from zoo.common.errors import UsageError
from zoo.common.files import no_file
from zoo.common.progress import OnStep, quiet
from zoo.data.opening import data_for_task
from zoo.networks.checkpoints import made_here, model_ids
from zoo.networks.loading import LoadedModel
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import NO_DATA, Opening, open_reference, source_of
from zoo.pipeline.predictions import (
    PredictionRequest,
    predict_with_file,
    predict_with_loaded,
    predict_with_network,
)
from zoo.pipeline.source_predictions import predict_with_source
from zoo.registry import Registry, load_registry
from zoo.results.predictions import Predictions

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def predict(
    target: str | Path,
    inputs: str | Path | Array | Sequence[str | Path | Array],
    *,
    top: int = 5,
    data: str | None = None,
    input: str | None = None,
    classes: str | None = None,
    state: Sequence[str] = (),
    task: str | None = None,
    before: Callable[[str, Sequence[str], Sequence[str]], None] | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Predictions:
    """Answers examples without labels: pictures, tables, texts, arrays.

    They are read exactly as a dataset's are: turned upright, resized, cut into windows.

    Args:
        target: Exported file, folder of a run (its most precise file), variant, model id, weights
            file, or network from elsewhere.
        inputs: Files, folders, texts; or arrays, each a raw example as a dataset gives it. Of
            pictures uint8, (height, width, 1 or 3), any size.
        top: So many scores of each at most.
        data: Dataset whose options say which columns of a table are read [the one of the
            training]; a network from elsewhere is opened with it. Without, its own framework
            answers pictures.
        input: What a network from elsewhere takes; None to have it measured on `data`, or where its
            file says it.
        classes: File with its classes, in the order of its outputs; None for those of the data, or
            of the file.
        state: Its inputs that take what an output gave at the step before, ``h=hn`` each.
        task: Of a network from elsewhere, where the data serve several; None for that of the data,
            without them for that which its outputs are of.
        before: Called before anything is answered with the name of the network, those of the
            examples, and the readings of its outputs (`zoo.contracts.outputs`): a place to refuse.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        ZooError: The network cannot be used, or nothing could be read. Of several examples, one
            that cannot be read is among `Predictions.failed`.
    """
    registry = registry or load_registry()
    asked = replace(_request(inputs, data, top), before=before)
    if task is not None and data is not None:
        registry.tasks.get(task)
        data = data_for_task(registry, data, task)
        asked = replace(asked, data=data)
    path, model = Path(target), str(target)
    if is_folder_of_files(registry, model):
        path = most_precise_file(registry, path)
    foreign = no_file(path) is None and source_of(registry, str(path)) is not None
    if registry.exporter_for(path) is not None and not foreign:
        return predict_with_file(
            registry, path, asked, emit=lambda event: on_step("predict", event)
        )
    how = Opening(
        data=data or NO_DATA, input=input or "", classes=classes or "", states=tuple(state)
    )
    source = source_of(registry, model)
    if source is not None and data is None and not state:
        return predict_with_source(registry, source, model, how, asked, task, on_step=on_step)
    if not open_reference(registry, model, how, on_step):
        _refuse_exchanged(registry, model, asked.inputs)
        here = made_here(registry, model)
        model = str(here) if here is not None else fetched_model(registry, model, on_step)
    return predict_with_network(
        registry,
        weights_named(registry, model),
        asked,
        emit=lambda event: on_step("predict", event),
    )


def _refuse_exchanged(registry: Registry, model: str, inputs: Sequence[str | Array]) -> None:
    """Refuses an input in the place of the network, and the network behind it."""
    for one in inputs:
        if isinstance(one, str) and one in model_ids(registry) and no_file(Path(model)) is None:
            raise UsageError(
                f"{model} is not a network, and {one} is not an input",
                fix=f"name the network first: zoo predict {one} {shlex.quote(model)}",
            )


def predict_of(registry: Registry, loaded: LoadedModel, network: Any) -> Callable[..., Any]:
    """The `predict` of a network in memory, for batches and for what `predict` above takes.

    Args:
        registry: Knows tasks.
        loaded: The checkpoint.
        network: Its deployed Keras model, whose own `predict` answers batches.
    """
    from zoo.api import views as views  # registered for notebooks
    from zoo.api.calls import WrongArgument

    batches = network.predict
    several = len(loaded.preprocessing.parts) > 1
    shape = tuple(network.input_shape[1:]) if not several else ()

    def predict(
        inputs: Any = None, *args: Any, top: int = 5, data: str | None = None, **keras: Any
    ) -> Any:
        """Answers examples as `zoo.predict` does, or a batch as `keras.Model.predict` does.

        Args:
            inputs: Files, folders, texts, or arrays of one raw example each: answered by
                `Predictions`. A batch, (examples, …) of the network's own size, a dictionary of
                them or a `tf.data.Dataset`: answered by arrays.
            *args: Of Keras, for batches.
            top: So many scores of each example at most.
            data: Dataset whose options say which columns of a table are read.
            **keras: Of Keras, for batches.

        Raises:
            UsageError: An array is neither an example nor a batch.
            BadData: Nothing could be read.
        """
        if args or keras or not _are_examples(inputs, len(shape), several):
            found = () if isinstance(inputs, (int, float)) else getattr(inputs, "shape", None)
            if found is not None and not several and not _fits(tuple(found), shape):
                wanted = ", ".join("?" if side is None else str(side) for side in shape)
                raise WrongArgument(
                    f"an array of shape {tuple(found)} is not a batch for {loaded.card.model_id}",
                    why=f"a batch has the shape (examples, {wanted})",
                    fix="pass the examples as a list, of any size: predict(list(array))",
                )
            if inputs is None and "x" not in keras:
                raise WrongArgument("predict needs inputs", fix="predict(inputs)")
            return batches(**keras) if inputs is None else batches(inputs, *args, **keras)
        return predict_with_loaded(registry, loaded, network, _request(inputs, data, top))

    return predict


def _are_examples(inputs: Any, rank: int, several: bool) -> bool:
    """Whether inputs are what `predict` takes: not a batch, nor arrays of several inputs."""
    if isinstance(inputs, (str, Path)):
        return True
    if isinstance(inputs, (list, tuple)):
        return all(_are_examples(one, rank, several) for one in inputs)
    return not several and 0 < len(getattr(inputs, "shape", ())) <= rank


def _fits(found: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(found) == len(shape) + 1 and all(
        side is None or side == own for own, side in zip(found[1:], shape, strict=True)
    )


def _request(
    inputs: str | Path | Array | Sequence[str | Path | Array], data: str | None, top: int
) -> PredictionRequest:
    each = inputs if isinstance(inputs, (list, tuple)) else [cast("str", inputs)]
    named = tuple(str(one) if isinstance(one, Path) else cast("str", one) for one in each)
    if not named:
        raise UsageError("no input is given", fix="name a file, a folder or a text")
    if top < 1:
        raise UsageError(f"top must be 1 or more (got {top})", fix="top=5")
    return PredictionRequest(inputs=named, data=data or "", top=top)
