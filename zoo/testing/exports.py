"""Checks that go the user's whole way: train, export, run the file where users run it, compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.contracts import Dataset, Task
from zoo.gate import finite, placement, reasons, static_shapes, stock_operators
from zoo.isolation import OnEvent, call
from zoo.recipe import Training
from zoo.registry import Registry
from zoo.running import choose_runtime, judging_device, run_file
from zoo.steps.common import REFERENCE, Subject, open_dataset
from zoo.testing.verdict import Finding, NotTried

#: Small, and there without a download.
DATA = "digits"
#: How long to train: briefly, and longer only if that is not enough.
EPOCHS = (5, 20)
#: A metric from which on decisions are clear enough to be compared.
CLEAR = 0.95
SEED = 1
TAG = "check"
CALIBRATION_SAMPLES = 256


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A briefly trained network, and what Keras answers with it on the test split."""

    finding: Finding
    data: str
    weights: Path
    folder: Path


def choose_data(registry: Registry, task: Task, wanted: str | None) -> str:
    """The dataset to train on: the one asked for, else the small one, else any of the task.

    Raises:
        NotTried: None serves the task.
    """
    if wanted is not None:
        return wanted
    serving = [p.name for p in registry.datasets if task.name in p.tasks and p.argument is None]
    if not serving:
        raise NotTried(f"no dataset serves the task {task.name}; name one: --data DATASET")
    return DATA if DATA in serving else serving[0]


def train(
    registry: Registry,
    variant: str,
    *,
    data: str,
    epochs: int | None,
    folder: Path,
    emit: OnEvent,
) -> Trained:
    """Trains from scratch as ``zoo finetune`` does, and evaluates on the test split.

    Args:
        registry: Where the variant was found.
        variant: Its name.
        data: Dataset.
        epochs: None tries `EPOCHS` in turn until the network decides clearly.
        folder: For weights and outputs.
        emit: Receives progress.
    """
    classes = len(open_dataset(registry, data).classes)
    weights, finding = folder, Finding(passed=False, measured="")
    for count in EPOCHS if epochs is None else (epochs,):
        weights, metric = _train_once(registry, variant, data, count, folder, emit)
        if not metric["higher_is_better"]:
            _, untrained = _train_once(registry, variant, data, 0, folder / "untrained", emit)
            finding = _came_closer(metric, untrained, data, count)
            break
        finding = _learned(metric, classes, data, count)
        if metric["value"] >= CLEAR:
            break
    return Trained(finding=finding, data=data, weights=weights, folder=folder)


def _train_once(
    registry: Registry, variant: str, data: str, epochs: int, folder: Path, emit: OnEvent
) -> tuple[Path, dict[str, Any]]:
    """The weights, and the headline metric on the test split."""
    folder.mkdir(parents=True, exist_ok=True)
    options = Training(epochs=epochs, from_scratch=True, patience=0)
    result = call(
        "zoo.steps.finetune:finetune",
        {
            "model": variant,
            "data": data,
            "tag": TAG,
            "options": options.model_dump(mode="json"),
            "hyperparameters": {},
            "seed": SEED,
            "folder": str(folder),
            "checkpoint": None,
            "plugins": registry.settings,
        },
        on_event=emit,
    )
    weights = folder / result["weights"]
    evaluation = call(
        "zoo.steps.evaluate:evaluate_model",
        {
            "subject": Subject(model=str(weights), plugins=registry.settings),
            "data": data,
            "split": "test",
            "folder": str(folder),
            "card": None,
        },
        on_event=emit,
    )
    metric: dict[str, Any] = evaluation["metrics"][0]
    return weights, metric


def _learned(metric: dict[str, Any], classes: int, data: str, epochs: int) -> Finding:
    measured = (
        f"{metric['name']} {metric['value']:.1%} ({metric['low']:.1%} – {metric['high']:.1%}) "
        f"on {metric['count']} test examples of {data} after {epochs} epochs"
    )
    if metric["low"] > 1 / classes:
        return Finding(passed=True, measured=measured)
    return Finding(
        passed=False,
        measured=f"{measured}: no better than chance, {1 / classes:.1%}",
        fix="try --epochs with a larger number; a network that still learns nothing wants another "
        "initializer, normalization layers, or a smaller learning rate",
    )


def _came_closer(
    metric: dict[str, Any], untrained: dict[str, Any], data: str, epochs: int
) -> Finding:
    measured = (
        f"{metric['name']} {metric['value']:.4g} ({metric['low']:.4g} – {metric['high']:.4g}) on "
        f"{metric['count']} test examples of {data} after {epochs} epochs; untrained "
        f"{untrained['value']:.4g}"
    )
    if metric["high"] < untrained["low"]:
        return Finding(passed=True, measured=measured)
    return Finding(
        passed=False,
        measured=f"{measured}: no closer to real data",
        fix="try --epochs with a larger number, another learning rate, or another loss",
    )


def export(
    registry: Registry, trained: Trained, task: Task, format: str, precision: str, emit: OnEvent
) -> Finding:
    """Exports in a child, runs the file by the agent, and compares it to Keras."""
    import numpy as np

    exported = call(
        "zoo.steps.export:export",
        {
            "subject": Subject(model=str(trained.weights), plugins=registry.settings),
            "format": format,
            "precision": precision,
            "data": trained.data,
            "calibration_samples": CALIBRATION_SAMPLES,
            "seed": SEED,
            "folder": str(trained.folder),
        },
        on_event=emit,
    )
    path = trained.folder / exported["file"]
    exporter = registry.exporters.get(format)
    contents = exporter.inspect(path)
    kind = judging_device(registry)
    dataset: Dataset = open_dataset(registry, trained.data)
    name = trained.weights.name.partition(".")[0]
    answered = run_file(
        path,
        choose_runtime(exporter, kind, {}),
        kind,
        dataset.splits["test"],
        registry.variant(name)[1].preprocessing,
        emit=emit,
    )
    with np.load(trained.folder / REFERENCE, allow_pickle=False) as stored:
        comparison = task.compare(stored["outputs"], answered.outputs)
    parity = task.parity(comparison, precision)
    checks = (
        finite(answered.outputs),
        parity,
        placement(contents, precision),
        stock_operators(contents),
        static_shapes(contents),
    )
    if all(check.passed for check in checks):
        return Finding(passed=True, measured=f"{parity.value}, {exported['bytes']:,} bytes")
    return Finding(
        passed=False,
        measured=reasons(checks),
        fix="replace the layer that the converter cannot carry over by plain ones; of an integer "
        "file, look for activations with a wide range and add a normalization in front",
    )
