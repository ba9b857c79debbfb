"""Running a plan: steps in order of their needs, side by side, each ending as a record.

A finished step is kept under its key in a `StepCache`. The same plan again finds every result
there; a plan that differs in one parameter redoes only what depends on it. A run that was killed
goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from zoo.common.clock import utc_now
from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.common.memory import available_memory
from zoo.common.progress import Event
from zoo.contracts.executor import ExecutorLost
from zoo.pipeline.executors.elsewhere import Elsewhere
from zoo.pipeline.failures import first_failure
from zoo.pipeline.performer import StepPerformer
from zoo.pipeline.running import RunningSteps
from zoo.pipeline.steps.step import FinishedStep, Step
from zoo.pipeline.waiting_steps import Room, WaitingSteps
from zoo.results.records import StepRecord

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Pipeline(StepPerformer):
    """Executes plans.

    Attributes:
        workers: Steps side by side on this machine.
        compares: Whether the plan is of a comparison: a failure of the machine ends it with an
            error, so that nothing is counted against what was compared.
    """

    workers: int = 2
    compares: bool = False
    _elsewhere: Elsewhere | None = None

    def execute(self, plan: Sequence[Step[Any]]) -> list[StepRecord]:
        """Runs every step of `plan`; returns one record each, in the plan's order.

        Raises:
            KeyboardInterrupt: After ending all children; finished steps are kept.
            ExecutorLost: The engine that performs steps elsewhere is gone; likewise.
            EnvironmentFailed: The machine failed during a comparison; likewise.
            ValueError: A step needs one that the plan lacks, or steps need each other.
        """
        self.cache.sweep()
        announced = RunningSteps(
            run=self.run, store=self.store.name if self.store else "", on_step=self.on_step
        )
        self.on_step = announced
        self._elsewhere = Elsewhere.of(plan)
        threads = self.workers + (self._elsewhere.most if self._elsewhere else 0)
        pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="zoo-step")
        running: dict[Future[FinishedStep[Any]], Step[Any]] = {}
        waiting = WaitingSteps(plan, self.finished)
        try:
            while waiting or running:
                self._start_ready(waiting, running, pool)
                if not running:
                    if waiting:
                        raise ValueError(f"these steps can never start: {_names(waiting)}")
                    continue
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    step = running.pop(future)
                    if self._elsewhere is not None:
                        self._elsewhere.ended(step)
                    self._keep(step, future.result(), waiting)
        finally:
            self.children.stop_all()
            pool.shutdown(wait=True, cancel_futures=True)
            announced.close()
            self.on_step = announced.on_step
            self._costs.write()
        return [self.finished.of(step).record for step in plan]

    def _start_ready(
        self,
        waiting: WaitingSteps,
        running: dict[Future[FinishedStep[Any]], Step[Any]],
        pool: ThreadPoolExecutor,
    ) -> None:
        there = self._elsewhere
        for step in waiting.released():
            ended = self._skipped(step) or self.kept(step)
            if ended is not None:
                waiting.remove(step)
                self._keep(step, ended, waiting)  # which may release others
                continue
            elsewhere = there is not None and there.takes(step)
            device = step.id.device if elsewhere else ""
            waiting.queue(step, Room(elsewhere, device, step.exclusive))
        for room, steps in waiting.queued():
            for step in steps:
                if room.elsewhere:
                    if there is None or not there.starts(step):
                        break
                elif not self._has_room(step, waiting, running.values()):
                    break
                elif not self._fits(step, self._here(running.values())):
                    continue
                waiting.remove(step)
                self._start(step, room, running, pool)

    def _start(
        self,
        step: Step[Any],
        room: Room,
        running: dict[Future[FinishedStep[Any]], Step[Any]],
        pool: ThreadPoolExecutor,
    ) -> None:
        _log.info("%s starts", step.name)
        _log.debug("%s has the key %s", step.name, step.key)
        started: Event = {"event": "start", "kind": step.id.kind}
        if (usual := self._costs.of(step)) is not None:
            started["usual_seconds"] = usual.seconds
        self.on_step(step.name, started)
        perform = self._perform_elsewhere if room.elsewhere else self.perform
        running[pool.submit(perform, step)] = step

    def _here(self, running: Collection[Step[Any]]) -> list[Step[Any]]:
        """Those of some steps that this machine performs."""
        return [s for s in running if self._elsewhere is None or not self._elsewhere.takes(s)]

    def _has_room(
        self, step: Step[Any], waiting: WaitingSteps, running: Collection[Step[Any]]
    ) -> bool:
        """Whether this machine can perform one more step such as this."""
        here = self._here(running)
        if any(s.exclusive for s in here) or len(here) >= self.workers:
            return False
        # Measured last, when nothing else is left to disturb it.
        return not step.exclusive or not (running or waiting.holds_shared)

    def _perform_elsewhere(self, step: Step[Any]) -> FinishedStep[Any]:
        """Has a worker perform a step, and takes its results into the cache and the store."""
        assert self._elsewhere is not None
        started = time.perf_counter()
        try:
            record = self._elsewhere.perform(step, self)
            if record.status == "failed":
                record = replace(record, created=utc_now())  # a worker's clock may be another
                if self.store is not None and not self.children.stopping:
                    with contextlib.suppress(ZooError):
                        self.store.append(self.run, record)
                return FinishedStep(record=record, folder=self.cache.folder)
            found = self.kept(step)
            if found is None:
                raise ZooError(
                    f"the results of {step.name} did not arrive",
                    why="they were removed from the cache in between",
                    fix="type the command again: what is missing is made anew",
                )
            self.note_cost(step, record)
            return replace(found, record=replace(found.record, cached=record.cached))
        except ExecutorLost:
            raise
        except BaseException as error:
            return self._failed(step, self._explain(error), started)

    def _fits(self, step: Step[Any], running: Collection[Step[Any]]) -> bool:
        """Whether there is memory now for another step beside those that run, if any do."""
        if not running:
            return True
        # Those may have only begun to take theirs.
        expected = sum(map(self._expected_memory, (step, *running)))
        return not expected or expected <= available_memory()

    def _expected_memory(self, step: Step[Any]) -> int:
        """Bytes as the step took when it was last done; else the most that one took in this run."""
        usual = self._costs.of(step)
        return max(self._memory.values(), default=0) if usual is None else usual.memory_bytes

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

    def _keep(self, step: Step[Any], finished: FinishedStep[Any], waiting: WaitingSteps) -> None:
        self.finished[step.id] = finished
        waiting.ended(step.id)
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
        if self.compares and record.status == "failed" and not self.children.stopping:
            error = first_failure(record)
            if isinstance(error, EnvironmentFailed):
                raise error


def _names(steps: Iterable[Step[Any]]) -> str:
    return ", ".join(repr(step.name) for step in steps)
