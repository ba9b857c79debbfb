"""Candidates on their way through fresh processes; what was disturbed is measured once more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from zoo.benchmark.battery import battery_energy
from zoo.benchmark.candidate import Candidate, Stage
from zoo.benchmark.journal import Journal, environment_of
from zoo.benchmark.noise import disturbances, fastest_spin
from zoo.benchmark.process_result import ProcessResult
from zoo.benchmark.sustained import LongRun, sustain, windows_of
from zoo.benchmark.tiers import Tier
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.contracts import Transport
from zoo.execution.device import Device
from zoo.execution.protocol import BenchRun, LoadedFile
from zoo.execution.session import AgentSession
from zoo.results.measurements import OutputCheck, Profile, Samples
from zoo.results.records import Evaluation

if TYPE_CHECKING:
    from zoo.common.worker import Children

#: Called with the number of parts (processes, or windows of a long one) that are done and that
#: will be.
Progress = Callable[[int, int], None]
Watch = Callable[[Stage], None]
#: How often a disturbed process is measured again.
RETRIES = 1
_ANSWERS, _EVALUATION = TypeAdapter(OutputCheck), TypeAdapter(Evaluation)
_PROFILE = TypeAdapter(Profile)


@dataclass(kw_only=True, eq=False)
class Interleaving:
    """One candidate on its way through the processes."""

    place: int
    candidate: Candidate
    sha256: str
    key: str
    there: str = ""
    environment: str = ""
    done: list[ProcessResult] = field(default_factory=list)
    kept: int = 0
    parts: int = 0
    placement: dict[str, Any] | None = None
    profile: Profile | None = None
    answers: OutputCheck | None = None
    accuracy: Evaluation | None = None
    failure: ZooError | None = None


@dataclass(kw_only=True, eq=False)
class MeasurementRun:
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

    def tell(self, course: Interleaving, doing: str) -> None:
        """Tells whoever watches how far a candidate has come."""
        if self.watch is not None:
            last = course.done[-1] if course.done else None
            self.watch(
                Stage(
                    place=course.place,
                    doing=doing,
                    done=course.parts,
                    total=self.parts_each,
                    p50_ms=None if last is None else last.run.median_ms,
                    kept=course.kept * self.parts,
                    noisy=any(process.noise for process in course.done),
                )
            )

    def advanced(self, course: Interleaving, parts: int = 1) -> None:
        """Counts parts that are done."""
        course.parts += parts
        self.done += parts
        if self.progress is not None:
            self.progress(self.done, self.parts_each * self.candidates)

    def prepare(self, course: Interleaving) -> None:
        """Puts the file there, takes up what is kept of it, and checks its answers."""
        path = course.candidate.path
        # A vendor's tool keeps files where it may run, which is its driver's business.
        course.there = str(path) if course.candidate.tool else self.transport.put(path)
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

    def _restore(self, course: Interleaving, about: dict[str, Any]) -> bool:
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

    def _check(self, session: AgentSession, course: Interleaving) -> None:
        check = course.candidate.check
        if check is None:
            return
        self._load(session, course)
        course.answers = check(session)
        self._note(course, "answers", asdict(course.answers))

    def _note(self, course: Interleaving, name: str, value: Any) -> None:
        if self.journal is not None and course.environment:
            self.journal.note(course.key, course.environment, name, value)

    def advance(self, course: Interleaving) -> None:
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

    def judge(self, course: Interleaving) -> None:
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

    def _process(self, course: Interleaving, attempts: int) -> ProcessResult:
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
        if long is not None and not run.energy:
            run = replace(run, energy=battery_energy(earlier, later, long.windows))
        noise = long.noise if long is not None else self._noise(about, loaded, run, earlier, later)
        return ProcessResult(
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
        faults = tuple(fault for condition in conditions for fault in condition.faults)
        if run.summary is not None:
            return tuple(dict.fromkeys(faults))
        # The spin is Python's: another interpreter on the same device has another baseline.
        interpreter = f"{about.get('fingerprint')} {about.get('python')}"
        baseline = min(fastest_spin(run), self.baselines.get(interpreter, fastest_spin(run)))
        self.baselines[interpreter] = baseline
        noise = disturbances(
            run, threads=loaded.threads, baseline_ns=baseline, cores=about.get("cores")
        )
        return tuple(dict.fromkeys((*noise, *faults)))

    def _long(
        self, session: AgentSession, course: Interleaving, about: dict[str, Any], loaded: LoadedFile
    ) -> LongRun | None:
        """A run in windows; None where the tier has none."""
        if not self.tier.window_seconds or course.candidate.tool:
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

    def _sample(self, session: AgentSession, course: Interleaving) -> BenchRun:
        """One window of a long run, or all of a process."""
        candidate, tier = course.candidate, self.tier
        windowed = bool(tier.window_seconds) and not candidate.tool
        return session.bench(
            min_runs=1 if windowed else tier.runs_each,
            min_seconds=tier.window_seconds if windowed else tier.seconds_each,
            max_seconds=tier.limit_seconds,
            warmup_seconds=tier.warmup_seconds,
            inputs=candidate.inputs,
            value_range=candidate.value_range,
        )

    def _load(self, session: AgentSession, course: Interleaving) -> LoadedFile:
        candidate = course.candidate
        return session.load(
            course.there,
            candidate.threads,
            purpose="timing",
            batch=candidate.batch,
        )

    def _session(self, course: Interleaving) -> _Registered:
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
