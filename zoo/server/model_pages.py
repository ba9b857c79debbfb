"""The list of models, and the card of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from zoo.common.errors import ZooError
from zoo.networks.checkpoints import resolve
from zoo.registry import Registry
from zoo.results import formatting as fmt
from zoo.server.catalogue import Catalogue
from zoo.server.figures import (
    numbered_part,
    part,
    parts_of,
    plain_file,
    plain_metric,
    quickest,
    size_of,
    timing_cells,
)
from zoo.server.file_entries import FileEntry
from zoo.server.kept_files import KeptFiles
from zoo.server.model_and_run_entries import ModelEntry
from zoo.server.page import Page, file_path, model_path, record_path, run_path
from zoo.server.path_index import PathIndex

#: The first page has the shortest path.
LIST = "models/"


class ModelPages:
    """Pages of models."""

    def __init__(
        self,
        catalogue: Catalogue,
        registry: Registry,
        kept: KeptFiles,
        task_of: Callable[[str], str],
        *,
        static: bool,
    ) -> None:
        self._catalogue, self._registry, self._kept = catalogue, registry, kept
        self._task_of, self._static = task_of, static
        self._by_path = PathIndex(
            catalogue, lambda: catalogue.models.values(), lambda model: model_path(model.name)
        )

    def paths(self) -> Iterator[str]:
        """Of all of them."""
        lists = parts_of(LIST, len(self._catalogue.models))
        yield from ("", *lists[1:])
        yield from (model_path(name) for name in self._catalogue.models)

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        head, number = numbered_part(path)
        if head in ("", LIST):
            return self._list(path, number)
        model = self._by_path.at(path)
        return None if model is None else self._card(path, model)

    def _list(self, path: str, number: int) -> Page | None:
        models = sorted(self._catalogue.models.values(), key=lambda m: m.name)
        shown = part(models, number)
        if number > 1 and not shown:
            return None
        rows = [self._row(model) for model in shown]
        pages = ["", *parts_of(LIST, len(models))[1:]]
        data = {
            "models": [row["plain"] for row in rows],
            "pages": pages,
            "records": self._catalogue.read,
        }
        counts = {
            "Models": len(models),
            "Files": len(self._catalogue.files),
            "Runs": len(self._catalogue.runs),
            "Latencies": sum(len(f.timings) for f in self._catalogue.files.values()),
        }
        return Page(
            path=path,
            template="models.html",
            title="Models",
            section="Models",
            data=data,
            values={"rows": rows, "pages": pages, "number": number, "counts": counts},
        )

    def _row(self, model: ModelEntry) -> dict[str, Any]:
        files = self._catalogue.files_of(model.files)
        good = [f for f in files if f.verdict == "passed"]
        metrics = [f.metric for f in good if f.metric is not None]
        if model.evaluation is not None:
            metrics = [*model.evaluation[1].metrics[:1]] or metrics
        best = metrics[0] if metrics else None
        sizes = [size for size in map(size_of, good) if size]
        fast = quickest(good)
        created = max((f.created for f in files), default="")
        task = self._task_of(model.name)
        return {
            "name": model.name,
            "path": model_path(model.name),
            "task": task,
            "files": len(files),
            "passed": len(good),
            "quality": fmt.metric_with_range(best),
            "metric": "" if best is None else best.name,
            "smallest": fmt.size_text(min(sizes, default=None)),
            "fastest": None if fast is None else timing_cells(fast),
            "created": created,
            "plain": {
                "model": model.name,
                "page": model_path(model.name),
                "task": task,
                "files": len(files),
                "passed": len(good),
                "quality": plain_metric(best),
                "smallest_bytes": min(sizes, default=None),
                "fastest_ms": None if fast is None else fast.measurement.p50_ms,
                "created": created,
            },
        }

    def _card(self, path: str, model: ModelEntry) -> Page:
        files = self._catalogue.files_of(model.files)
        newest = sorted(files, key=lambda f: f.number, reverse=True)
        facts, plain = self._facts(model, files)
        runs = {g.run: None for f in newest for g in f.gates}
        evaluated = model.evaluation
        return Page(
            path=path,
            template="model.html",
            title=model.name,
            section="Models",
            data={
                "model": model.name,
                **plain,
                "quality": [asdict(m) for m in evaluated[1].metrics] if evaluated else [],
                "files": [plain_file(entry, latencies=not self._static) for entry in newest],
                "trainings": [record_path(n) for n in model.trainings],
                "runs": [run_path(run) for run in runs],
            },
            values={
                "facts": facts,
                "evaluation": evaluated[1] if evaluated else None,
                "evaluation_record": record_path(evaluated[0]) if evaluated else "",
                "files": [file_cells(entry) for entry in newest],
                "trainings": [(n, record_path(n)) for n in model.trainings],
                "runs": [(run, run_path(run)) for run in runs],
            },
        )

    def _facts(
        self, model: ModelEntry, files: list[FileEntry]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """What the plugin, the weights' card and the manifest of a kept file say."""
        facts: dict[str, str] = {}
        task = self._task_of(model.name)
        manifest = next(
            (
                k.artifact.manifest
                for k in map(self._kept.open, reversed(files))
                if k is not None and k.artifact.manifest is not None
            ),
            None,
        )
        if manifest is not None:
            task = manifest.task
            facts["licence"] = manifest.licence
            facts["trained on"] = manifest.dataset.name
            facts["classes"] = fmt.count(len(manifest.classes), "class")
            facts |= dict(manifest.preprocessing.describe())
        try:
            architecture, variant, _ = resolve(self._registry, model.name.partition(".")[0])
        except ZooError:
            pass
        else:
            task = task or variant.task
            facts["family"] = architecture.summary
            facts["parameters"] = f"{variant.parameters:,}"
            facts["multiply-adds"] = f"{variant.multiply_adds:,}"
            facts["licence of the code"] = architecture.licence
        told = {"task": task or "unknown", **facts}
        if "licence" not in told:
            told["licence"] = "unknown: no file of it is kept in the cache of this machine"
        return told, {"task": task, "licence": facts.get("licence")}


def file_cells(entry: FileEntry) -> dict[str, Any]:
    """A file in a list, as text."""
    gate = entry.gate
    timings = [timing_cells(timing) for timing in entry.newest()]
    return {
        "name": entry.name,
        "path": file_path(entry.sha256),
        "sha256": entry.sha256,
        "verdict": entry.verdict,
        "weak": entry.weak,
        "precision": "" if gate is None else gate.result.precision,
        "format": "" if gate is None else gate.result.format,
        "size": fmt.size_text(size_of(entry)),
        "quality": fmt.metric_value(entry.metric),
        "interval": fmt.metric_interval(entry.metric),
        "gate": "" if gate is None else record_path(gate.number),
        "timings": timings,
        "created": entry.created,
    }
