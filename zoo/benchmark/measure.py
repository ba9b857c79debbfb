"""Measuring files: fresh processes, interleaved, and once more what was disturbed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.interleaving import CandidateState, MeasurementRun, Progress, Watch
from zoo.benchmark.journal import Journal
from zoo.benchmark.result import measurement_of
from zoo.benchmark.tiers import Tier, tier_named
from zoo.common.errors import ProcessFailed, ZooError
from zoo.common.files import sha256_of
from zoo.contracts.transport import Work
from zoo.execution.device import Device
from zoo.execution.lock import device_lock
from zoo.execution.session import DEFAULT_TIMEOUT
from zoo.results.measurements import Measurement, Samples

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from zoo.common.worker import Children

Result = tuple[Measurement, Samples]


class NotTimed(ZooError):
    """A file that was not timed, since another one cannot be which it was to be compared with."""

    def __init__(self, file: str, other: str) -> None:
        super().__init__(f"{file} was not timed", why=f"{other} cannot be, and both are compared")


def measure_interleaved(
    device: Device,
    candidates: Sequence[Candidate],
    *,
    tier: str | Tier,
    progress: Progress | None = None,
    watch: Watch | None = None,
    journal: Journal | None = None,
    children: Children | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    all_or_none: bool = False,
) -> list[Result | ZooError]:
    """Times several files for comparison: their processes take turns.

    What disturbs the machine for a minute then disturbs all candidates alike. A candidate that
    fails costs itself alone: its place in the list holds the error.

    Args:
        device: Where.
        candidates: What to measure.
        tier: The grade of care, or its name.
        progress: Called after each part of the whole.
        watch: Told how far each candidate has come.
        journal: Keeps each process, and takes up those of a bench that was not finished.
        children: Registers the agents; once it stops, what is not done holds an error.
        timeout: Seconds to wait for an answer beyond the time of the work itself.
        all_or_none: Whether no candidate is of use without the others: once one has failed, the
            others are timed no further, and their places hold `NotTimed`.

    Raises:
        ZooError: The device cannot be reached, or another process measures there.
    """
    grade = tier if isinstance(tier, Tier) else tier_named(tier)
    with device_lock(device):
        transport = device.connect()
        try:
            bench = MeasurementRun(
                device=device,
                transport=transport,
                tier=grade,
                timeout=timeout,
                children=children,
                journal=journal,
                watch=watch,
                progress=progress,
                candidates=len(candidates),
            )
            transport.announce(_work(candidates, grade))
            courses = [
                _start(bench, place, candidate) for place, candidate in enumerate(candidates)
            ]
            for turn in range(grade.processes):
                # Each turn begins with another candidate: none is always the one on a cool machine.
                for place in range(len(courses)):
                    if all_or_none and any(state.failure is not None for state in courses):
                        break
                    _run_process(bench, courses[(turn + place) % len(courses)], turn)
            if all_or_none:
                _fail_together(bench, courses)
            for state in courses:
                _finish(bench, state)
        finally:
            transport.close()
    return [state.failure or _result(device, grade, state) for state in courses]


def _work(candidates: Sequence[Candidate], tier: Tier) -> Work:
    """What will run, and the least time of it."""
    each = tier.warmup_seconds + tier.seconds_each
    return Work(
        files=tuple(candidate.path for candidate in candidates),
        processes=tier.processes,
        seconds=len(candidates) * tier.processes * each,
    )


def _start(bench: MeasurementRun, place: int, candidate: Candidate) -> CandidateState:
    """Prepares a candidate; what goes wrong there is that candidate's failure."""
    sha256 = sha256_of(candidate.path)
    state = CandidateState(
        place=place,
        candidate=candidate,
        sha256=sha256,
        key=candidate.key(bench.device, bench.tier, sha256),
    )
    try:
        with _own_failures(state):
            bench.prepare(state)
    except ZooError as error:
        _fail(bench, state, error)
    return state


def _run_process(bench: MeasurementRun, state: CandidateState, turn: int) -> None:
    if state.failure is not None or len(state.done) > turn:
        return
    if bench.stopped and (state.done or bench.journal is not None):
        _fail(bench, state, ZooError("it was interrupted before all its processes were done"))
        return
    _log.info("%s: process %d on %s", state.candidate.path.name, turn + 1, bench.device.name)
    before = state.parts
    try:
        with _own_failures(state):
            bench.advance(state)
    except ZooError as error:
        _fail(bench, state, error)
        return
    # A long run that was prolonged has told all its parts already.
    bench.advanced(state, before + bench.parts - state.parts)
    bench.report_stage(state, "timing")


@contextmanager
def _own_failures(state: CandidateState) -> Iterator[None]:
    """What a device's figures make us stumble over costs its own row, and no other's."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        raise ProcessFailed(
            f"what the device answered about {state.candidate.name} cannot be used",
            why=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            fix="`zoo devices doctor` shows what is there; run again with --debug to see where",
        ) from error


def _finish(bench: MeasurementRun, state: CandidateState) -> None:
    if state.failure is None:
        try:
            with _own_failures(state):
                bench.judge(state)
        except ZooError as error:
            _fail(bench, state, error)
            return
        bench.report_stage(state, "done")


def _fail(bench: MeasurementRun, state: CandidateState, error: ZooError) -> None:
    state.failure = error
    # What it will not do counts as done: the others' end is what people wait for.
    bench.advanced(state, bench.parts_each - state.parts)
    bench.report_stage(state, "stopped" if bench.stopped else "failed")


def _fail_together(bench: MeasurementRun, courses: Sequence[CandidateState]) -> None:
    """Where one has failed, the others have, too."""
    failed = [state.candidate.name for state in courses if state.failure is not None]
    for state in courses if failed else ():
        if state.failure is None:
            _fail(bench, state, NotTimed(state.candidate.name, failed[0]))


def _result(device: Device, tier: Tier, state: CandidateState) -> Result:
    return measurement_of(
        device,
        tier,
        state.done,
        file=state.candidate.name,
        reference=bool(state.candidate.reference),
        sha256=state.sha256,
        placement=state.placement or {},
        answers=state.answers,
        accuracy=state.accuracy,
        profile=state.profile,
        shapes=state.candidate.shapes,
    )
