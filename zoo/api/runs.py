"""Runs, from Python: train, export and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from zoo.artifacts.not_weights import weights_named
from zoo.common.errors import MissingExtra, UsageError
from zoo.common.extras import EXTRA_OF, installed
from zoo.common.files import write_text
from zoo.common.progress import OnStep, quiet
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import NO_DATA, source_of
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from, takes_recipe_keywords
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.recipe_fields import EXPORT, TRAINING, WHOLE
from zoo.pipeline.report_notes import REPORT, note_report
from zoo.pipeline.run import Run, execute
from zoo.pipeline.starting_network import with_network_here
from zoo.registry import Registry, load_registry


@takes_recipe_keywords(*WHOLE)
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
    progress: bool | None = None,
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
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: From `format` on, as described above.

    Returns:
        The run; `Run.passed` tells whether everything did.

    Raises:
        ZooError: The input is wrong, or the network could not be trained.
        MissingExtra: The report cannot be written; told before hours of work.
    """
    require_report(report)
    job = _job(recipe, model, data, registry, on_step, options)
    run = execute(
        job,
        scope=PlanScope(),
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


@takes_recipe_keywords(*TRAINING)
def finetune(
    model: str | None = None,
    data: str | None = None,
    *,
    output: str | Path = "weights",
    recipe: str | Path | None = None,
    store: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Run:
    """Trains, evaluates, and writes weights with their card into `output`.

    Args:
        model: Variant, model id, or weights file; may stand in the recipe.
        data: Dataset; may stand in the recipe.
        output: Folder for the weights.
        recipe: TOML file; arguments win over it.
        store: URL of the results store; None for the user's own.
        on_step: Receives step names and progress events.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: Others that `ship` takes, which nothing of this depends on.
    """
    job = _job(recipe, model, data, registry, on_step, options, trains=True)
    scope = PlanScope(export=False, bench=False)
    return execute(
        job, scope=scope, output=Path(output), named=False, store_url=store, on_step=on_step
    )


@takes_recipe_keywords(*EXPORT, "seed")
def export(
    model: str,
    data: str | None = None,
    *,
    output: str | Path = "exports",
    store: str | None = None,
    retry: bool = False,
    on_step: OnStep = quiet,
    progress: bool | None = None,
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
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: Others that `ship` takes, but `epochs`.
    """
    if "epochs" in options:
        raise UsageError(
            "zoo.export trains nothing, and got epochs", fix="zoo.finetune or zoo.ship trains"
        )
    registry = registry or load_registry()
    if source_of(registry, model) is None:
        model = fetched_model(registry, model, on_step)
        data = data or weights_named(registry, model).card().dataset
    made = recipe_from(model=model, data=data or NO_DATA, epochs=0, **options)
    job = make_job(with_network_here(made, registry, on_step), registry)
    scope = PlanScope(bench=False)
    return execute(
        job,
        scope=scope,
        output=Path(output),
        named=False,
        store_url=store,
        on_step=on_step,
        retry=retry,
    )


def write_report(run: Run, command: str, on_step: OnStep = quiet) -> Path:
    """Writes ``report.html`` unless it shows this very state already."""
    path = run.folder / REPORT
    if run.changed or not path.exists():
        from zoo.report.pages.html import render
        from zoo.report.summary import view_of

        on_step("report", {"event": "start", "kind": "report"})
        started = time.perf_counter()
        write_text(path, render(view_of(run, command)))
        seconds = time.perf_counter() - started
        on_step("report", {"event": "end", "status": "passed", "seconds": seconds, "cached": False})
    note_report(run.name, path)
    return path


def require_report(report: bool) -> None:
    """A missing package must not be found out after hours of work."""
    if report and not installed("jinja2"):
        raise MissingExtra("jinja2", EXTRA_OF["jinja2"])


def _job(
    recipe: str | Path | None,
    model: str | None,
    data: str | None,
    registry: Registry | None,
    on_step: OnStep,
    options: dict[str, Any],
    *,
    trains: bool = False,
) -> Job:
    """A job whose network is here."""
    registry = registry or load_registry()
    made = recipe_from(recipe=_path(recipe), model=model, data=data, **options)
    return make_job(with_network_here(made, registry, on_step, trains=trains), registry)


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
