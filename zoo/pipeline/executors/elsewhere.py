"""Steps of a plan that workers of an executor perform: which, how many at once, and what comes."""

from __future__ import annotations

import base64
import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ProcessFailed, UsageError, ZooError
from zoo.common.progress import Event
from zoo.common.versions import version_of
from zoo.common.worker import RemoteFailure
from zoo.contracts.executor import ExecutorLost, ExecutorWorker, StepOrder
from zoo.pipeline.content_store.steps import fetch_step, has_step, send_step
from zoo.pipeline.executors.connection import Connection, forget
from zoo.pipeline.executors.fitting import installed_plugins, refuse_without_plugins
from zoo.pipeline.executors.order import (
    EarlierStep,
    OrderAnswer,
    OrderedPlan,
    OrderText,
    StepOrigin,
    absolute_plugins,
)
from zoo.pipeline.executors.planned import devices_of, inputs_of
from zoo.pipeline.steps.bench import PlacedStep
from zoo.pipeline.steps.step import Step

if TYPE_CHECKING:
    from zoo.pipeline.performer import StepPerformer
    from zoo.registry import Registry
    from zoo.results.records import StepRecord

#: Orders that one command has with its executor at a time, however many workers there are.
_MOST = 256
#: Seconds after which the list of workers is asked for again.
_FRESH = 5.0


