"""Answers to examples without labels, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from zoo.artifacts.files_of_folder import is_folder_of_files, most_precise_file
from zoo.artifacts.not_weights import weights_named
from zoo.common.errors import UsageError
from zoo.common.files import no_file
from zoo.common.progress import OnStep, quiet
from zoo.data.opening import data_for_task
from zoo.networks.checkpoints import made_here
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import NO_DATA, Opening, open_reference, source_of
from zoo.pipeline.predictions import (
    PredictionRequest,
    predict_with_file,
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
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        ZooError: The network cannot be used, or nothing could be read. Of several examples, one
            that cannot be read is among `Predictions.failed`.
    """
    registry = registry or load_registry()
    named = tuple(str(one) if isinstance(one, Path) else one for one in _each(inputs))
    if not named:
        raise UsageError("nothing is named to be answered", fix="name a file, a folder or a text")
    if top < 1:
        raise UsageError(f"top must be 1 or more (got {top})", fix="top=5")
    if task is not None and data is not None:
        registry.tasks.get(task)
        data = data_for_task(registry, data, task)
    asked = PredictionRequest(inputs=named, data=data or "", top=top)
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
        here = made_here(registry, model)
        model = str(here) if here is not None else fetched_model(registry, model, on_step)
    return predict_with_network(
        registry,
        weights_named(registry, model),
        asked,
        emit=lambda event: on_step("predict", event),
    )


def _each(inputs: str | Path | Array | Sequence[str | Path | Array]) -> list[str | Path | Array]:
    return list(inputs) if isinstance(inputs, (list, tuple)) else [cast("str", inputs)]
