"""What steps took when they were last done: seconds, and memory of their worker processes."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.common.files import write_text
from zoo.pipeline.steps.step import Step

FILE = "costs.json"
#: Entries that are kept, the latest ones.
_MOST = 1000
#: The file is written no more often: small steps end a hundred times in that time.
_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """What one step took.

    Attributes:
        memory_bytes: At most, by the largest of its workers, beyond what all workers share; 0 where
            it had none.
    """

    seconds: float
    memory_bytes: int = 0


class StepCosts:
    """A file of costs by network and step. One that is gone or damaged is an empty one.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._read_before: dict[str, StepCost] | None = None
        self._unwritten: dict[str, StepCost] = {}
        self._written = -math.inf

    def of(self, step: Step[Any]) -> StepCost | None:
        """What a step took when it was last done with other parameters, data or code."""
        name = _name(step)
        if self._read_before is None:
            self._read_before = self._read()
        return self._unwritten.get(name) or self._read_before.get(name)

    def note(self, step: Step[Any], cost: StepCost) -> None:
        """Keeps what a step took: on the disk now and then, for the rest see `write`."""
        with self._lock:
            self._unwritten[_name(step)] = cost
        if time.monotonic() - self._written >= _SECONDS:
            self.write()

    def write(self) -> None:
        """Writes what was noted since; costs that cannot be written are no failure."""
        with self._lock:
            if not self._unwritten:
                return
            known = self._read()  # other processes write, too
            for name in self._unwritten:
                known.pop(name, None)
            known, self._unwritten = {**known, **self._unwritten}, {}
            self._read_before = known
            latest = [*known.items()][-_MOST:]
            plain = {
                name: {"seconds": one.seconds, "memory_bytes": one.memory_bytes}
                for name, one in latest
            }
            self._written = time.monotonic()
            with contextlib.suppress(OSError):
                write_text(self._path, json.dumps(plain))

    def _read(self) -> dict[str, StepCost]:
        try:
            return _COSTS.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}


_COSTS = TypeAdapter(dict[str, StepCost])


def _name(step: Step[Any]) -> str:
    return f"{step.subject} {step.name}".strip()
