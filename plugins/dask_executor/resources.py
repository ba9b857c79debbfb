"""Dask's resources: what a worker offers, and what an order takes of it.

Names hold the versions of edgezoo, Python and plugins: a worker of another one offers nothing that
an order takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from zoo.common.versions import python_version
from zoo.contracts.executor import ExecutorWorker, StepOrder
from zoo.pipeline.executors.fitting import has_plugins

#: What a worker has any number of.
_ENOUGH = 1e6


def slots(version: str, python: str = "") -> str:
    """Room for one step; of a Python that is not known, of the one here."""
    return f"edgezoo {version} on Python {python or python_version()}"


def offered(worker: ExecutorWorker) -> dict[str, float]:
    """The resources of a worker."""
    room = slots(worker.version, worker.python)
    found = {room: float(worker.jobs)}
    for device in worker.devices:
        found[f"device {device.name} of {room}"] = 1.0
    for name, version in worker.plugins.items():
        found[f"plugin {name} {version}"] = _ENOUGH
    for label in worker.labels:
        found[f"label {label}"] = float(worker.jobs)
    return found


def fitting(order: StepOrder, workers: Iterable[ExecutorWorker]) -> list[ExecutorWorker]:
    """Those that may be given an order: of its version, with its label and its device."""
    return [
        one
        for one in workers
        if slots(one.version, one.python) == slots(order.version)
        and has_plugins(one, order.plugins)
        and (not order.label or order.label in one.labels)
        and (not order.device or order.device in {device.name for device in one.devices})
    ]


def resources_of(
    order: StepOrder, workers: Callable[[], Sequence[ExecutorWorker]]
) -> dict[str, float]:
    """What an order takes."""
    room = slots(order.version)
    taken: dict[str, float] = {f"label {order.label}": 1.0} if order.label else {}
    taken |= {f"plugin {name} {version}": 1.0 for name, version in order.plugins.items()}
    if order.device:
        taken[f"device {order.device} of {room}"] = 1.0
    if order.alone:
        taken[room] = float(max((w.jobs for w in fitting(order, workers())), default=1))
    elif not order.device:
        taken[room] = 1.0
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
