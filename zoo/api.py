"""The public functions: everything that the command line does, from Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import describe, open_artifact, open_unaltered
from zoo.benchmark.run import time_files
from zoo.benchmark.timing import Timing
from zoo.common.errors import MissingExtra, UnknownName, UsageError
from zoo.common.optional_imports import EXTRA_OF, installed
from zoo.common.progress import OnStep, quiet
from zoo.common.worker import call
from zoo.contracts.dataset import SPLITS, Dataset
from zoo.data import opening
from zoo.data.opening import check_task
from zoo.execution.runner import evaluate_file
from zoo.models import catalogue
from zoo.models.catalogue import ModelSummary
from zoo.models.checkpoints import resolve
from zoo.models.loading import Subject, no_weights
from zoo.models.published.official import here
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import Parts
from zoo.pipeline.run import Run, execute
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.results.records import Evaluation


def ship(
    model: str | None = None,
    data: str | None = None,
    *,
    output: str | Path = "runs",
    recipe: str | Path | None = None,
    store: str | None = None,
    report: bool = True,
    command: str | None = None,
    retry: bool = False,
    on_step: OnStep = quiet,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Fine-tunes, exports, gates, benchmarks and reports.

    Args:
        model: Variant (``lenet5``), model id, or weights file; may stand in the recipe.
        data: Dataset (``digits``, ``folder:photos``); may stand in the recipe.
        output: Folder in which the run gets a folder of its own.
        recipe: TOML file; arguments win over it.
        store: URL of the results store; None for the user's own.
        report: Whether to write ``report.html``.
        command: Shown in the report; None for the call as Python.
        retry: Whether to try again conversions that crashed or were impossible before.
        on_step: Receives step names and progress events.
        registry: None discovers plugins anew.
        **options: As `zoo.pipeline.options.recipe_from` describes.

    Returns:
        The run; `Run.passed` tells whether everything did.

    Raises:
        ZooError: The input is wrong, or the network could not be trained.
        MissingExtra: The report cannot be written; told before hours of work.
    """
    if report and not installed("jinja2"):
        raise MissingExtra("jinja2", EXTRA_OF["jinja2"])
    job = _job(recipe, model, data, registry, on_step, options)
    run = execute(
        job,
        parts=Parts(),
        output=Path(output),
        named=True,
        store_url=store,
        on_step=on_step,
        retry=retry,
    )
    if report:
        shown = command or f"zoo.ship({job.recipe.model!r}, {job.recipe.data!r})"
        write_report(run, shown, on_step)
    return run


def write_report(run: Run, command: str, on_step: OnStep = quiet) -> Path:
    """Writes ``report.html`` unless it shows this very state already."""
    path = run.folder / "report.html"
    if run.changed or not path.exists():
        from zoo.report.pages.html import write
        from zoo.report.summary import view_of

        on_step("report", {"event": "start", "kind": "report"})
        started = time.perf_counter()
        write(path, view_of(run, command))
        seconds = time.perf_counter() - started
        on_step("report", {"event": "end", "status": "passed", "seconds": seconds, "cached": False})
    return path


