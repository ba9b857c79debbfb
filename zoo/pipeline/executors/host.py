"""On a worker: the processes in which orders are performed, one for each order or a device's.

A step may end the process that performs it. The worker, and what else it performs, go on. A process
that is idle performs the next order of whichever command, so that TensorFlow is not imported anew
for each; but not once code was changed.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.common.crashes import crash_error, oom_kills
from zoo.common.errors import ProcessFailed
from zoo.common.progress import OnEvent
from zoo.pipeline.executors.order import OrderAnswer, OrderHead, refusal_of

#: What each process runs.
CHILD = ("-m", "zoo.pipeline.executors.child")
#: Processes may wait so many seconds for the next order.
_IDLE = 120.0
#: How often an order is tried whose process ends.
_TRIES = 2


class OrderHost:
    """Performs orders in processes of their own, which those of a working folder share in turn."""

    def __init__(self) -> None:
        self._free: list[_Process] = []
        self._busy: dict[str, _Process] = {}
        self._shared: dict[tuple[str, str], _Process] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._tidy, daemon=True, name="zoo-orders").start()

    def perform(self, text: str, emit: OnEvent) -> str:
        """Performs an order; returns the answer as text.

        An order whose process ends is tried once more, in a process that nothing else shares.
        """
        order = OrderHead.head(text)
        deaths: list[ProcessFailed] = []
        try:
            while len(deaths) < _TRIES:
                # Measurements on devices do little here, and many go on side by side.
                process = self._take(order, shared=bool(order.device) and not deaths)
                try:
                    if (answer := process.perform(order, text, emit)) is not None:
                        return answer
                except ProcessFailed as error:
                    deaths.append(error)
                finally:
                    self._give_back(order, process)
                if order.id in self._cancelled:
                    return OrderAnswer(stopped=True).text()
        finally:
            self._cancelled.discard(order.id)
        last = deaths[-1]
        last.why = f"its process ended twice; {last.why or ''}".rstrip("; ")
        return OrderAnswer(refusal=refusal_of(last)).text()

    def cancel(self, id: str) -> None:
        """Ends an order that is being performed, with all of its processes."""
        with self._lock:
            process = self._busy.get(id)
            if process is not None:
                self._cancelled.add(id)
        if process is not None:
            process.cancel(id)

    def close(self) -> None:
        """Ends all processes."""
        with self._lock:
            self._closed = True
            ended = [*self._free, *self._busy.values(), *self._shared.values()]
        for process in ended:
            process.close()

    def _take(self, order: OrderHead, shared: bool) -> _Process:
        place, unfit = (order.session, order.folder), list[_Process]()
        with self._lock:
            process = self._shared.get(place) if shared else None
            if process is not None and process.ended:
                process = None
            fitting = [p for p in self._free if p.folder == order.folder and not p.ended]
            if process is None and fitting:
                process = fitting[-1]
                self._free.remove(process)
            if process is None:
                unfit, self._free = self._free, unfit
                process = _Process(order.folder)
            if shared:
                self._shared[place] = process
            process.orders += 1
            self._busy[order.id] = process
        for other in unfit:  # idle in other folders, where each holds TensorFlow in memory
            other.close()
        return process

    def _give_back(self, order: OrderHead, process: _Process) -> None:
        with self._lock:
            self._busy.pop(order.id, None)
            process.orders -= 1
            process.since = time.monotonic()
            if process.orders == 0:
                self._shared = {k: p for k, p in self._shared.items() if p is not process}
                if process.ended:
                    process.close()
                elif process not in self._free:
                    self._free.append(process)

    def _tidy(self) -> None:
        while not self._closed:
            time.sleep(_IDLE / 10)
            now = time.monotonic()
            with self._lock:
                old = [p for p in self._free if p.ended or now - p.since > _IDLE]
                self._free = [p for p in self._free if p not in old]
            for process in old:
                process.close()


class _Process:
    """One process that performs orders of one working folder; it ends when its input does."""

    def __init__(self, folder: str) -> None:
        self.folder, self._outdated = folder, False
        self.orders, self.since = 0, time.monotonic()
        self._log = tempfile.NamedTemporaryFile(prefix="zoo-order-", suffix=".log")  # noqa: SIM115
        self._killed_before = oom_kills()
        there = bool(folder) and Path(folder).is_dir()
        # -P: what lies in the working folder must not be imported in the place of a library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", *CHILD, str(time.time())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=folder if there else None,
            start_new_session=True,  # a Ctrl-C at the worker is the worker's to handle
            text=True,
            encoding="utf-8",
        )
        self._waiting: dict[str, queue.Queue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True, name="zoo-order").start()

    @property
    def ended(self) -> bool:
        """Whether it performs no further order."""
        return self._outdated or self._process.poll() is not None

    def perform(self, order: OrderHead, text: str, emit: OnEvent) -> str | None:
        """Returns the answer; None where code was changed since it began, and nothing was done."""
        told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        with self._lock:
            self._waiting[order.id] = told
        try:
            self._send({"order": text})
            while True:
                message = told.get()
                if message is None:
                    raise self._death(order)
                if "answer" in message:
                    return str(message["answer"])
                if "outdated" in message:
                    self._outdated = True
                    return None
                emit(message["event"])
        finally:
            with self._lock:
                self._waiting.pop(order.id, None)

    def cancel(self, id: str) -> None:
        with suppress(ProcessFailed):
            self._send({"cancel": id})

    def close(self) -> None:
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(OSError, ValueError):  # its end is told by what reads from it
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            with self._lock:
                told = self._waiting.get(message["id"])
            if told is not None:
                told.put(message)
        self._process.wait()
        with self._lock:
            waiting = list(self._waiting.values())
        for told in waiting:
            told.put(None)

    def _death(self, order: OrderHead) -> ProcessFailed:
        return crash_error(
            self._process.returncode,
            Path(self._log.name),
            str(order.step),
            memory=None,
            killed_before=self._killed_before,
        )
