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
from zoo.benchmark.sustained import LongRun, run_sustained, windows_of
from zoo.benchmark.tiers import Tier
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.contracts import Transport
from zoo.execution.device import Device
from zoo.execution.failures import AgentMismatch
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
class CandidateState:
    """One candidate on its way through the processes."""

    place: int
    candidate: Candidate
    sha256: str
    key: str
    device_path: str = ""
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

    def report_stage(self, state: CandidateState, doing: str) -> None:
        """Tells whoever watches how far a candidate has come."""
        if self.watch is not None:
            last = state.done[-1] if state.done else None
            self.watch(
                Stage(
                    place=state.place,
                    doing=doing,
                    done=state.parts,
                    total=self.parts_each,
                    p50_ms=None if last is None else last.run.median_ms,
                    kept=state.kept * self.parts,
                    noisy=any(process.noise for process in state.done),
                )
            )

    def advanced(self, state: CandidateState, parts: int = 1) -> None:
        """Counts parts that are done."""
        state.parts += parts
        self.done += parts
        if self.progress is not None:
            self.progress(self.done, self.parts_each * self.candidates)

    def prepare(self, state: CandidateState) -> None:
        """Puts the file there, takes up what is kept of it, and checks its answers."""
        path = state.candidate.path
        # A vendor's tool keeps files where it may run, which is its driver's business.
        state.device_path = str(path) if state.candidate.tool else self.transport.put(path)
        if state.candidate.check is None and self.journal is None:
            return
        self.report_stage(state, "checking answers")
        about = self.abouts.get(state.candidate.runtime)
        if about is None or not self._restore(state, about):
            with self._session(state) as session:
                about = self.abouts[state.candidate.runtime] = session.describe()
                if not self._restore(state, about):
                    self._check(session, state)
        self.report_stage(state, "timing")

    def _restore(self, state: CandidateState, about: dict[str, Any]) -> bool:
        """Takes up what an unfinished bench has kept; whether the answers are known by it."""
        if self.journal is None:
            return state.candidate.check is None
        boot = self.transport.condition().readings.get("boot")
        state.environment = environment_of(about, None if boot is None else str(boot))
        where = (state.key, state.environment)
        noted = self.journal.noted(*where, "answers")
        if noted is not None:
            state.answers = _ANSWERS.validate_python(noted)
        state.placement = self.journal.noted(*where, "placement")
        profile = self.journal.noted(*where, "profile")
        state.profile = None if profile is None else _PROFILE.validate_python(profile)
        for turn in range(self.tier.processes):
            process = self.journal.kept(*where, turn)
            # A disturbed one is worth another try.
            if process is None or process.noise or state.placement is None:
                break
            if turn == len(state.done):
                state.done.append(process)
                state.kept += 1
                self.advanced(state, self.parts)
        return state.candidate.check is None or state.answers is not None

    def _check(self, session: AgentSession, state: CandidateState) -> None:
        check = state.candidate.check
        if check is None:
            return
        self._load(session, state)
        state.answers = check(session)
        self._save_note(state, "answers", asdict(state.answers))

    def _save_note(self, state: CandidateState, name: str, value: Any) -> None:
        if self.journal is not None and state.environment:
            self.journal.note(state.key, state.environment, name, value)

    def advance(self, state: CandidateState) -> None:
        """Measures one more process of a candidate; a disturbed one is measured again."""
        once = self.tier.window_seconds or self.device.clock != "real"
        for attempt in range(1 if once else 1 + RETRIES):
            process = self._process(state, attempt + 1)
            if not process.noise:
                break
        state.done.append(process)
        if self.journal is not None and state.environment:
            self._save_note(state, "placement", state.placement)
            if state.profile is not None:
                self._save_note(state, "profile", asdict(state.profile))
            self.journal.keep(state.key, state.environment, len(state.done) - 1, process)

    def judge(self, state: CandidateState) -> None:
        """Measures the quality on the device, if that was asked for."""
        judge = state.candidate.judge
        if judge is None:
            return
        where = (state.key, state.environment)
        noted = self.journal.noted(*where, "accuracy") if self.journal is not None else None
        if noted is not None:
            state.accuracy = _EVALUATION.validate_python(noted)
            return
        self.report_stage(state, "judging")
        with self._session(state) as session:
            self._load(session, state)
            state.accuracy = judge(session)
        self._save_note(state, "accuracy", asdict(state.accuracy))

    def _process(self, state: CandidateState, attempts: int) -> ProcessResult:
        earlier = self.transport.condition()
        with self._session(state) as session:
            about = self._same_device(state, session.describe())
            loaded = self._load(session, state)
            long = self._run_sustained(session, state, about, loaded)
            run = self._run_samples(session, state) if long is None else long.run
            # Asked after the samples, when memory no longer counts.
            if state.placement is None:
                state.placement = session.locate() if loaded.locatable else loaded.delegate
                if state.candidate.profile:
                    state.profile = session.profile()
            if state.candidate.check is not None:
                # What was timed must still give the answers that it gave before.
                state.candidate.check(session)
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

    def _same_device(self, state: CandidateState, about: dict[str, Any]) -> dict[str, Any]:
        """The description of a process, which must be of the device of the first one.

        Raises:
            AgentMismatch: Another machine answers, or with another version of the runtime.
        """
        first = self.abouts.setdefault(state.candidate.runtime, about)
        for name in ("fingerprint", "runtime", "runtime_version"):
            if about.get(name) != first.get(name):
                raise AgentMismatch(
                    "another device answered than before, or with other software",
                    why=f"its {name} was {first.get(name)} and is {about.get(name)}",
                    fix="see which machine has the device's address, then measure again",
                )
        return about

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

    def _run_sustained(
        self,
        session: AgentSession,
        state: CandidateState,
        about: dict[str, Any],
        loaded: LoadedFile,
    ) -> LongRun | None:
        """A run in windows; None where the tier has none."""
        if not self.tier.window_seconds or state.candidate.tool:
            return None

        def told() -> None:
            self.advanced(state)
            self.report_stage(state, "timing")

        return run_sustained(
            lambda: self._run_samples(session, state),
            self.tier,
            threads=loaded.threads,
            cores=about.get("cores"),
            progress=told,
        )

    def _run_samples(self, session: AgentSession, state: CandidateState) -> BenchRun:
        """One window of a long run, or all of a process."""
        candidate, tier = state.candidate, self.tier
        windowed = bool(tier.window_seconds) and not candidate.tool
        return session.bench(
            min_runs=1 if windowed else tier.runs_each,
            min_seconds=tier.window_seconds if windowed else tier.seconds_each,
            max_seconds=tier.limit_seconds,
            warmup_seconds=tier.warmup_seconds,
            inputs=candidate.inputs,
            value_range=candidate.value_range,
            limits=candidate.limits,
            real_time=self.device.clock == "real",
        )

    def _load(self, session: AgentSession, state: CandidateState) -> LoadedFile:
        candidate = state.candidate
        return session.load(
            state.device_path,
            candidate.threads,
            purpose="timing",
            batch=candidate.batch,
            shapes=[*candidate.shapes.values()] or None,
            sha256="" if candidate.tool else state.sha256,
            real_time=self.device.clock == "real",
        )

    def _session(self, state: CandidateState) -> _Registered:
        session = AgentSession(self.transport, state.candidate.runtime, self.timeout)
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
