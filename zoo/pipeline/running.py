"""What pipelines of this machine are doing now, for whoever shows it: a small file for each."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from zoo.common import processes
from zoo.common.clock import utc_now
from zoo.common.paths import cache_folder
from zoo.common.progress import Event, OnStep

#: Seconds between two writes of a plan's file, at least: many small steps end in that time.
_PAUSE = 0.5
#: Bytes of such a file, at most; a longer one is none.
_MOST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RunningStep:
    """A step that is performed.

    Attributes:
        since: ISO 8601, UTC.
        done: How much of it, where that is counted, of `total`.
    """

    step: str
    since: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class RunningPlan:
    """A plan that a process of this machine executes.

    Attributes:
        store: Name of its results store.
        ended: How many of its steps have ended.
    """

    run: str
    store: str
    pid: int
    since: str
    ended: int = 0
    steps: tuple[RunningStep, ...] = ()


def _folder() -> Path:
    return cache_folder() / "running"


@dataclass(kw_only=True)
class RunningSteps:
    """A listener to the steps of a plan, which hands events on and keeps the plan's file.

    The file is written at the first event and then now and then, by a thread of its own where
    something has changed since. What cannot be written is left out: it is for show.
    """

    run: str
    store: str
    on_step: OnStep
    _since: str = field(default_factory=utc_now)
    _began: float = field(default_factory=processes.began)
    _steps: dict[str, RunningStep] = field(default_factory=dict)
    _ended: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _writer: threading.Thread | None = None
    _path: Path = field(
        default_factory=lambda: _folder() / f"{os.getpid()}-{secrets.token_hex(4)}.json"
    )

    def __call__(self, step: str, event: Event) -> None:
        """Receives an event."""
        self.on_step(step, event)
        kind = event.get("event")
        with self._lock:
            if kind == "start":
                self._steps[step] = RunningStep(step=step, since=utc_now())
            elif kind == "end":
                self._ended += 1
                self._steps.pop(step, None)
            elif kind == "progress" and step in self._steps:
                done, total = (int(event.get(n) or 0) for n in ("done", "total"))
                self._steps[step] = replace(self._steps[step], done=done, total=total)
            else:
                return
            if self._writer is None and not self._closed.is_set():
                self._writer = threading.Thread(
                    target=self._write_changes, daemon=True, name="zoo-running"
                )
                self._writer.start()
        self._changed.set()

    def _write_changes(self) -> None:
        while True:
            self._changed.wait()
            if self._closed.is_set():
                return
            self._changed.clear()
            self._write()
            self._closed.wait(_PAUSE)

    def _write(self) -> None:
        with self._lock:
            steps, ended = tuple(self._steps.values()), self._ended
        plan = RunningPlan(
            run=self.run,
            store=self.store,
            pid=os.getpid(),
            since=self._since,
            ended=ended,
            steps=steps,
        )
        partial = self._path.with_name(f".{self._path.name}.part")  # which nobody reads
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps({**asdict(plan), "began": self._began}), encoding="utf-8")
            partial.replace(self._path)

    def close(self) -> None:
        """Removes the file."""
        self._closed.set()
        self._changed.set()
        if self._writer is not None:
            self._writer.join()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def running_plans(store: str | None = None) -> tuple[RunningPlan, ...]:
    """What living processes of this machine execute, the oldest first.

    Args:
        store: Name of a results store; None for those of all.
    """
    found = []
    with contextlib.suppress(OSError):
        for path in _folder().glob("*.json"):
            plan = _read(path)
            if plan is not None and store in (None, plan.store):
                found.append(plan)
    return tuple(sorted(found, key=lambda plan: (plan.since, plan.run)))


def _read(path: Path) -> RunningPlan | None:
    """A plan; None of a file that is none, and of one whose process has ended, which is removed."""
    try:
        if path.stat().st_size > _MOST:
            return None
        told = json.loads(path.read_text(encoding="utf-8"))
        began = float(told["began"])
        plan = RunningPlan(
            run=str(told["run"]),
            store=str(told["store"]),
            pid=int(told["pid"]),
            since=str(told["since"]),
            ended=int(told["ended"]),
            steps=tuple(
                RunningStep(
                    step=str(one["step"]),
                    since=str(one["since"]),
                    done=int(one.get("done", 0)),
                    total=int(one.get("total", 0)),
                )
                for one in told["steps"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if processes.still_runs(plan.pid, began):
        return plan
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return None
