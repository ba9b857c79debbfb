"""Running a plan: steps in order of their needs, side by side, each ending as a record.

A finished step is kept under its key. The same plan again finds every result there; a plan that
differs in one parameter redoes only what depends on it. A run that was killed goes on where it
stopped, because a step's folder gets its name only when the step is done.
"""

from __future__ import annotations

import contextlib
import errno
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.common.clock import utc_now
from zoo.common.errors import Crashed, Unsupported, ZooError
from zoo.common.files import OTHER_HOME, cannot_write, write_text
from zoo.common.progress import Event, OnStep
from zoo.common.worker import Children, flatten
from zoo.results.records import Status, StepRecord, as_plain
from zoo.results.store import Store, read_record

RECORD = "record.json"
_PARTIAL = ".part-"
#: A half-written step folder this old belongs to no running process.
_STALE_SECONDS = 24 * 3600
#: What an operating system says when a file may not or cannot be written.
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
#: Failures that the same work would end in again, whatever the hour and the machine's load.
_LASTING = (Crashed, Unsupported)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step's work returns."""

    result: dict[str, Any] | None
    status: Status = "passed"
    reason: str = ""
    samples: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a step's work gets.

    Attributes:
        folder: Its own, empty; files left there are kept with the record.
        needs: Records and folders of the steps it needs or comes after, by step name.
        emit: For progress events.
        children: Registers child processes, so that an interruption ends them.
    """

    folder: Path
    needs: Mapping[str, Finished]
    emit: Callable[[Event], None]
    children: Children


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A step that ended, and where its files are."""

    record: StepRecord
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do.

    Attributes:
        name: Unique in the plan.
        kind: What sort of step.
        key: Content address.
        work: Does it.
        needs: Names of steps that must have passed.
        after: Names of steps that must have ended, however.
        exclusive: Nothing else may run meanwhile: it measures time.
        failure_key: Content address under which a failure is kept that would come again, so that
            the same plan does not try it again; empty keeps none.
        needless: Looks at the steps it needs or comes after, by name, and says why it is
            superfluous; empty when it is not. None: it never is.
        replaces: Name of the step that this one stands in for when it passes.
    """

    name: str
    kind: str
    key: str
    work: Callable[[Work], Outcome]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    exclusive: bool = False
    failure_key: str = ""
    needless: Callable[[Mapping[str, Finished]], str] | None = None
    replaces: str = ""


@dataclass(kw_only=True)
class Pipeline:
    """Executes plans.

    Attributes:
        cache: Folder of finished steps.
        store: Gets every new record; None records nothing.
        run: Name of the run, for the store.
        on_step: Progress: step name and event.
        workers: Steps that run side by side.
        retry: Whether to try again what failed before and would fail again.
    """

    cache: Path
    store: Store | None
    run: str
    on_step: OnStep
    workers: int = 2
    retry: bool = False
    children: Children = field(default_factory=Children)
    finished: dict[str, Finished] = field(default_factory=dict)

    def execute(self, plan: Sequence[Step]) -> list[StepRecord]:
        """Runs every step of `plan`; returns one record each, in the plan's order.

        Raises:
            KeyboardInterrupt: After ending all children; finished steps are kept.
            ValueError: A step needs one that the plan lacks, or steps need each other.
        """
        self._sweep()
        pool = ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="zoo-step")
        running: dict[Future[Finished], Step] = {}
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
        return [self.finished[step.name].record for step in plan]

    def _start_ready(
        self, waiting: list[Step], running: dict[Future[Finished], Step], pool: ThreadPoolExecutor
    ) -> None:
        for step in list(waiting):
            if any(name not in self.finished for name in (*step.needs, *step.after)):
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
            waiting.remove(step)
            self.on_step(step.name, {"event": "start", "kind": step.kind})
            running[pool.submit(self._perform, step)] = step

    def _perform(self, step: Step) -> Finished:
        started = time.perf_counter()
        partial = self.cache / f"{_PARTIAL}{step.key[:16]}-{secrets.token_hex(4)}"
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            return self._failed(step, cannot_write(partial, error, fix=OTHER_HOME), started)
        work = Work(
            folder=partial,
            needs=self._before(step),
            emit=lambda event: self.on_step(step.name, event),
            children=self.children,
        )
        try:
            outcome = step.work(work)
            record = StepRecord(
                step=step.name,
                kind=step.kind,
                key=step.key,
                status=outcome.status,
                reason=outcome.reason,
                seconds=time.perf_counter() - started,
                created=utc_now(),
                result=outcome.result,
                replaces=step.replaces,
            )
            finished = self._commit(step, partial, record)
            if self.store is not None and finished.record is record:
                self.store.append(self.run, record, outcome.samples)
            return finished
        # A plugin's task or driver may raise anything: it must cost this step alone.
        except Exception as error:
            return self._failed(step, self._explain(error), started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _explain(self, error: Exception) -> ZooError:
        if isinstance(error, ZooError):
            return error
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            culprit = Path(error.filename) if isinstance(error.filename, str) else self.cache
            if culprit.is_relative_to(self.cache):
                return cannot_write(self.cache, error, fix=OTHER_HOME)
        return flatten(error).error()

    def _commit(self, step: Step, partial: Path, record: StepRecord) -> Finished:
        write_text(partial / RECORD, json.dumps(as_plain(record), indent=1))
        earlier = self._kept(step.key)
        if earlier is not None:
            # Another process finished the same step first, and may be reading its files now.
            return earlier
        final = self.cache / step.key
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        return Finished(record=record, folder=final)

    def _failed(self, step: Step, error: ZooError, started: float) -> Finished:
        details = "\n".join(getattr(error, "__notes__", ()))
        record = StepRecord(
            step=step.name,
            kind=step.kind,
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
            with contextlib.suppress(ZooError):
                write_text(
                    self.cache / step.failure_key / RECORD, json.dumps(as_plain(record), indent=1)
                )
        return Finished(record=record, folder=self.cache)

    def _before(self, step: Step) -> dict[str, Finished]:
        return {name: self.finished[name] for name in (*step.needs, *step.after)}

    def _skipped(self, step: Step) -> Finished | None:
        """The end of a step that cannot or need not begin; None for one that shall."""
        blocked = [n for n in step.needs if self.finished[n].record.status != "passed"]
        needless = step.needless(self._before(step)) if step.needless is not None else ""
        for name in blocked:
            if self.finished[name].record.needless:
                needless = needless or self.finished[name].record.reason
        if not blocked and not needless:
            return None
        reason = needless or f"{blocked[0]!r} was {self.finished[blocked[0]].record.status}"
        record = StepRecord(
            step=step.name,
            kind=step.kind,
            key=step.key,
            status="skipped",
            reason=reason,
            created=utc_now(),
            needless=bool(needless),
        )
        return Finished(record=record, folder=self.cache)

    def _cached(self, step: Step) -> Finished | None:
        found = self._kept(step.key)
        if found is None and step.failure_key and not self.retry:
            found = self._kept(step.failure_key)
        return found

    def _kept(self, key: str) -> Finished | None:
        folder = self.cache / key
        try:
            record = read_record((folder / RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError):
            shutil.rmtree(folder, ignore_errors=True)  # damaged: do it again
            return None
        return Finished(record=replace(record, cached=True), folder=folder)

    def _keep(self, step: Step, finished: Finished) -> None:
        self.finished[step.name] = finished
        record = finished.record
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

    def _sweep(self) -> None:
        """Removes what killed runs left behind."""
        now = time.time()
        for folder in self.cache.glob(f"{_PARTIAL}*"):
            with contextlib.suppress(OSError):
                if now - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _names(steps: Sequence[Step]) -> str:
    return ", ".join(repr(step.name) for step in steps)