def finetune(
    model: str | None = None,
    data: str | None = None,
    *,
    output: str | Path = "weights",
    recipe: str | Path | None = None,
    store: str | None = None,
    on_step: OnStep = quiet,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Trains, evaluates, and writes weights with their card into `output`."""
    job = _job(recipe, model, data, registry, on_step, options)
    parts = Parts(export=False, bench=False)
    return execute(
        job, parts=parts, output=Path(output), named=False, store_url=store, on_step=on_step
    )


def export(
    model: str,
    data: str | None = None,
    *,
    output: str | Path = "exports",
    store: str | None = None,
    retry: bool = False,
    on_step: OnStep = quiet,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Writes gated files of a trained model, without training it further.

    Args:
        model: Model id or weights file.
        data: Calibrates and gates; None for the dataset on the weights' card.
        output: Folder for the files.
        store: URL of the results store.
        retry: Whether to try again conversions that crashed or were impossible before.
        on_step: Receives progress.
        registry: None discovers plugins anew.
        **options: As `zoo.pipeline.options.recipe_from` describes.
    """
    registry = registry or load_registry()
    model = here(registry, model, on_step)
    architecture, variant, checkpoint = resolve(registry, model)
    if checkpoint is None:
        raise no_weights(architecture, variant)
    data = data or checkpoint.card().dataset
    job = make_job(recipe_from(model=model, data=data, epochs=0, **options), registry)
    parts = Parts(bench=False)
    return execute(
        job,
        parts=parts,
        output=Path(output),
        named=False,
        store_url=store,
        on_step=on_step,
        retry=retry,
    )


def evaluate(
    target: str | Path,
    data: str | None = None,
    *,
    split: str = "test",
    on_step: OnStep = quiet,
    registry: Registry | None = None,
) -> Evaluation:
    """Measures the quality of a model, or of an exported file in its deployment runtime.

    Args:
        target: Variant, model id, weights file, or exported file.
        data: None for the dataset that the weights were trained on.
        split: ``train``, ``validation`` or ``test``.
        on_step: Receives progress.
        registry: None discovers plugins anew.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    registry = registry or load_registry()
    path = Path(target)
    if registry.exporter_for(path) is not None:
        manifest = open_unaltered(registry, path).manifest
        name = data or (manifest.dataset.name if manifest else None)
        if name is None:
            raise UsageError(
                f"{path} does not say what it was trained on", fix="add --data DATASET"
            )
        if manifest is not None:
            check_task(registry, name, manifest.task, path.name)
        dataset = opening.open_dataset(registry, name)
        return evaluate_file(
            registry, path, dataset, split, emit=lambda event: on_step("evaluate", event)
        )
    return _evaluate_model(registry, str(target), data, split, on_step)


def _evaluate_model(
    registry: Registry, model: str, data: str | None, split: str, on_step: OnStep
) -> Evaluation:
    import tempfile
    from dataclasses import fields

    architecture, variant, checkpoint = resolve(registry, here(registry, model, on_step))
    if checkpoint is None:
        raise no_weights(architecture, variant)
    with tempfile.TemporaryDirectory(prefix="zoo-evaluate-") as folder:
        result = call(
            "zoo.pipeline.steps.evaluate:evaluate_model",
            {
                "subject": Subject(model=str(checkpoint.path), plugins=registry.settings),
                "data": data or checkpoint.card().dataset,
                "split": split,
                "folder": Path(folder),
                "card": None,
            },
            on_event=lambda event: on_step("evaluate", event),
        )
    plain = {field.name: getattr(result, field.name) for field in fields(Evaluation)}
    return Evaluation(**{**plain, "outputs": None})


def bench(
    files: Sequence[str | Path],
    *,
    device: str | Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    tier: str = "quick",
    runtime: str | Sequence[str] | None = None,
    store: str | None = None,
    tag: str | None = None,
    fresh: bool = False,
    accuracy: str | None = None,
    batch: Sequence[int] = (),
    profile: bool = False,
    reference: bool = False,
    on_step: OnStep = quiet,
    on_timing: Callable[[Timing], None] | None = None,
    registry: Registry | None = None,
) -> list[Timing]:
    """Times files against each other, in fresh processes that take turns.

    Before a file is timed, its answers on the device are compared with those that it should give.
    What an unfinished call has measured under the same circumstances is not measured again.

    Args:
        files: TFLite or ONNX files, with or without a manifest.
        device: Where, one name or several; None for this machine.
        threads: Each file is timed with each of these.
        tier: ``brief``, ``smoke``, ``quick``, ``full`` or ``sustained``.
        runtime: One name or several, of which each file takes those that run its format; None
            takes the preferred one.
        store: URL of the results store; None for the user's own.
        tag: A name for these results, by which `zoo.compare` finds them.
        fresh: Measure anew what an unfinished call has kept.
        accuracy: Also measures the quality on the test split of this dataset, on the device.
        batch: Examples in one inference, each of these, where files leave them open.
        profile: Also finds out what each operator takes.
        reference: Also times, by TensorFlow, the networks that the files came from.
        on_step: Receives progress.
        on_timing: Receives each result once it is recorded.
        registry: None discovers plugins anew.
    """
    return time_files(
        registry or load_registry(),
        [Path(file) for file in files],
        device=device,
        threads=threads,
        tier=tier,
        runtime=runtime,
        store_url=store,
        on_step=on_step,
        tag=tag,
        fresh=fresh,
        accuracy=accuracy,
        batch=batch,
        profile=profile,
        reference=reference,
        on_timing=on_timing,
    )


def inspect(file: str | Path, *, registry: Registry | None = None) -> dict[str, Any]:
    """What a file says of itself, what it really contains, and whether the two agree."""
    return describe(open_artifact(registry or load_registry(), Path(file)))


def load(model: str, *, registry: Registry | None = None) -> Any:
    """A Keras model with pretrained weights: raw pixels in, the task's outputs out.

    Args:
        model: Variant, model id or weights file.
        registry: None discovers plugins anew.

    Returns:
        A `keras.Model`; input float32 (batch, height, width, channels), values 0-255.

    Raises:
        UnknownName: No such model; offers the nearest.
        BadFile: The weights are altered.
    """
    settings = registry.settings if registry is not None else PluginSettings()
    registry = registry or load_registry()
    model = here(registry, model, quiet)
    resolve(registry, model)  # a wrong name must not wait for TensorFlow
    from zoo.pipeline.steps.evaluate import load_for_user

    return load_for_user(Subject(model=model, plugins=settings))


def open_dataset(name: str, *, registry: Registry | None = None) -> Dataset:
    """Opens a dataset: its splits, classes, and what should be known about it.

    Args:
        name: As after ``--data``: ``digits``, ``folder:photos``, ``csv:walk.csv?window=50``.
        registry: None discovers plugins anew.

    Raises:
        UnknownName: Nothing provides such a dataset; offers the nearest.
        ZooError: It cannot be used; says why.
    """
    return opening.open_dataset(registry or load_registry(), name)


def models(pattern: str = "*", *, registry: Registry | None = None) -> list[ModelSummary]:
    """The models whose name, family or model id matches a shell pattern; builds none."""
    return catalogue.models(registry or load_registry(), pattern)


def info(model: str, *, registry: Registry | None = None) -> dict[str, Any]:
    """Everything known about one model: its record, its weights and their cards."""
    return catalogue.info(registry or load_registry(), model)


def _job(
    recipe: str | Path | None,
    model: str | None,
    data: str | None,
    registry: Registry | None,
    on_step: OnStep,
    options: dict[str, Any],
) -> Job:
    """A job whose official weights, if it begins with such, are here."""
    registry = registry or load_registry()
    made = recipe_from(recipe=_path(recipe), model=model, data=data, **options)
    if not made.training.from_scratch:
        made = made.model_copy(update={"model": here(registry, made.model, on_step)})
    return make_job(made, registry)


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
