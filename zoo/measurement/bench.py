"""Measuring files: fresh processes, interleaved, and once more what was disturbed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from zoo.clock import utc_now
from zoo.contracts import Device, Transport
from zoo.errors import ZooError
from zoo.files import sha256_of
from zoo.keys import step_key
from zoo.measurement.journal import Journal, environment_of
from zoo.measurement.lock import holding
from zoo.measurement.measured import MeasuredProcess
from zoo.measurement.profile import Profile
from zoo.measurement.protocol import BenchRun, LoadedFile
from zoo.measurement.quietness import disturbances, fastest_spin
from zoo.measurement.records import Answers, Measurement, Samples
from zoo.measurement.result import measurement_of
from zoo.measurement.session import DEFAULT_TIMEOUT, AgentSession
from zoo.measurement.tiers import Tier, tier_named
from zoo.measurement.windows import LongRun, sustain, windows_of
from zoo.records import Evaluation

if TYPE_CHECKING:
    from zoo.isolation import Children

#: Called with the number of parts (processes, or windows of a long one) that are done and that
#: will be.
Progress = Callable[[int, int], None]
Result = tuple[Measurement, Samples]
#: How often a disturbed process is measured again.
RETRIES = 1
#: Modules whose code decides what a process finds: one of other code is not put beside it.
CODE = tuple(f"zoo.measurement.{name}" for name in ("bench", "quietness", "session", "windows"))
_MS = 1e-6
_ANSWERS, _EVALUATION = TypeAdapter(Answers), TypeAdapter(Evaluation)
_PROFILE = TypeAdapter(Profile)


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A file to measure, and how to run it.

    Attributes:
        path: The file here.
        runtime: The agent's runtime for it.
        threads: For one inference.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        batch: Examples in one inference, where the file leaves them open; None leaves it to it.
        profile: Whether to find out what each operator takes.
        inputs: One raw example per input; None for seeded random numbers.
        value_range: Of those, for inputs that are real numbers.
        check: Compares the answers of a session that has loaded the file with those expected,
            before anything is timed; raises `ZooError` when they are others. None compares nothing.
        judge: Measures the quality in such a session, after everything is timed; None does not.
        judged_on: Names what `judge` measures it on.
    """

    path: Path
    runtime: str
    threads: int = 1
    xnnpack: bool = True
    batch: int | None = None
    profile: bool = False
    inputs: Sequence[NDArray[Any]] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)
    check: Callable[[AgentSession], Answers] | None = None
    judge: Callable[[AgentSession], Evaluation] | None = None
    judged_on: str = ""

    def key(self, device: Device, tier: Tier, sha256: str) -> str:
        """Stands for what is measured and how, apart from what only the device can tell."""
        options = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("path", "inputs", "check", "judge")
        }
        inputs = [[v.dtype.name, list(v.shape), v.tobytes().hex()] for v in self.inputs or ()]
        parameters = {
            "file": sha256,
            "device": [device.name, device.kind.name, device.address],
            "options": options,
            "inputs": inputs if self.inputs is not None else None,
            "tier": asdict(tier),
        }
        return step_key("bench-process", parameters, modules=CODE)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far one candidate has come; told after each part.

    Attributes:
        place: Of the candidate in the list.
        doing: ``checking answers``, ``timing``, ``judging``, ``done``, ``failed`` or ``stopped``.
        done: Parts that are done.
        total: Parts that will be.
        p50_ms: Median of the last process; None before the first.
        kept: Parts that were there from an unfinished bench.
        noisy: Whether a process was disturbed, again too.
    """

    place: int
    doing: str
    done: int
    total: int
    p50_ms: float | None = None
    kept: int = 0
    noisy: bool = False


Watch = Callable[[Stage], None]


@dataclass(kw_only=True, eq=False)
class _Course:
    """One candidate on its way through the processes."""

    place: int
    candidate: Candidate
    sha256: str
    key: str
    there: str = ""
    environment: str = ""
    done: list[MeasuredProcess] = field(default_factory=list)
    kept: int = 0
    parts: int = 0
    placement: dict[str, Any] | None = None
    profile: Profile | None = None
    answers: Answers | None = None
    accuracy: Evaluation | None = None
    failure: ZooError | None = None


@dataclass(kw_only=True, eq=False)
class _Bench:
    """What all processes of one call share."""

    device: Device
    transport: Transport
    tier: Tier
    timeout: float
    children: Children | None
    journal: Journal | None
    watch: Watch | None
    progress: Progress | None
    candidates: int
    done: int = 0
    baselines: dict[str, int] = field(default_factory=dict)
    abouts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        """Of one process."""
        return windows_of(self.tier) if self.tier.window_seconds else 1

    @property
    def parts_each(self) -> int:
        """Of one candidate."""
        return self.parts * self.tier.processes

    @property
    def stopped(self) -> bool:
        """Whether the user has interrupted."""
        return self.children is not None and self.children.stopping

    def tell(self, course: _Course, doing: str) -> None:
        """Tells whoever watches how far a candidate has come."""
        if self.watch is not None:
            last = course.done[-1] if course.done else None
            self.watch(
                Stage(
                    place=course.place,
                    doing=doing,
                    done=course.parts,
                    total=self.parts_each,
                    p50_ms=None if last is None else float(np.median(last.run.samples)) * _MS,
                    kept=course.kept * self.parts,
                    noisy=any(process.noise for process in course.done),
                )
            )

    def advanced(self, course: _Course, parts: int = 1) -> None:
        """Counts parts that are done."""
        course.parts += parts
        self.done += parts
        if self.progress is not None:
            self.progress(self.done, self.parts_each * self.candidates)

    def prepare(self, course: _Course) -> None:
        """Puts the file there, takes up what is kept of it, and checks its answers."""
        course.there = self.transport.put(course.candidate.path)
        if course.candidate.check is None and self.journal is None:
            return
        self.tell(course, "checking answers")
        about = self.abouts.get(course.candidate.runtime)
        if about is None or not self._restore(course, about):
            with self._session(course) as session:
                about = self.abouts[course.candidate.runtime] = session.describe()
                if not self._restore(course, about):
                    self._check(session, course)
        self.tell(course, "timing")

    def _restore(self, course: _Course, about: dict[str, Any]) -> bool:
        """Takes up what an unfinished bench has kept; whether the answers are known by it."""
        if self.journal is None:
            return course.candidate.check is None
        boot = self.transport.condition().readings.get("boot")
        course.environment = environment_of(about, None if boot is None else str(boot))
        where = (course.key, course.environment)
        noted = self.journal.noted(*where, "answers")
        if noted is not None:
            course.answers = _ANSWERS.validate_python(noted)
        course.placement = self.journal.noted(*where, "placement")
        profile = self.journal.noted(*where, "profile")
        course.profile = None if profile is None else _PROFILE.validate_python(profile)
        for turn in range(self.tier.processes):
            process = self.journal.kept(*where, turn)
            # A disturbed one is worth another try.
            if process is None or process.noise or course.placement is None:
                break
            if turn == len(course.done):
                course.done.append(process)
                course.kept += 1
                self.advanced(course, self.parts)
        return course.candidate.check is None or course.answers is not None

    def _check(self, session: AgentSession, course: _Course) -> None:
        check = course.candidate.check
        if check is None:
            return
        self._load(session, course)
        course.answers = check(session)
        self._note(course, "answers", asdict(course.answers))

    def _note(self, course: _Course, name: str, value: Any) -> None:
        if self.journal is not None and course.environment:
            self.journal.note(course.key, course.environment, name, value)

    def advance(self, course: _Course) -> None:
        """Measures one more process of a candidate; a disturbed one is measured again."""
        once = self.tier.window_seconds or self.device.clock != "real"
        for attempt in range(1 if once else 1 + RETRIES):
            process = self._process(course, attempt + 1)
            if not process.noise:
                break
        course.done.append(process)
        if self.journal is not None and course.environment:
            self._note(course, "placement", course.placement)
            if course.profile is not None:
                self._note(course, "profile", asdict(course.profile))
            self.journal.keep(course.key, course.environment, len(course.done) - 1, process)

    def judge(self, course: _Course) -> None:
        """Measures the quality on the device, if that was asked for."""
        judge = course.candidate.judge
        if judge is None:
            return
        where = (course.key, course.environment)
        noted = self.journal.noted(*where, "accuracy") if self.journal is not None else None
        if noted is not None:
            course.accuracy = _EVALUATION.validate_python(noted)
            return
        self.tell(course, "judging")
        with self._session(course) as session:
            self._load(session, course)
            course.accuracy = judge(session)
        self._note(course, "accuracy", asdict(course.accuracy))

    def _process(self, course: _Course, attempts: int) -> MeasuredProcess:
        earlier = self.transport.condition()
        with self._session(course) as session:
            about = session.describe()
            loaded = self._load(session, course)
            long = self._long(session, course, about, loaded)
            run = self._sample(session, course) if long is None else long.run
            # Asked after the samples, when memory no longer counts.
            if course.placement is None:
                course.placement = session.locate() if loaded.locatable else loaded.delegate
                if course.candidate.profile:
                    course.profile = session.profile()
        later = self.transport.condition()
        noise = long.noise if long is not None else self._noise(about, loaded, run, earlier, later)
        return MeasuredProcess(
            about=about,
            loaded=loaded,
            run=run,
            noise=noise,
            attempts=attempts,
            conditions=(earlier, later),
            created=utc_now(),
            windows=() if long is None else long.windows,
            parts=Samples(()) if long is None else long.parts,
        )

    def _noise(
        self, about: dict[str, Any], loaded: LoadedFile, run: BenchRun, *conditions: Any
    ) -> tuple[str, ...]:
        # The spin is Python's: another interpreter on the same device has another baseline.
        interpreter = f"{about.get('fingerprint')} {about.get('python')}"
        baseline = min(fastest_spin(run), self.baselines.get(interpreter, fastest_spin(run)))
        self.baselines[interpreter] = baseline
        noise = disturbances(
            run, threads=loaded.threads, baseline_ns=baseline, cores=about.get("cores")
        )
        faults = [fault for condition in conditions for fault in condition.faults]
        return tuple(dict.fromkeys((*noise, *faults)))

    def _long(
        self, session: AgentSession, course: _Course, about: dict[str, Any], loaded: LoadedFile
    ) -> LongRun | None:
        """A run in windows; None where the tier has none."""
        if not self.tier.window_seconds:
            return None

        def told() -> None:
            self.advanced(course)
            self.tell(course, "timing")

        return sustain(
            lambda: self._sample(session, course),
            self.tier,
            threads=loaded.threads,
            cores=about.get("cores"),
            progress=told,
        )

    def _sample(self, session: AgentSession, course: _Course) -> BenchRun:
        """One window of a long run, or all of a process."""
        candidate, tier = course.candidate, self.tier
        windowed = bool(tier.window_seconds)
        return session.bench(
            min_runs=1 if windowed else tier.runs_each,
            min_seconds=tier.window_seconds or tier.seconds_each,
            max_seconds=tier.limit_seconds,
            warmup_seconds=tier.warmup_seconds,
            inputs=candidate.inputs,
            value_range=candidate.value_range,
        )

    def _load(self, session: AgentSession, course: _Course) -> LoadedFile:
        candidate = course.candidate
        return session.load(
            course.there,
            candidate.threads,
            xnnpack=candidate.xnnpack,
            purpose="timing",
            batch=candidate.batch,
        )

    def _session(self, course: _Course) -> _Registered:
        session = AgentSession(self.transport, course.candidate.runtime, self.timeout)
        return _Registered(session, self.children)


class _Registered:
    """A session that an interruption ends."""

    def __init__(self, session: AgentSession, children: Children | None) -> None:
        self._session = session
        self._registered: Any = (
            nullcontext() if children is None else children.registered(session.kill)
        )

    def __enter__(self) -> AgentSession:
        self._session.__enter__()
        try:
            self._registered.__enter__()
        except BaseException:
            self._session.close()
            raise
        return self._session

    def __exit__(self, *error: Any) -> None:
        self._registered.__exit__(*error)
        self._session.close()


def measure(
    device: Device,
    path: Path,
    *,
    runtime: str,
    threads: int,
    tier: str,
    xnnpack: bool = True,
    inputs: Sequence[NDArray[Any]] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    check: Callable[[AgentSession], Answers] | None = None,
    profile: bool = False,
    progress: Progress | None = None,
    children: Children | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Result:
    """Times one file on one device.

    Args:
        device: Where.
        path: The file here.
        runtime: The agent's runtime.
        threads: For one inference.
        tier: Name of the grade of care.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        inputs: One raw example per input; None for seeded random numbers.
        value_range: Of those, for inputs that are real numbers: 0 to 255 for raw pixels.
        check: Compares its answers there with those expected, before it is timed.
        profile: Whether to find out what each operator takes.
        progress: Called after each process.
        children: Registers the agents, so that an interruption can end them.
        timeout: Seconds to wait for an answer beyond the time of the work itself.

    Raises:
        ZooError: The agent died, hung or refused; the answers are others; the device cannot be
            reached or is in use.
    """
    candidate = Candidate(
        path=path,
        runtime=runtime,
        threads=threads,
        xnnpack=xnnpack,
        inputs=inputs,
        value_range=value_range,
        check=check,
        profile=profile,
    )
    (result,) = measure_interleaved(
        device, [candidate], tier=tier, progress=progress, children=children, timeout=timeout
    )
    if isinstance(result, ZooError):
        raise result
    return result


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

    Raises:
        ZooError: The device cannot be reached, or another process measures there.
    """
    grade = tier if isinstance(tier, Tier) else tier_named(tier)
    with holding(device):
        transport = device.connect()
        try:
            bench = _Bench(
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
            courses = [
                _course(bench, place, candidate) for place, candidate in enumerate(candidates)
            ]
            for turn in range(grade.processes):
                # Each turn begins with another candidate: none is always the one on a cool machine.
                for place in range(len(courses)):
                    _take_turn(bench, courses[(turn + place) % len(courses)], turn)
            for course in courses:
                _finish(bench, course)
        finally:
            transport.close()
    return [course.failure or _result(device, grade, course) for course in courses]


def _course(bench: _Bench, place: int, candidate: Candidate) -> _Course:
    """Prepares a candidate; what goes wrong there is that candidate's failure."""
    sha256 = sha256_of(candidate.path)
    course = _Course(
        place=place,
        candidate=candidate,
        sha256=sha256,
        key=candidate.key(bench.device, bench.tier, sha256),
    )
    try:
        bench.prepare(course)
    except ZooError as error:
        _fail(bench, course, error)
    return course


def _take_turn(bench: _Bench, course: _Course, turn: int) -> None:
    if course.failure is not None or len(course.done) > turn:
        return
    if bench.stopped and (course.done or bench.journal is not None):
        _fail(bench, course, ZooError("it was interrupted before all its processes were done"))
        return
    before = course.parts
    try:
        bench.advance(course)
    except ZooError as error:
        _fail(bench, course, error)
        return
    # A long run that was prolonged has told all its parts already.
    bench.advanced(course, before + bench.parts - course.parts)
    bench.tell(course, "timing")


def _finish(bench: _Bench, course: _Course) -> None:
    if course.failure is None:
        try:
            bench.judge(course)
        except ZooError as error:
            _fail(bench, course, error)
            return
        bench.tell(course, "done")


def _fail(bench: _Bench, course: _Course, error: ZooError) -> None:
    course.failure = error
    # What it will not do counts as done: the others' end is what people wait for.
    bench.advanced(course, bench.parts_each - course.parts)
    bench.tell(course, "stopped" if bench.stopped else "failed")


def _result(device: Device, tier: Tier, course: _Course) -> Result:
    return measurement_of(
        device,
        tier,
        course.done,
        file=course.candidate.path.name,
        sha256=course.sha256,
        placement=course.placement or {},
        answers=course.answers,
        accuracy=course.accuracy,
        profile=course.profile,
    )