class Elsewhere:
    """The part of a plan's execution that workers of an executor do.

    Args:
        connection: To the executor.
        registry: What the plan's steps were made with.
        plugins: Distributions whose plugins the plan uses, with their versions.
    """

    most = _MOST

    def __init__(
        self, connection: Connection, registry: Registry, plugins: Mapping[str, str]
    ) -> None:
        self._connection, self._registry, self._plugins = connection, registry, plugins
        self._devices: set[str] = set()
        self._others = 0
        self._sent: set[str] = set()
        self._plans: dict[str, str] = {}
        self._sending = threading.Lock()
        self._asked = float("-inf")
        self._workers: Sequence[ExecutorWorker] = ()

    @classmethod
    def of(cls, plan: Sequence[Step[Any]]) -> Elsewhere | None:
        """For the steps of a plan; None where this machine performs them all."""
        for step in plan:
            if step.planned is not None:
                registry = step.planned.registry
                if registry.executor is None:
                    return None
                used = installed_plugins(plugin for one in plan for plugin in one.plugins)
                return cls(registry.executor, registry, used)
        return None

    def takes(self, step: Step[Any]) -> bool:
        """Whether a worker performs the step, and not this machine.

        This machine times files on devices that no worker announces: they hang on it.
        """
        if isinstance(step, PlacedStep):
            return self._device(step) in self._registry.announced
        return step.planned is not None

    def starts(self, step: Step[Any]) -> bool:
        """Whether there is a worker or device free for a step, which is then taken."""
        device = self._device(step)
        if device:
            # One at a time: what waits at a worker for a device keeps other devices waiting there.
            if device in self._devices:
                return False
            self._devices.add(device)
            return True
        if self._others >= max(1, sum(worker.jobs for worker in self._known())):
            return False
        self._others += 1
        return True

    def ended(self, step: Step[Any]) -> None:
        """Frees what a step had taken; steps of this machine took nothing."""
        if not self.takes(step):
            return
        device = self._device(step)
        if device:
            self._devices.discard(device)
        else:
            self._others -= 1

    def perform(self, step: Step[Any], performer: StepPerformer) -> StepRecord:
        """Has a worker perform a step; its results are in the cache then, unless it failed.

        Raises:
            ExecutorLost: The engine does not answer any more.
            ZooError: No worker can perform it.
        """
        self._refuse_unlabelled(step)
        if self._plugins:
            refuse_without_plugins(self._known(), self._plugins, self._connection.shown)
        order = self._order(step, performer)
        store, cache = self._connection.store, performer.cache
        driver = self._connection.driver

        def told(event: Event) -> None:
            if event["event"] == "memory":
                performer.note_memory(step, event["bytes"])
            else:
                performer.on_step(step.name, event)

        while True:
            try:
                with performer.children.registered(lambda: driver.cancel(order)):
                    answer = OrderAnswer.read(driver.perform(order, told))
            except ExecutorLost:
                forget(self._connection)
                raise
            if not answer.stopped:
                break
            if performer.children.stopping:
                raise ProcessFailed(f"{step.name} was stopped", why="the command ended it")
            # Another command had ordered the same step first, and was ended.
            time.sleep(0.1)
        record = self._taken(answer, step, performer)
        key = step.failure_key if record.status == "failed" else step.key
        if store is not None and key and not (cache.folder / key).is_dir():
            fetch_step(store, cache, key)
        return record

    def _taken(self, answer: OrderAnswer, step: Step[Any], performer: StepPerformer) -> StepRecord:
        if answer.refusal is not None or answer.record is None:
            told = answer.refusal or {}
            what = told.get("what") or f"{step.name} came without a result"
            raise RemoteFailure(
                what=self._there(answer, step, what),
                why=told.get("why"),
                fix=told.get("fix"),
                kind=told.get("type") or "",
                exit_code=1,
                details="",
            ).error()
        performer.note_memory(step, answer.memory_bytes)
        record = answer.record
        if record.status == "failed":
            return replace(record, reason=self._there(answer, step, record.reason))
        if performer.cache.samples(step.key) is None:
            performer.cache.keep_samples(step.key, base64.b64decode(answer.samples))
        return record

    def _there(self, answer: OrderAnswer, step: Step[Any], reason: str) -> str:
        """With the device and its worker, and the machine, whose paths it names."""
        if device := self._device(step):
            reason = f"{self._connection.place_of(device)}: {reason}"
        other = answer.worker and answer.worker != platform.node()
        return f"on {answer.worker}: {reason}" if other and answer.worker not in reason else reason

    def _order(self, step: Step[Any], performer: StepPerformer) -> StepOrder:
        assert step.planned is not None
        device, earlier = self._device(step), []
        for other in step.waits_for:
            record = performer.finished.of(other).record
            kept = record.status in ("passed", "rejected")
            if kept:
                self._send(other.key, performer)
            earlier.append(EarlierStep(id=other.id, record=None if kept else record))
        version = str(version_of("edgezoo"))
        text = OrderText(
            id=step.key,
            session=self._connection.session,
            version=version,
            plan=self._plan(step.planned.text),
            folder=_folder(),
            step=step.id,
            origin=StepOrigin.of(step),
            earlier=tuple(earlier),
            device=device,
            mark=self._connection.mark().name,
            retry=performer.retry,
            run=performer.run,
        ).text()
        return StepOrder(
            id=step.key,
            name=step.name,
            text=text,
            version=version,
            plugins=self._plugins,
            device=device,
            alone=isinstance(step, PlacedStep) and not step.place.device.kind.remote,
            label=step.worker_label,
        )

    def _refuse_unlabelled(self, step: Step[Any]) -> None:
        """Refuses a step that would wait for a worker which none is.

        Raises:
            ZooError: No worker has the label; tells those that workers have.
        """
        label, workers = step.worker_label, self._connection.workers() if step.worker_label else []
        if label and not any(label in worker.labels for worker in workers):
            there = (f"{w.name} has {', '.join(w.labels) or 'none'}" for w in workers)
            raise UsageError(
                f"no worker of {self._connection.shown} has the label {label!r}",
                why=f"{step.name} asks for one; labels: {'; '.join(there)}",
                fix=f"start one where a {label} is: zoo worker --join {self._connection.shown} "
                f"--label {label}; or leave out --accelerators",
            )

    def _send(self, key: str, performer: StepPerformer) -> None:
        """Puts the results of a step into the store, where the worker looks for them."""
        store = self._connection.store
        if store is not None and key not in self._sent:
            if not has_step(store, key):
                send_step(store, performer.cache, key)
            self._sent.add(key)

    def _plan(self, planned: str) -> str:
        """What all orders of a plan share; its data and weights are in the store then."""
        registry, store = self._registry, self._connection.store
        with self._sending:
            if planned not in self._plans:
                asked, there = self._connection.asked, registry.announced
                self._plans[planned] = OrderedPlan(
                    steps=planned,
                    plugins=absolute_plugins(registry.settings),
                    devices=tuple(there[name] for name in devices_of(planned) if name in there),
                    artifacts="" if store is None else store.url,
                    inputs=() if store is None else inputs_of(planned, registry, store, asked),
                ).text()
            return self._plans[planned]

    def _device(self, step: Step[Any]) -> str:
        return step.place.device.name if isinstance(step, PlacedStep) else ""

    def _known(self) -> Sequence[ExecutorWorker]:
        if time.monotonic() - self._asked > _FRESH:
            try:
                self._workers = self._connection.workers()
            except ExecutorLost:
                raise
            except ZooError:
                self._workers = ()  # all are gone; those that come again are waited for
            self._asked = time.monotonic()
        return self._workers


def _folder() -> str:
    try:
        return os.fspath(Path.cwd())
    except FileNotFoundError:  # removed under our feet
        return ""
