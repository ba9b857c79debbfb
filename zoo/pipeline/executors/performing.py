"""Performing one order on a worker: the same plan is made, and its step run by the same engine."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.common.files import cannot_write
from zoo.common.paths import cache_folder
from zoo.common.progress import OnEvent
from zoo.common.versions import version_of
from zoo.common.worker import Children
from zoo.contracts.moved_inputs import MovedInput
from zoo.execution.devices import own_device
from zoo.pipeline.content_store.inputs import SentInput, fetch_inputs
from zoo.pipeline.content_store.steps import fetch_step, has_step, send_step
from zoo.pipeline.content_store.store import ContentStore, open_store
from zoo.pipeline.executors.order import (
    OrderAnswer,
    OrderedPlan,
    OrderText,
    StepOrigin,
    refusal_of,
)
from zoo.pipeline.executors.planned import steps_of
from zoo.pipeline.performer import StepPerformer
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.bench import PlacedStep, StepDevice
from zoo.pipeline.steps.step import FinishedStep, Step, StepId
from zoo.registry import Registry, load_registry

_PLANNING = threading.Lock()
#: Seconds between two looks at whether another process has ended the same step.
_LOOK = 0.2


class Refused(EnvironmentFailed):
    """An order that this worker cannot carry out."""


def perform(order: OrderText, emit: OnEvent, children: Children) -> OrderAnswer:
    """Performs an order, or finds its step performed.

    Args:
        order: What is to be done.
        emit: Receives progress events.
        children: Registers its child processes, so that it can be cancelled.
    """
    try:
        return _perform(order, emit, children)
    except ZooError as error:
        if children.stopping:
            return OrderAnswer(stopped=True, worker=platform.node())
        return OrderAnswer(refusal=refusal_of(error), worker=platform.node())


def _perform(order: OrderText, emit: OnEvent, children: Children) -> OrderAnswer:
    own = version_of("edgezoo")
    if order.version != own:
        raise Refused(
            f"this worker has edgezoo {own}, and the command has {order.version}",
            why="a step is performed by the same version that plans it",
            fix=f'on the worker: pip install "edgezoo=={order.version}", and start it again',
        )
    cache, artifacts = step_cache(), OrderedPlan.read(order.plan).artifacts
    mark = cache_folder() / "executors" / order.mark
    if not artifacts and not mark.is_file():
        raise Refused(
            f"the worker on {platform.node()} has another cache folder than the command",
            why=f"its own is {cache_folder()}, and no store for results was named",
            fix="name one that both reach: --artifacts FOLDER or URL",
        )
    store = _checked_store(artifacts) if artifacts else None
    step = _step(order)
    performer = StepPerformer(
        cache=cache,
        store=None,
        run=order.run,
        on_step=lambda _, event: emit(event),
        retry=order.retry,
        children=children,
        keeps_samples=True,
    )
    _take_earlier(order, step, performer, store)
    with _alone(step.key, children):
        finished = performer.kept(step)
        if finished is None and store is not None and fetch_step(store, cache, step.key):
            finished = performer.kept(step)
        cached = finished is not None
        if finished is None:
            finished = performer.perform(step)
            if finished.passed and hasattr(step, "checkpoints"):
                shutil.rmtree(step.checkpoints / step.key, ignore_errors=True)
        if store is not None:
            key = step.key if finished.judged else step.failure_key
            if key and (cache.folder / key).is_dir() and not has_step(store, key):
                send_step(store, cache, key)
    if children.stopping and not finished.judged:
        return OrderAnswer(stopped=True, worker=platform.node())
    return OrderAnswer(
        record=finished.record,
        samples=base64.b64encode(cache.samples(step.key) or b"").decode(),
        memory_bytes=performer.memory_of(step),
        cached=cached,
        worker=platform.node(),
    )


@lru_cache(maxsize=32)
def _checked_store(url: str) -> ContentStore:
    """The store of the command; a worker must be able to write there what it has worked for."""
    store = open_store(url)
    store.check(known=True)
    return store


def _step(order: OrderText) -> Step[Any]:
    """The ordered step, whose key must be the ordered one.

    Raises:
        ZooError: The recipe cannot be followed here, or makes another key.
    """
    step = _placed(order)
    if step is not None and step.key != order.id:
        # What the plan was made from, or the device, may have changed since.
        _planned.cache_clear()
        _own_place.cache_clear()
        step = _placed(order)
    if step is None:
        raise Refused(f"the plan of this worker has no step {str(order.step)!r}", fix=_SAME)
    if isinstance(step, PlacedStep) and step.place.problem is not None:
        raise step.place.problem
    if step.key != order.id:
        raise Refused(
            f"{step.name} is another step on {platform.node()} than at the command",
            why=order.origin.differences(StepOrigin.of(step)),
            fix=_SAME,
        )
    return step


_SAME = "install the same edgezoo, plugins and libraries on both machines, and use the same data"


def _placed(order: OrderText) -> Step[Any] | None:
    """The step of the order's plan, on the device that this machine reaches."""
    with _PLANNING:  # orders that come together have one plan, which takes a while
        step = _planned(order.plan).get(order.step)
    # A plan without names of devices has this machine already, and not as one that is announced.
    if isinstance(step, PlacedStep) and step.place.device.machine and step.planned is not None:
        return replace(step, place=_own_place(order.device, step.planned.registry))
    return step


@lru_cache(maxsize=256)
def _own_place(device: str, registry: Registry) -> StepDevice:
    """A device of this machine, asked once for each plan, which has a registry of its own."""
    return StepDevice.of(own_device(registry, device))


@lru_cache(maxsize=8)
def _planned(text: str) -> dict[StepId, Step[Any]]:
    plan = OrderedPlan.read(text)
    moved: tuple[MovedInput, ...] = ()
    if plan.artifacts:
        sent = [SentInput(**one) for one in plan.inputs]
        moved = fetch_inputs(_checked_store(plan.artifacts), sent)
    registry = load_registry(replace(plan.plugins, moved=moved))
    registry.announced = {device.name: device for device in plan.devices}
    return {step.id: step for step in steps_of(plan.steps, registry)}


def _take_earlier(
    order: OrderText, step: Step[Any], performer: StepPerformer, store: ContentStore | None
) -> None:
    """Finds the results of the steps that were done before.

    Raises:
        Refused: One is not here.
    """
    told = {earlier.id: earlier for earlier in order.earlier}
    for other in step.waits_for:
        earlier = told[other.id]
        if earlier.record is not None:
            found = FinishedStep[Any](record=earlier.record, folder=performer.cache.folder)
        else:
            kept = performer.kept(other)
            if kept is None and store is not None and fetch_step(store, performer.cache, other.key):
                kept = performer.kept(other)
            if kept is None:
                raise Refused(
                    f"the results of {other.name} are not on {platform.node()}",
                    why="they were removed from the cache during the run",
                    fix="type the command again: what is missing is made anew",
                )
            found = kept
        performer.finished[other.id] = found


@contextlib.contextmanager
def _alone(key: str, children: Children) -> Iterator[None]:
    """Waits while another process of this cache performs the same step; its result then counts."""
    path = cache_folder() / "locks" / f"step-{key[:32]}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (lock := _try_lock(path)) is None:
            if children.stopping:
                raise Refused("the order was cancelled")
            time.sleep(_LOOK)
    except OSError as error:
        raise cannot_write(path, error) from error
    with lock:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is held


def _try_lock(path: Path) -> IO[str] | None:
    """The file, held by this process; None where another one holds it, or had it and removed it."""
    lock = path.open("w")
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
            return lock
    lock.close()
    return None
