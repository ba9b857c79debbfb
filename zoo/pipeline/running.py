"""What pipelines of this machine are doing now, for whoever shows it: a small file for each."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common import processes
from zoo.common.clock import utc_now
from zoo.common.paths import cache_folder
from zoo.common.progress import Event, OnStep

#: Seconds between two writes for progress within a step; its beginning and end are written at once.
_PAUSE = 1.0
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

    What cannot be written is left out: it is for show.
    """

    run: str
    store: str
    on_step: OnStep
    _since: str = field(default_factory=utc_now)
    _began: float = field(default_factory=processes.began)
    _steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ended: int = 0
    _written: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _name: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}.json")

    def __call__(self, step: str, event: Event) -> None:
        """Receives an event."""
        self.on_step(step, event)
        kind = event.get("event")
        with self._lock:
            if kind == "start":
                self._steps[step] = {"step": step, "since": utc_now()}
            elif kind == "end":
                self._ended += 1
                self._steps.pop(step, None)
            elif kind == "progress" and step in self._steps:
                self._steps[step] |= {n: int(event.get(n) or 0) for n in ("done", "total")}
                if time.monotonic() - self._written < _PAUSE:
                    return
            else:
                return
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        told = {
            "run": self.run,
            "store": self.store,
            "pid": os.getpid(),
            "began": self._began,
            "since": self._since,
            "ended": self._ended,
            "steps": list(self._steps.values()),
        }
        with contextlib.suppress(OSError):
            folder = _folder()
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{self._name}.part"  # which nobody reads
            partial.write_text(json.dumps(told), encoding="utf-8")
            partial.replace(folder / self._name)

    def close(self) -> None:
        """Removes the file."""
        with contextlib.suppress(OSError):
            (_folder() / self._name).unlink(missing_ok=True)


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
