"""The public function of the search for the file that fits a device."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from zoo.artifacts.artifact import open_artifact
from zoo.common.clock import utc_now
from zoo.common.errors import MissingExtra, UnknownName, UsageError
from zoo.common.files import OTHER_HOME, copy_with_sides, ensure_writable, write_text
from zoo.common.optional_imports import EXTRA_OF, installed, require_extra
from zoo.common.paths import cache_folder
from zoo.common.progress import OnStep, quiet
from zoo.common.units import parse_seconds, parse_shares, parse_size
from zoo.contracts import Metric
from zoo.data.opening import check_task
from zoo.execution.devices import device_named
from zoo.execution.examine_files import refuse_untimed
from zoo.models.checkpoints import Checkpoint, resolve
from zoo.models.loading import no_weights
from zoo.models.published.official import here
from zoo.pipeline.search.points import Limits, Point, best, front, misses, nearest_point
from zoo.pipeline.search.search import Search, Wishes
from zoo.pipeline.search.trials import Bench, Network
from zoo.registry import Registry, load_registry
from zoo.results.store import Store

RESULT, RECIPE = "optimize.json", "recipe.toml"


@dataclass(frozen=True, kw_only=True)
class Optimized:
    """What a search found.

    Attributes:
        model_id: Of the model that was asked for.
        data: What files were calibrated and judged on.
        folder: Holds the chosen file, ``optimize.json`` and, when it was asked for, the report.
        limits: What the chosen file must keep.
        reference: The model's own quality, before export.
        points: Everything that was tried, in that order.
        front: What no other file beats in size, latency and quality at once.
        best: The file to ship; None when no point keeps every limit.
        nearest: The point nearest to the limits; None when there is no point at all.
        files: What was put into `folder` of the chosen point: the file first, then what belongs
            to it, its weights and their card; empty when there is no such point.
        notes: What was not tried, and why.
        stopped: Whether the budget of time ended the search.
        seconds: Time it took.
        created: When, ISO 8601, UTC.
    """

    model_id: str
    data: str
    folder: Path
    limits: Limits
    reference: Metric
    points: tuple[Point, ...]
    front: tuple[Point, ...]
    best: Point | None
    nearest: Point | None
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    stopped: bool
    seconds: float
    created: str

    @property
    def file(self) -> Path | None:
        """The chosen file in `folder`; None when there is none."""
        return self.files[0] if self.files else None


def optimize(
    model: str,
    data: str | None = None,
    *,
    max_size: str | int | None = None,
    max_download: str | int | None = None,
    max_latency: str | float | None = None,
    max_drop: float | None = None,
    device: str | None = None,
    formats: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    width: Sequence[float] | None = None,
    prune: Sequence[float] | None = None,
    epochs: int = 4,
    budget_time: str | float | None = None,
    thorough: bool = False,
    output: str | Path = "optimized",
    store: str | None = None,
    report: bool = True,
    command: str | None = None,
    on_step: OnStep = quiet,
    registry: Registry | None = None,
    **options: Any,
) -> Optimized:
    """Searches formats, precisions, calibrations, widths and pruning for the file that fits.

    Args:
        model: Model id or weights file.
        data: Calibrates, judges, and trains where something is trained; None for the dataset on
            the weights' card.
        max_size: Of the file: ``"300kB"``, or bytes.
        max_download: Of the file after gzip, likewise.
        max_latency: Median on the device: ``"5ms"``, or milliseconds.
        max_drop: Points of quality that the file may lose against the model.
        device: Where files are timed; None for this machine.
        formats: None for all.
        precisions: None for all of each format.
        width: Factors of narrower networks to train, 0 to 1; None only if nothing else fits; an
            empty sequence never.
        prune: Shares of weights to remove, 0 to 1; likewise.
        epochs: Of each training.
        budget_time: Nothing but the first stage begins after so long: ``"30min"``, or seconds.
        thorough: Try everything, even after a point fits.
        output: Parent of the search's folder.
        store: URL of the results store; None for the user's own.
        report: Whether to write ``report.html``.
        command: Shown in the report.
        on_step: Receives progress.
        registry: None discovers plugins anew.
        **options: ``target``, ``threads``, ``tier``, ``seed``, ``calibration_samples`` and others
            of `zoo.pipeline.options.recipe_from` that do not train.

    Raises:
        ZooError: The input is wrong, or the model could not be read or evaluated.
    """
    if report and not installed("jinja2"):
        raise MissingExtra("jinja2", EXTRA_OF["jinja2"])
    started = time.monotonic()
    limits = _limits(max_size, max_download, max_latency, max_drop)
    registry = registry or load_registry()
    refuse_untimed(registry, device)
    wishes = Wishes(
        formats=_formats(registry, formats),
        precisions=_precisions(registry, formats, precisions),
        widths=_shares(width, "--width", "0.5,0.75"),
        prune=_shares(prune, "--prune", "0.5,0.8"),
        epochs=_positive(epochs),
        budget_seconds=parse_seconds(budget_time, "--budget-time")
        if isinstance(budget_time, str)
        else budget_time,
        thorough=thorough,
    )
    _refuse_unreal(registry, device)
    checkpoint = _checkpoint(registry, model, on_step)
    data = data or checkpoint.card().dataset
    check_task(registry, data, checkpoint.variant.task, checkpoint.model_id)
    given = {**options, "devices": (device,) if device else None, "max_drop": max_drop}
    folder = Path(output) / _folder_name(checkpoint, data, limits, wishes, given)
    ensure_writable(folder)
    ensure_writable(cache_folder() / "steps", fix=OTHER_HOME)
    database = Store(store)
    try:
        search = Search(
            bench=Bench(
                registry=registry,
                data=data,
                options=given,
                store=database,
                run=folder.name,
                on_step=on_step,
            ),
            network=Network(name=checkpoint.model_id, model=str(checkpoint.path)),
            checkpoint=checkpoint,
            limits=limits,
            wishes=wishes,
        )
        search.run()
    finally:
        database.close()
    found = _conclude(search, data, folder, time.monotonic() - started)
    if report:
        from zoo.report.pages.search import write_search

        write_search(folder / "report.html", found, command or f"zoo.optimize({model!r})")
    return found


def _refuse_unreal(registry: Registry, device: str | None) -> None:
    """Files are ranked by their times, which emulated and estimated ones are not for."""
    where = device_named(registry, device)
    if where.clock != "real":
        raise UsageError(
            f"times of {where.name!r} are {where.clock}: files cannot be ranked by them",
            why="they tell nothing of the real device's",
            fix="search on a device that is there, and run its files here afterwards: "
            f"zoo bench FILE --device {where.name}",
        )


def _conclude(search: Search, data: str, folder: Path, seconds: float) -> Optimized:
    reference = search.bench.reference
    if reference is None:
        raise AssertionError("a search that ran has evaluated its model")
    download = search.limits.max_download is not None or bool(search.wishes.prune)
    chosen = best(search.points, search.limits)
    found = Optimized(
        model_id=search.checkpoint.model_id,
        data=data,
        folder=folder,
        limits=search.limits,
        reference=reference,
        points=tuple(search.points),
        front=front(search.points, download=download),
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


def as_json(found: Optimized) -> dict[str, Any]:
    """A search as JSON-compatible dictionaries; points of the front by name."""
    nearest = found.nearest
    missed = [] if nearest is None else [asdict(m) for m in misses(nearest, found.limits)]
    for miss in missed:
        miss["share"] = None if miss["share"] == float("inf") else miss["share"]
    return {
        "model_id": found.model_id,
        "data": found.data,
        "folder": str(found.folder),
        "limits": asdict(found.limits),
        "reference": asdict(found.reference),
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


def _put_files(registry: Registry, folder: Path, chosen: Point | None) -> tuple[Path, ...]:
    """The chosen file, its weights with their card, and the recipe that makes it from them."""
    if chosen is None:
        return ()
    source, weights = Path(str(chosen.source)), Path(chosen.weights)
    companions = open_artifact(registry, source).companions
    copy_with_sides(source, folder / source.name, companions)
    card = weights.with_name(f"{weights.stem}.toml")
    for path in (weights, card):
        copy_with_sides(path, folder / path.name)
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


def _limits(
    size: str | int | None,
    download: str | int | None,
    latency: str | float | None,
    drop: float | None,
) -> Limits:
    if drop is not None and not 0 <= drop <= 100:
        raise UsageError(f"--max-drop {drop:g} is not from 0 to 100 points", fix="--max-drop 0.5")
    return Limits(
        max_bytes=parse_size(size) if isinstance(size, str) else size,
        max_download=parse_size(download, "--max-download")
        if isinstance(download, str)
        else download,
        max_ms=1000 * parse_seconds(latency) if isinstance(latency, str) else latency,
        max_drop=drop,
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
        if precision not in known:
            raise UnknownName("precision", precision, known)
    return tuple(dict.fromkeys(asked))


def _shares(values: Sequence[float] | None, option: str, example: str) -> tuple[float, ...] | None:
    return None if values is None else parse_shares([str(v) for v in values], option, example)


def _positive(epochs: int) -> int:
    if epochs < 1:
        raise UsageError(f"--epochs {epochs} trains nothing", fix="give 1 or more")
    return epochs


def _checkpoint(registry: Registry, model: str, on_step: OnStep) -> Checkpoint:
    architecture, variant, checkpoint = resolve(registry, here(registry, model, on_step))
    if checkpoint is None:
        raise no_weights(architecture, variant)
    return checkpoint


def _folder_name(
    checkpoint: Checkpoint, data: str, limits: Limits, wishes: Wishes, options: dict[str, Any]
) -> str:
    """Model id, and eight digits that change with what was asked."""
    asked = [checkpoint.card().sha256, data, asdict(limits), asdict(wishes), options]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', checkpoint.model_id)}-{digest[:8]}"
