"""Exported files, from Python: time, evaluate, inspect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import open_artifact, open_unaltered
from zoo.artifacts.description import describe
from zoo.artifacts.files_of_folder import is_folder_of_files, only_file
from zoo.artifacts.not_weights import weights_named
from zoo.common.errors import UnknownName, UsageError
from zoo.common.files import no_file
from zoo.common.progress import OnStep, quiet
from zoo.common.worker import call
from zoo.contracts.dataset import SPLITS
from zoo.data import opening
from zoo.data.opening import check_task
from zoo.execution.chain_runner import evaluate_file
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.loading import Subject
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import NO_DATA, Opening, open_reference, source_of
from zoo.registry import Registry, load_registry
from zoo.results.records import Evaluation


def evaluate(
    target: str | Path,
    data: str | None = None,
    *,
    split: str = "test",
    input: str | None = None,
    classes: str | None = None,
    state: Sequence[str] = (),
    task: str | None = None,
    allow_leak: bool = False,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Evaluation:
    """Measures the quality of a model, or of an exported file in its deployment runtime.

    Args:
        target: Variant, model id, weights file, network from elsewhere, exported file, or a folder
            with one.
        data: None for the dataset that the weights were trained on.
        split: ``train``, ``validation`` or ``test``.
        input: What a network from elsewhere takes; None to have it measured.
        classes: File with its classes, in the order of its outputs; None for those of the data.
        state: Its inputs that take what an output gave at the step before, ``h=hn`` each.
        task: Of a network from elsewhere, where the data serve several; None for that of the data.
        allow_leak: Whether examples may be in two splits of the dataset.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    registry = registry or load_registry()
    path = Path(target)
    if is_folder_of_files(registry, str(path)):
        path = only_file(registry, path, "one is evaluated at a time")
    foreign = no_file(path) is None and source_of(registry, str(target)) is not None
    if registry.exporter_for(path) is not None and not foreign:
        manifest = open_unaltered(registry, path).manifest
        name = data or (manifest.dataset.name if manifest else None)
        if name is None:
            raise UsageError(
                f"{path} does not say what it was trained on", fix="add --data DATASET"
            )
        if manifest is not None:
            name = opening.data_for_task(registry, name, manifest.task)
            check_task(registry, name, manifest.task, path.name)
        dataset = opening.judged_dataset(registry, name, allow_leak=allow_leak)
        return evaluate_file(
            registry, path, dataset, split, emit=lambda event: on_step("evaluate", event)
        )
    if task is not None and data is not None:
        registry.tasks.get(task)
        data = opening.data_for_task(registry, data, task)
    how = Opening(
        data=data or NO_DATA,
        input=input or "",
        classes=classes or "",
        allow_leak=allow_leak,
        states=tuple(state),
    )
    model = str(target)
    if not open_reference(registry, model, how, on_step):
        model = fetched_model(registry, model, on_step)
    return _evaluate_model(registry, model, data, split, allow_leak, on_step)


def _check_data(registry: Registry, checkpoint: Checkpoint, data: str, model: str) -> None:
    """Classes and shapes are compared before TensorFlow starts."""
    from zoo.networks.compatibility import check_fits

    card = checkpoint.card()
    check_task(registry, data, checkpoint.task, card.model_id)
    dataset = opening.open_dataset(registry, data)
    check_fits(card, checkpoint.preprocessing, dataset, data, model, ranges=False)


def _evaluate_model(
    registry: Registry,
    model: str,
    data: str | None,
    split: str,
    allow_leak: bool,
    on_step: OnStep,
) -> Evaluation:
    import tempfile
    from dataclasses import fields

    checkpoint = weights_named(registry, model)
    data = data and opening.data_for_task(registry, data, checkpoint.task)
    if data is not None and data != checkpoint.card().dataset:
        _check_data(registry, checkpoint, data, model)
    with tempfile.TemporaryDirectory(prefix="zoo-evaluate-") as folder:
        result = call(
            "zoo.pipeline.steps.evaluate:evaluate_model",
            {
                "subject": Subject(model=str(checkpoint.path), plugins=registry.settings),
                "data": data or checkpoint.card().dataset,
                "split": split,
                "allow_leak": allow_leak,
                "folder": Path(folder),
                "card": None,
            },
            on_event=lambda event: on_step("evaluate", event),
        )
    plain = {field.name: getattr(result, field.name) for field in fields(Evaluation)}
    return Evaluation(**{**plain, "outputs": None})


def inspect(file: str | Path, *, registry: Registry | None = None) -> dict[str, Any]:
    """What a file says of itself, what it really contains, and whether the two agree."""
    return describe(open_artifact(registry or load_registry(), Path(file)))
