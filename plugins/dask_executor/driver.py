"""Orders to Dask workers, and their answers."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.common.errors import ProcessFailed, ZooError, first_line
from zoo.common.optional_imports import require
from zoo.common.progress import OnEvent
from zoo.common.timeouts import with_timeout
from zoo.contracts.executor import (
    ExecutorDriver,
    ExecutorLost,
    ExecutorWorker,
    StepOrder,
)
from zoo.pipeline.executors.order import OrderAnswer

from .configuration import ANNOUNCED, TOPIC
from .connection import connect
from .resources import fitting, resources_of, worker_of
from .tasks import cancel_order, perform_order, unfinished_orders

#: Seconds between two looks at whether the scheduler, and a worker that fits, are there.
_LOOK = 5.0
#: Tries of an order whose workers die, with nothing beside it, until one has begun.
_ALONE = 5
#: Seconds without an answer after which a scheduler is lost: it hangs, or the network is cut.
_TIMEOUT = 60.0
#: Looks without any worker after which an order is given up.
_LOOKS = 24


class DaskDriver(ExecutorDriver):
    """A client of one scheduler."""

    def __init__(self, address: str, tls: Path | None = None) -> None:
        super().__init__(address, tls)
        self._client: Any = None
        self._listeners: dict[str, OnEvent] = {}
        self._cancelled: set[str] = set()
        self._begun: Counter[str] = Counter()
        self._answers: dict[str, str] = {}
        self._given: dict[str, tuple[Any, Any]] = {}
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._teller: threading.Thread | None = None
        self._there: Sequence[ExecutorWorker] = ()
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def connect(self) -> None:
        """Connects, and listens."""
        self._client = connect(self.address, self.tls)
        self._client.subscribe_topic(TOPIC, self._hear)
        # Listeners may cancel orders, which waits for the thread that the events arrive in.
        self._teller = threading.Thread(target=self._tell, daemon=True, name="zoo-dask-events")
        self._teller.start()

    def workers(self) -> Sequence[ExecutorWorker]:
        """Those that announced themselves; other Dask workers get no step."""
        try:
            found = with_timeout(_TIMEOUT, self._client.scheduler_info)["workers"].values()
        except (OSError, RuntimeError, AttributeError) as error:
            raise self._lost(error) from error
        return [worker_of(info[ANNOUNCED], info) for info in found if ANNOUNCED in info]

    def waiting(self) -> Mapping[str, int]:
        """Orders that no worker has begun."""
        try:
            known = with_timeout(_TIMEOUT, self._client.run_on_scheduler, unfinished_orders)
        except AttributeError:  # a scheduler of another edgezoo does not tell
            return {}
        except Exception as error:  # whatever the scheduler answers in its last moments
            raise self._lost(error) from error
        begun = [told.get("step", "") for worker in self.workers() for told in worker.running]
        counts = Counter(name.partition(" ")[0] for name in known)
        return dict(counts - Counter(name.partition(" ")[0] for name in begun))

    def perform(self, order: StepOrder, emit: OnEvent) -> str:
        """Submits an order under its content address, so that equal ones are one."""
        self._listeners[order.id] = emit
        try:
            future = self._ended(order, f"zoo-{order.id}")
            for attempt in range(_ALONE):
                if not self._is_cause_unclear(order, future, alone=attempt > 0):
                    break
                note = "two workers died that had it and other steps; it is tried again alone"
                emit({"event": "note", "text": note})
                alone = replace(order, alone=True)
                future = self._ended(alone, f"zoo-{order.id}-alone-{attempt}")
            return self._result(order, future)
        except (OSError, RuntimeError, AttributeError) as error:
            raise self._lost(error) from error
        finally:
            self._drain()
            self._listeners.pop(order.id, None)
            self._begun.pop(order.id, None)
            self._answers.pop(order.id, None)
            self._given.pop(order.id, None)
            self._cancelled.discard(order.id)

    def _ended(self, order: StepOrder, key: str) -> Any:
        """Submits it, and returns its future when that has ended."""
        self._begun[order.id] = 0
        # By a command that was killed: that worker goes on with it.
        begun = [w.name for w in self._seen() if order.id in {t.get("order") for t in w.running}]
        ended = threading.Event()
        with require("dask").annotate(**{ANNOUNCED: order.name}):
            future = self._client.submit(
                perform_order,
                order.text,
                key=key,
                resources=resources_of(order, self._seen),
                workers=begun or None,
                allow_other_workers=bool(begun),
                pure=True,
            )
        future.add_done_callback(lambda _: ended.set())
        self._given[order.id] = future, ended
        self._wait(order, future, ended)
        return future

    def _is_cause_unclear(self, order: StepOrder, future: Any, *, alone: bool) -> bool:
        """Whether two workers died that had the order, of which other steps may be the cause.

        Dask counts deaths for all that was given to a worker, whether it had begun or not.
        """
        if future.status != "error":
            return False
        error = future.exception()
        if type(error).__name__ != "KilledWorker":
            return False
        begun = self._begun[order.id]
        if alone:
            return not begun
        return begun < 2 or getattr(error.last_worker, "nthreads", 1) > 1

    def _wait(self, order: StepOrder, future: Any, ended: threading.Event) -> None:
        without = 0
        while not ended.wait(_LOOK):
            if self._client.status != "running":
                raise self._lost(None)
            without = 0 if fitting(order, self._seen()) else without + 1
            if without == _LOOKS:
                future.cancel()
                who = f"the worker of {order.device!r}" if order.device else "every worker"
                who += f" with the label {order.label!r}" if order.label else ""
                raise ExecutorLost(
                    f"{who} of dask://{self.address} is gone",
                    why=f"none came back within {int(_LOOK * _LOOKS)} s",
                    fix="start workers again, then the same command goes on",
                )

    def _seen(self) -> Sequence[ExecutorWorker]:
        """The workers, asked for once for all orders that wait."""
        with self._looking:
            if time.monotonic() - self._looked > _LOOK / 2:
                self._there = self.workers()
                self._looked = time.monotonic()
            return self._there

    def _result(self, order: StepOrder, future: Any) -> str:
        status = future.status
        if status not in ("finished", "error") and order.id in self._cancelled:
            return OrderAnswer(stopped=True).text()
        if status == "cancelled" or status == "lost":
            raise self._lost(None)
        if status == "error":
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                raise ProcessFailed(
                    f"{order.name} was given up: two workers died that performed it",
                    why="it may take more memory than they have, or end what it runs in",
                    fix="look at the output of the workers; the same command tries it again",
                )
            raise ZooError(
                f"{order.name} could not be performed by a worker",
                why=first_line(error),
                fix="see that edgezoo is installed there, and look at the worker's output",
            )
        return self._answers.get(order.id) or str(future.result())

    def cancel(self, order: StepOrder) -> None:
        """Drops an order that waits, and ends one that is performed."""
        self._cancelled.add(order.id)
        with suppress(Exception):  # the scheduler may be gone, and its workers with it
            with_timeout(_LOOK, self._client.run, cancel_order, order.id, on_error="ignore")
        future, ended = self._given.get(order.id, (None, None))
        if future is not None:  # no worker may have begun it, and what waits ends only so
            with suppress(Exception):
                with_timeout(_LOOK, future.cancel)
            ended.set()

    def close(self) -> None:
        """Disconnects."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # the scheduler may be gone
                client.close(timeout=2)

    def work(self, worker: ExecutorWorker, tell: Callable[[str], None]) -> None:
        """A Dask worker with a nanny, which joins again when the scheduler comes back."""
        from .worker import work

        work(self.address, self.tls, worker, tell)

    def serve(self, tell: Callable[[str], None]) -> None:
        """A Dask scheduler."""
        from .worker import serve

        serve(self.address, self.tls, tell)

    def _hear(self, event: tuple[float, Any]) -> None:
        _, message = event
        id = str(message["order"])
        if id not in self._listeners:  # of another command
            return
        if "begun" in message:
            self._begun[id] += 1
        elif "answer" in message:
            self._answers[id] = str(message["answer"])
        else:
            self._events.put((id, message["event"]))

    def _tell(self) -> None:
        while True:
            id, event = self._events.get()
            if isinstance(event, threading.Event):
                event.set()
            elif (listener := self._listeners.get(id)) is not None:
                listener(json.loads(event))

    def _drain(self) -> None:
        """Waits until the events that have arrived are told: an answer comes after them."""
        if threading.current_thread() is not self._teller:
            told = threading.Event()
            self._events.put(("", told))
            told.wait(_LOOK)

    def _lost(self, error: BaseException | None) -> ExecutorLost:
        return ExecutorLost(
            f"the connection to the Dask scheduler {self.address} is lost",
            why=None if error is None or not str(error).strip() else first_line(error),
            fix="see that it runs (zoo worker --scheduler), and that the network reaches it; then "
            "the same command goes on",
        )
