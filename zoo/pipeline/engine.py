"""Running a plan: steps in order of their needs, side by side, each ending as a record.

A finished step is kept under its key in a `StepCache`. The same plan again finds every result
there; a plan that differs in one parameter redoes only what depends on it. A run that was killed
goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
import time
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zoo.common.clock import utc_now
from zoo.common.errors import BadFile, NativeCrash, Unsupported, ZooError
from zoo.common.files import cannot_write
from zoo.common.memory import available_memory
from zoo.common.progress import Event, OnStep
from zoo.common.worker import Children, flatten
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.step_costs import StepCost, StepCosts
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Step, StepContext, StepId
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

_log = logging.getLogger(__name__)

#: What an operating system says when a file may not or cannot be written.
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
#: Failures that the same work would end in again, whatever the hour and the machine's load.
_LASTING = (NativeCrash, Unsupported)


@dataclass(kw_only=True)
class Pipeline:
    """Executes plans.

    Attributes:
        store: Gets every new record; None records nothing.
        retry: Whether to try again what failed before and would fail again.
    """

    cache: StepCache
    store: Store | None
    run: str
    on_step: OnStep
    workers: int = 2
    retry: bool = False
    children: Children = field(default_factory=Children)
    finished: FinishedSteps = field(default_factory=FinishedSteps)
    _memory: dict[StepId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._costs = StepCosts(self.cache.folder)

    def execute(self, plan: Sequence[Step[Any]]) -> list[StepRecord]:
        """Runs every step of `plan`; returns one record each, in the plan's order.

        Raises:
            KeyboardInterrupt: After ending all children; finished steps are kept.
            ValueError: A step needs one that the plan lacks, or steps need each other.
        """
        self.cache.sweep()
        pool = ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="zoo-step")
        running: dict[Future[FinishedStep[Any]], Step[Any]] = {}
        waiting = list(plan)
        try:
            while waiting or running:
                before = len(waiting)
                self._start_ready(waiting, running, pool)
                if not running:
                    if len(waiting) == before:
                        raise ValueError(f"these steps can never start: {_names(waiting)}")
                    continue
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    step = running.pop(future)
                    self._keep(step, future.result())
        finally:
            self.children.stop_all()
            pool.shutdown(wait=True, cancel_futures=True)
        return [self.finished.of(step).record for step in plan]

    def _start_ready(
        self,
        waiting: list[Step[Any]],
        running: dict[Future[FinishedStep[Any]], Step[Any]],
        pool: ThreadPoolExecutor,
    ) -> None:
        for step in sorted(waiting, key=lambda step: -step.early):
            if any(other.id not in self.finished for other in step.waits_for):
                continue
            skipped = self._skipped(step)
            if skipped is not None:
                waiting.remove(step)
                self._keep(step, skipped)
                continue
            cached = self._cached(step)
            if cached is not None:
                waiting.remove(step)
                self._keep(step, cached)
                continue
            alone = any(s.exclusive for s in running.values())
            if alone or len(running) >= self.workers or (step.exclusive and running):
                continue
            if step.exclusive and any(not s.exclusive for s in waiting if s is not step):
                continue  # measure last, when nothing else is left to disturb it
            if running and not self._fits(step, running.values()):
                continue
            waiting.remove(step)
            _log.info("%s starts", step.name)
            _log.debug("%s has the key %s", step.name, step.key)
            started: Event = {"event": "start", "kind": step.id.kind}
            if (usual := self._costs.of(step)) is not None:
                started["usual_seconds"] = usual.seconds
            self.on_step(step.name, started)
            running[pool.submit(self._perform, step)] = step

    def _fits(self, step: Step[Any], running: Collection[Step[Any]]) -> bool:
        """Whether there is memory now for another step beside those that run."""
        # Those may have only begun to take theirs.
        return sum(map(self._expected_memory, (step, *running))) <= available_memory()

    def _expected_memory(self, step: Step[Any]) -> int:
        """Bytes as the step took when it was last done; else the most that one took in this run."""
        usual = self._costs.of(step)
        return max(self._memory.values(), default=0) if usual is None else usual.memory_bytes

    def _perform(self, step: Step[Any]) -> FinishedStep[Any]:
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
            on_memory=lambda most: self._note_memory(step, most),
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
            cost = StepCost(seconds=record.seconds, memory_bytes=self._memory.get(step.id, 0))
            self._costs.note(step, cost)
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

    def _note_memory(self, step: Step[Any], most: int) -> None:
        self._memory[step.id] = max(most, self._memory.get(step.id, 0))

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
            result={**error.as_dict(), "exit_code": error.exit_code, "details": details},
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

    def _skipped(self, step: Step[Any]) -> FinishedStep[Any] | None:
        """The end of a step that cannot or need not begin; None for one that shall."""
        ended = ((other, self.finished.of(other).record) for other in step.needs)
        blocked = [(other.name, record) for other, record in ended if record.status != "passed"]
        needless = step.needless(self._before(step))
        for _, record in blocked:
            if record.needless:
                needless = needless or record.reason
        if not blocked and not needless:
            return None
        reason = needless or f"{blocked[0][0]!r} was {blocked[0][1].status}"
        record = StepRecord(
            step=step.name,
            kind=step.id.kind,
            key=step.key,
            status="skipped",
            reason=reason,
            created=utc_now(),
            needless=bool(needless),
        )
        return FinishedStep(record=record, folder=self.cache.folder)

    def _cached(self, step: Step[Any]) -> FinishedStep[Any] | None:
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
            record=replace(record, cached=True), folder=self.cache.folder / key, value=value
        )

    def _keep(self, step: Step[Any], finished: FinishedStep[Any]) -> None:
        self.finished[step.id] = finished
        record = finished.record
        taken = "kept from before" if record.cached else f"{record.seconds:.1f} s"
        _log.info("%s: %s, %s", step.name, record.status, record.reason or taken)
        self.on_step(
            step.name,
            {
                "event": "end",
                "status": record.status,
                "reason": record.reason,
                "seconds": record.seconds,
                "cached": record.cached,
            },
        )


def _names(steps: Sequence[Step[Any]]) -> str:
    return ", ".join(repr(step.name) for step in steps)


@lru_cache
def _adapter(result_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(result_type)
