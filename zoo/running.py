"""Running a file on real examples, by the agent, in the runtime that users deploy on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifact import Artifact, Manifest, open_unaltered
from zoo.contracts import Dataset, DeviceKind, Exporter, Preprocessing, Split, Task
from zoo.errors import BadFile, MissingExtra, UsageError, ZooError
from zoo.isolation import Children, OnEvent
from zoo.measurement.session import AgentSession
from zoo.records import Evaluation
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: What our files take: raw pixels. Of a foreign file nothing is known.
RAW_RANGE = (0.0, 255.0)
UNIT_RANGE = (0.0, 1.0)
_CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class FileOutputs:
    """What a file answered, and in which runtime."""

    outputs: Array
    runtime: str
    runtime_version: str
    seconds: float


def judging_device(registry: Registry) -> DeviceKind:
    """The device that is this machine: files are judged there before they go anywhere.

    Raises:
        ZooError: No plugin provides one.
    """
    found = next((kind for kind in registry.devices if kind.local), None)
    if found is None:
        raise ZooError(
            "no device is this machine, so no file can be judged",
            fix="`zoo plugins list` shows whether the plugin that provides it is broken or off",
        )
    return found


def choose_runtime(exporter: Exporter, kind: DeviceKind, options: dict[str, str]) -> str:
    """The exporter's preferred runtime among those the device has.

    Raises:
        MissingExtra: The device has none of them.
    """
    available = kind.runtimes(options)
    for runtime in exporter.runtimes:
        if runtime in available:
            return runtime
    raise MissingExtra(exporter.runtimes[0], exporter.extra)


def run_file(
    path: Path,
    runtime: str,
    kind: DeviceKind,
    split: Split,
    preprocessing: Preprocessing,
    *,
    emit: OnEvent,
    children: Children | None = None,
    threads: int = 1,
) -> FileOutputs:
    """Runs every example of a split through a file."""
    import numpy as np

    from zoo.data.preprocessing import pixels

    started = time.perf_counter()
    chunks = []
    children = children or Children()
    with AgentSession(kind.connect({}), runtime) as session, children.registered(session.kill):
        about = session.describe()
        session.load(path, threads=threads)
        for start in range(0, len(split), _CHUNK):
            stop = min(start + _CHUNK, len(split))
            chunks.append(session.run(pixels(split, preprocessing, range(start, stop))))
            emit({"event": "progress", "done": stop, "total": len(split)})
    return FileOutputs(
        outputs=np.concatenate(chunks),
        runtime=runtime,
        runtime_version=str(about.get("runtime_version") or "unknown"),
        seconds=time.perf_counter() - started,
    )


def evaluate_file(
    registry: Registry, path: Path, dataset: Dataset, split: str, *, emit: OnEvent
) -> Evaluation:
    """Quality of a file on a split.

    Raises:
        BadFile: The file has no manifest, or was altered.
        UsageError: Its classes are not the dataset's.
    """
    artifact = open_unaltered(registry, path)
    manifest = require_manifest(artifact)
    check_classes(manifest.classes, dataset, str(path))
    kind = judging_device(registry)
    runtime = choose_runtime(artifact.exporter, kind, {})
    answered = run_file(
        path, runtime, kind, dataset.splits[split], manifest.preprocessing, emit=emit
    )
    task = registry.tasks.get(manifest.task)
    return evaluation_of(task, path.name, dataset, split, answered)


def evaluation_of(
    task: Task,
    subject: str,
    dataset: Dataset,
    split: str,
    answered: FileOutputs,
    outputs_file: str | None = None,
) -> Evaluation:
    """The record of a file's quality."""
    labels = dataset.splits[split].labels
    return Evaluation(
        subject=subject,
        dataset=dataset.name,
        split=split,
        metrics=task.evaluate(answered.outputs, labels, dataset.classes),
        details=dict(task.details(answered.outputs, labels, dataset.classes)),
        outputs=outputs_file,
        runtime=answered.runtime,
        seconds=answered.seconds,
    )


def require_manifest(artifact: Artifact) -> Manifest:
    """The manifest of a file that must have one."""
    if artifact.manifest is None:
        raise BadFile(
            f"{artifact.path} has no manifest, so its preprocessing and classes are unknown",
            fix="export it with edgezoo; `zoo bench` and `zoo inspect` need no manifest",
        )
    return artifact.manifest


def check_classes(classes: tuple[str, ...], dataset: Dataset, subject: str) -> None:
    """Refuses a dataset whose classes are not those of the outputs."""
    if classes != dataset.classes:
        raise UsageError(
            f"{subject} does not know the classes of {dataset.name!r}",
            why=f"its classes are {_short(classes)}; the dataset's are {_short(dataset.classes)}",
            fix="use the dataset it was trained on, or fine-tune first: zoo finetune",
        )


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")
