"""Doing the work of one step, which ends as a record and as an entry of the cache."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zoo.common.clock import utc_now
from zoo.common.errors import BadFile, NativeCrash, Unsupported, ZooError
from zoo.common.files import cannot_write
from zoo.common.progress import OnStep
from zoo.common.worker import Children, flatten
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.step_costs import StepCost, StepCosts
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Step, StepContext, StepId
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

#: What an operating system says when a file may not or cannot be written.
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
#: Failures that the same work would end in again, whatever the hour and the machine's load.
_LASTING = (NativeCrash, Unsupported)


@dataclass(kw_only=True)
class StepPerformer:
    """Performs single steps, given the results of those that they wait for.

    Attributes:
        store: Gets every new record; None records nothing.
        retry: Whether to try again what failed before and would fail again.
        keeps_samples: Whether raw samples stay in the cache, for the store of whoever takes the
            step from there, and notes its cost.
        finished: Steps that have ended.
    """

    cache: StepCache
    store: Store | None
    run: str
    on_step: OnStep
    retry: bool = False
    keeps_samples: bool = False
    children: Children = field(default_factory=Children)
    finished: FinishedSteps = field(default_factory=FinishedSteps)
    _memory: dict[StepId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._costs = StepCosts(self.cache.folder)

    def perform(self, step: Step[Any]) -> FinishedStep[Any]:
        """Does the work of one step on this machine, and keeps what came of it."""
        started = time.perf_counter()
        try:
            partial = self.cache.begin(step.key)
        except OSError as error:
            return self._failed(step, cannot_write(self.cache.folder, error), started)
        work = StepContext(
            folder=partial,
            before=self._before(step),
            emit=lambda event: self.on_step(step.name, event),
            children=self.children,
            on_memory=lambda most: self.note_memory(step, most),
        )
        try:
            step.check_inputs()
            outcome = step.run(work)
            record = StepRecord(
                step=step.name,
                kind=step.id.kind,
                key=step.key,
                status=outcome.status,
                reason=outcome.reason,
                seconds=time.perf_counter() - started,
                created=utc_now(),
                result=None if outcome.result is None else as_plain(outcome.result),
                replaces="" if step.replaces is None else step.replaces.name,
            )
            if self.keeps_samples:
                self.cache.keep_samples(step.key, outcome.samples)
            else:
                self.note_cost(step, record)
            finished = self._commit(step, partial, record, outcome.result)
            if self.store is not None and finished.record is record:
                self.store.append(self.run, record, outcome.samples)
            return finished
        # A plugin's task or driver may raise anything: it must cost this step alone. Signals arrive
        # in the main thread, so that an interruption here is its own doing, too.
        except BaseException as error:
            return self._failed(step, self._cause(step, error), started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def memory_of(self, step: Step[Any]) -> int:
        """Bytes that a process of the step took at most; 0 where that is unknown."""
        return self._memory.get(step.id, 0)

    def note_memory(self, step: Step[Any], most: int) -> None:
        """Keeps the bytes that a process of a step took at most."""
        self._memory[step.id] = max(most, self._memory.get(step.id, 0))

    def note_cost(self, step: Step[Any], record: StepRecord) -> None:
        """Keeps what a step took, for the plans of this machine."""
        cost = StepCost(seconds=record.seconds, memory_bytes=self.memory_of(step))
        self._costs.note(step, cost)

    def _cause(self, step: Step[Any], error: BaseException) -> ZooError:
        """Inputs that changed meanwhile explain whatever came of it."""
        try:
            step.check_inputs()
        except Exception as changed:
            return self._explain(changed)
        return self._explain(error)

    def _explain(self, error: BaseException) -> ZooError:
        if isinstance(error, ZooError):
            return error
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            folder = self.cache.folder
            culprit = Path(error.filename) if isinstance(error.filename, str) else folder
            if culprit.is_relative_to(folder):
                return cannot_write(folder, error)
        return flatten(error).error()

    def _commit(
        self, step: Step[Any], partial: Path, record: StepRecord, value: Any
    ) -> FinishedStep[Any]:
        while True:
            earlier = self._kept(step, step.key)
            if earlier is not None:
                # Another process finished the same step first, and may be reading its files now.
                return earlier
            # It may also do so between the look and the commit.
            with contextlib.suppress(FileExistsError):
                folder = self.cache.commit(partial, step.key, record)
                return FinishedStep(record=record, folder=folder, value=value)

    def _failed(self, step: Step[Any], error: ZooError, started: float) -> FinishedStep[Any]:
        details = "\n".join(getattr(error, "__notes__", ()))
        record = StepRecord(
            step=step.name,
            kind=step.id.kind,
            key=step.key,
            status="failed",
            reason=str(error),
            seconds=time.perf_counter() - started,
            created=utc_now(),
            result={
                **error.as_dict(),
                "type": flatten(error).kind,
                "exit_code": error.exit_code,
                "details": details,
            },
        )
        # The failure is what the user must see; a store that fails too must not hide it.
        if self.store is not None and not self.children.stopping:
            with contextlib.suppress(ZooError):
                self.store.append(self.run, record)
        if step.failure_key and isinstance(error, _LASTING) and not self.children.stopping:
            with contextlib.suppress(OSError):
                self.cache.keep(step.failure_key, record)
        return FinishedStep(record=record, folder=self.cache.folder)

    def _before(self, step: Step[Any]) -> FinishedSteps:
        return FinishedSteps({other.id: self.finished.of(other) for other in step.waits_for})

    def kept(self, step: Step[Any]) -> FinishedStep[Any] | None:
        """What the cache holds of a step, also a failure that would come again."""
        found = self._kept(step, step.key)
        if found is None and step.failure_key and not self.retry:
            found = self._kept(step, step.failure_key)
        return found

    def _kept(self, step: Step[Any], key: str) -> FinishedStep[Any] | None:
        value = None
        try:
            record = self.cache.load(key)
            if record is None:
                return None
            if record.result is not None and record.status != "failed":
                value = _adapter(step.result_type).validate_python(record.result)
        except (BadFile, ValueError) as error:
            why = (error.why if isinstance(error, BadFile) else None) or "the record has changed"
            self.on_step(
                step.name,
                {"event": "note", "text": f"what was kept is damaged, and made anew: {why}"},
            )
            self.cache.remove(key)
            return None
        return FinishedStep(
            record=replace(self._recorded(record), cached=True),
            folder=self.cache.folder / key,
            value=value,
        )

    def _recorded(self, record: StepRecord) -> StepRecord:
        """A record that is in the store, where one whose samples wait in the cache is put now.

        Such a one comes from a worker, whose clock may be another: it is dated by its arrival.
        """
        if self.store is None or (samples := self.cache.samples(record.key)) is None:
            return record
        content = f"{record.key} {record.step} {record.created}"
        token = hashlib.sha256(content.encode()).hexdigest()[:32]
        record = replace(record, created=utc_now())
        self.store.append(self.run, record, samples or None, token=token)
        self.cache.forget_samples(record.key)
        return record


@lru_cache
def _adapter(result_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(result_type)
