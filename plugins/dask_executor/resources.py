"""Dask's resources: what a worker offers, and what an order takes of it.

Names hold the version of edgezoo: a worker of another one offers nothing that an order takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from zoo.contracts.executor import ExecutorWorker, StepOrder


def slots(version: str) -> str:
    """Room for one step."""
    return f"edgezoo {version}"


def offered(worker: ExecutorWorker) -> dict[str, float]:
    """The resources of a worker."""
    found = {slots(worker.version): float(worker.jobs)}
    for device in worker.devices:
        found[f"device {device.name} of {slots(worker.version)}"] = 1.0
    for label in worker.labels:
        found[f"label {label}"] = float(worker.jobs)
    return found


def fitting(order: StepOrder, workers: Iterable[ExecutorWorker]) -> list[ExecutorWorker]:
    """Those that may be given an order: of its version, with its label and its device."""
    return [
        one
        for one in workers
        if one.version == order.version
        and (not order.label or order.label in one.labels)
        and (not order.device or order.device in {device.name for device in one.devices})
    ]


def resources_of(
    order: StepOrder, workers: Callable[[], Sequence[ExecutorWorker]]
) -> dict[str, float]:
    """What an order takes."""
    version = slots(order.version)
    taken: dict[str, float] = {f"label {order.label}": 1.0} if order.label else {}
    if order.device:
        taken[f"device {order.device} of {version}"] = 1.0
    if order.alone:
        taken[version] = float(max((w.jobs for w in fitting(order, workers())), default=1))
    elif not order.device:
        taken[version] = 1.0
    return taken


def announcement(worker: ExecutorWorker) -> dict[str, Any]:
    """What a worker tells of itself when it joins."""
    plain = asdict(worker)
    del plain["running"]
    return plain


def worker_of(announced: Mapping[str, Any], info: Mapping[str, Any]) -> ExecutorWorker:
    """A worker from what it announced, and from what it does now."""
    metrics = info.get("metrics") or {}
    return _WORKER.validate_python({**announced, "running": metrics.get("zoo") or ()})


_WORKER = TypeAdapter(ExecutorWorker)
