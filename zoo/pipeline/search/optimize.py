"""The search for the file of a model that keeps limits: from what is asked to a folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.not_weights import weights_named
from zoo.common.brief import Brief
from zoo.common.clock import utc_now
from zoo.common.errors import UnknownName, UsageError
from zoo.common.files import copy_with_side_files, ensure_writable, filled, write_text
from zoo.common.optional_imports import require_extra
from zoo.common.progress import OnStep
from zoo.common.units import bytes_of, milliseconds_of, parse_shares, seconds_of
from zoo.common.views import Viewed
from zoo.contracts import Metric
from zoo.data.opening import check_task, data_for_task, dataset_fingerprint
from zoo.networks.published.official import fetched_model
from zoo.networks.sources.references import NO_DATA, Opening, open_reference, source_of
from zoo.pipeline.recipe_fields import select
from zoo.pipeline.search.folder import folder_name
from zoo.pipeline.search.points import (
    SearchLimits,
    SearchPoint,
    missed_limits,
    nearest_point,
    pareto_front,
    quickest_point,
)
from zoo.pipeline.search.search import Search, SearchOptions
from zoo.pipeline.search.timed_device import ranking_device
from zoo.pipeline.search.trials import SearchNetwork, TrialRunner
from zoo.pipeline.search.widths import from_elsewhere, students_of
from zoo.pipeline.several_files import refuse_several_files
from zoo.pipeline.step_cache import step_cache
from zoo.registry import Registry
from zoo.results.records import QualityFinding
from zoo.results.store import Store

RESULT, RECIPE = "optimize.json", "recipe.toml"


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchResult(Brief, Viewed):
    """What a search found.

    Attributes:
        data: What files were calibrated and judged on.
        folder: Holds the chosen file, ``optimize.json`` and, when it was asked for, the report.
        limits: What the chosen file must keep.
        reference: The model's own quality, before export.
        findings: What speaks against the network of the chosen file; of the model, where no file
            was chosen.
        points: Everything that was tried, in that order.
        front: What no other file beats in size, latency and quality at once.
        best: The file to ship; None when no point keeps every limit.
        nearest: The point nearest to the limits; None when there is no point at all.
        files: What was put into `folder` of the chosen point: the file first, then what belongs
            to it, its weights and their card; empty when there is no such point.
        stopped: Whether the budget of time ended the search.
        created: When, ISO 8601, UTC.
    """

    model_id: str
    data: str
    folder: Path
    limits: SearchLimits
    reference: Metric
    findings: tuple[QualityFinding, ...]
    points: tuple[SearchPoint, ...]
    front: tuple[SearchPoint, ...]
    best: SearchPoint | None
    nearest: SearchPoint | None
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    stopped: bool
    seconds: float
    created: str

    @property
    def file(self) -> Path | None:
        """The chosen file in `folder`; None when there is none."""
        return self.files[0] if self.files else None


def find_file(
    registry: Registry,
    model: str,
    data: str | None,
    *,
    limits: SearchLimits,
    wishes: SearchOptions,
    device: str | None,
    output: Path,
    store_url: str | None,
    on_step: OnStep,
    options: Mapping[str, Any],
) -> SearchResult:
    """Searches for the file of a model that keeps the limits.

    Args:
        registry: Finds models, formats, devices.
        model: Model id or weights file.
        data: None for the dataset on the weights' card.
        limits: What the file must keep.
        wishes: What is tried.
        device: Where files are timed; None for this machine.
        output: Parent of the search's folder.
        store_url: Of the results store; None for the user's own.
        on_step: Receives progress.
        options: Of every recipe, by keyword.

    Raises:
        ZooError: The input is wrong, or the model could not be read or evaluated.
    """
    started = time.monotonic()
    ranking_device(registry, device)
    if wishes.widths and source_of(registry, model) is not None:
        raise from_elsewhere(model)
    how = Opening(
        data=data or NO_DATA,
        input=options.get("input") or "",
        classes=options.get("classes") or "",
        allow_leak=bool(options.get("allow_leak")),
        states=tuple(options.get("state") or ()),
    )
    if not open_reference(registry, model, how, on_step):
        model = fetched_model(registry, model, on_step)
    checkpoint = weights_named(registry, model)
    students_of(checkpoint, wishes.widths or ())  # what has none is refused now, not at its turn
    task = registry.tasks.get(checkpoint.variant.task)
    if task.own_names:
        raise UsageError(
            f"{model} has no labels: which of its files is better cannot be measured",
            why="a search weighs what a file loses against its size and latency",
            fix="zoo ship makes its files, each with its noise beside the network's answers",
        )
    refuse_several_files(task, "zoo optimize is for models of one file")
    data = data_for_task(registry, data or checkpoint.card().dataset, task.name)
    check_task(registry, data, task.name, checkpoint.model_id)
    given = {**options, "device": (device,) if device else None, "max_drop": limits.max_drop}
    known_by = [data, dataset_fingerprint(registry, data)]
    elsewhere = {field.keyword for field in select(("executor",))}
    decisive = {name: value for name, value in given.items() if name not in elsewhere}
    asked = [checkpoint.card().sha256, known_by, asdict(limits), asdict(wishes), decisive]
    folder = output / folder_name(checkpoint.model_id, asked)
    with filled(folder):
        ensure_writable(step_cache().folder)
        database = Store(store_url)
        try:
            search = Search(
                bench=TrialRunner(
                    registry=registry,
                    data=data,
                    options=given,
                    store=database,
                    run=folder.name,
                    on_step=on_step,
                ),
                network=SearchNetwork(name=checkpoint.model_id, model=str(checkpoint.path)),
                checkpoint=checkpoint,
                limits=limits,
                wishes=wishes,
            )
            search.run()
        finally:
            database.close(on_step)
        return _search_result(search, data, folder, time.monotonic() - started)


def _search_result(search: Search, data: str, folder: Path, seconds: float) -> SearchResult:
    reference = search.bench.reference
    if reference is None:
        raise AssertionError("a search that ran has evaluated its model")
    download = search.limits.max_download is not None or bool(search.wishes.prune)
    chosen = quickest_point(search.points, search.limits)
    found = SearchResult(
        model_id=search.checkpoint.model_id,
        data=data,
        folder=folder,
        limits=search.limits,
        reference=reference,
        findings=search.bench.findings.get(
            search.network.model if chosen is None else chosen.weights, ()
        ),
        points=tuple(search.points),
        front=pareto_front(search.points, download=download),
        best=chosen,
        nearest=chosen or nearest_point(search.points, search.limits),
        files=_put_files(search.bench.registry, folder, chosen),
        notes=tuple(search.notes),
        stopped=search.stopped,
        seconds=seconds,
        created=utc_now(),
    )
    write_text(folder / RESULT, json.dumps(as_json(found), indent=1))
    return found


def as_json(found: SearchResult) -> dict[str, Any]:
    """A search as JSON-compatible dictionaries; points of the front by name."""
    nearest = found.nearest
    missed = [] if nearest is None else [asdict(m) for m in missed_limits(nearest, found.limits)]
    for miss in missed:
        miss["share"] = None if miss["share"] == float("inf") else miss["share"]
    return {
        "model_id": found.model_id,
        "data": found.data,
        "folder": str(found.folder),
        "limits": asdict(found.limits),
        "reference": asdict(found.reference),
        "findings": [asdict(finding) for finding in found.findings],
        "best": found.best.name if found.best else None,
        "file": found.file.name if found.file else None,
        "files": [file.name for file in found.files],
        "nearest": nearest.name if nearest else None,
        "missed": missed,
        "front": [point.name for point in found.front],
        "points": [asdict(point) for point in found.points],
        "notes": list(found.notes),
        "stopped": found.stopped,
        "seconds": found.seconds,
        "created": found.created,
    }


def _put_files(registry: Registry, folder: Path, chosen: SearchPoint | None) -> tuple[Path, ...]:
    """The chosen file, its weights with their card, and the recipe that makes it from them."""
    if chosen is None:
        return ()
    source, weights = Path(str(chosen.source)), Path(chosen.weights)
    companions = open_artifact(registry, source).companions
    copy_with_side_files(source, folder / source.name, companions)
    card = weights.with_name(f"{weights.stem}.toml")
    for path in (weights, card):
        copy_with_side_files(path, folder / path.name)
    write_text(folder / RECIPE, tomli_w.dumps({**chosen.recipe, "model": weights.name}))
    names = (source.name, *companions, weights.name, card.name)
    for old in _put_before(folder) - {*names}:
        (folder / old).unlink(missing_ok=True)
    return tuple(folder / name for name in names)


def _put_before(folder: Path) -> set[str]:
    """What an earlier search, which may have chosen otherwise, put into the folder."""
    try:
        names = json.loads((folder / RESULT).read_text(encoding="utf-8"))["files"]
        return {name for name in names if Path(name).name == name and (folder / name).is_file()}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def limits_of(
    size: str | int | None,
    download: str | int | None,
    latency: str | float | None,
    drop: float | None,
) -> SearchLimits:
    """Limits as users give them: texts with units, or bytes, milliseconds and points."""
    if drop is not None and not 0 <= drop <= 100:
        raise UsageError(f"--max-drop {drop:g} is not from 0 to 100 points", fix="--max-drop 0.5")
    return SearchLimits(
        max_bytes=bytes_of(size, "--max-size"),
        max_download=bytes_of(download, "--max-download"),
        max_ms=milliseconds_of(latency, "--max-latency"),
        max_drop=drop,
    )


def search_options_of(
    registry: Registry,
    *,
    formats: Sequence[str] | None,
    precisions: Sequence[str] | None,
    width: Sequence[float] | None,
    prune: Sequence[float] | None,
    epochs: int,
    budget_time: str | float | None,
    thorough: bool,
) -> SearchOptions:
    """What a search tries, each name found and each number checked."""
    return SearchOptions(
        formats=_formats(registry, formats),
        precisions=_precisions(registry, formats, precisions),
        widths=_checked_shares(width, "--width", "0.5,0.75"),
        prune=_checked_shares(prune, "--prune", "0.5,0.8"),
        epochs=_positive(epochs),
        budget_seconds=seconds_of(budget_time, "--budget-time"),
        thorough=thorough,
    )


def _formats(registry: Registry, asked: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(asked or [exporter.name for exporter in registry.exporters]))
    for name in names:
        require_extra(registry.exporters.get(name).extra)
    return names


def _precisions(
    registry: Registry, formats: Sequence[str] | None, asked: Sequence[str] | None
) -> tuple[str, ...] | None:
    if asked is None:
        return None
    names = _formats(registry, formats)
    known = dict.fromkeys(p for name in names for p in registry.exporters.get(name).precisions)
    for precision in asked:
        if registry.precision(precision).name not in known:
            raise UnknownName("precision", precision, known)
    return tuple(dict.fromkeys(asked))


def _checked_shares(
    values: Sequence[float] | None, option: str, example: str
) -> tuple[float, ...] | None:
    return None if values is None else parse_shares([str(v) for v in values], option, example)


def _positive(epochs: int) -> int:
    if epochs < 1:
        raise UsageError(f"--epochs {epochs} trains nothing", fix="give 1 or more")
    return epochs
