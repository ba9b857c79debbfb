"""A run's figures on their way to trackers, each in a thread of its own.

A tracker that fails or hangs costs a remark, never the run.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError, first_line
from zoo.common.optional_imports import require_extra
from zoo.common.progress import Event, OnStep
from zoo.common.shown_text import without_passwords
from zoo.contracts.tracker import TrackedRun, Tracker, TrackerSession
from zoo.registry import Registry
from zoo.results.records import TrainingResult

if TYPE_CHECKING:
    from zoo.pipeline.job import Job
    from zoo.pipeline.run import Run

#: Seconds that trackers may take after the end of a run, all together.
_PATIENCE = 60.0
#: The same after an error or an interruption.
_SHORT_PATIENCE = 5.0
#: Of an epoch's event what is no figure of it.
_NO_FIGURES = {"epoch", "epochs", "event", "metric_name", "sketch"}


def trackers_of(registry: Registry, asked: Sequence[str]) -> tuple[tuple[Tracker, str], ...]:
    """The trackers of a recipe with what follows their colon, before anything is done.

    Raises:
        UnknownName: Nothing provides such a tracker.
        UsageError: Nothing follows the colon, or a password is in it.
        MissingExtra: What the tracker needs is not installed.
    """
    found = []
    for text in dict.fromkeys(asked):
        name, _, place = text.partition(":")
        tracker = registry.trackers.get(name)
        if not place:
            raise UsageError(
                f"--track {text} does not say where to", fix=f"--track {name}:{tracker.argument}"
            )
        if without_passwords(place) != place:
            raise UsageError(
                f"--track {name}: the address holds a password, and recipes are kept",
                fix="leave it out, and give it in the variables that the tracker itself reads",
            )
        if tracker.extra:
            require_extra(tracker.extra)
        found.append((tracker, place))
    return tuple(found)


@contextmanager
def tracked(job: Job, name: str, on_step: OnStep) -> Iterator[Tracking]:
    """A listener that also tells the trackers of a job; an error is an end, too."""
    parameters = dict(_flat(job.recipe.model_dump(exclude={"executor"})))
    run = TrackedRun(name=name, model_id=job.model_id, parameters=parameters)
    tracking = Tracking([_Line(tracker, place, run) for tracker, place in job.trackers], on_step)
    try:
        yield tracking
    finally:
        tracking.close()


class Tracking:
    """A listener of a run's events that also tells its trackers."""

    def __init__(self, lines: Sequence[_Line], on_step: OnStep) -> None:
        self._lines, self._on_step = lines, on_step
        self._told: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._ended = not lines

    def __call__(self, step: str, event: Event) -> None:
        """Passes an event on."""
        self._on_step(step, event)
        if event["event"] == "epoch":
            self._epoch(step, event, str(event["metric_name"]))

    def _epoch(self, step: str, values: Mapping[str, Any], metric: str) -> None:
        number = int(values["epoch"])
        with self._lock:
            if (step, number) in self._told:
                return
            self._told.add((step, number))
        figures = {
            key.replace("metric", metric): float(value)
            for key, value in values.items()
            if key not in _NO_FIGURES and isinstance(value, int | float)
        }
        self._send(lambda session: session.epoch(step, number, figures))

    def finish(self, run: Run) -> tuple[str, ...]:
        """Sends the end of a run, and the epochs that were trained before it began.

        Returns:
            A remark on each tracker that failed.
        """
        if self._ended:
            return ()
        for id, ended in run.finished.items():
            if isinstance(ended.value, TrainingResult):
                for epoch in ended.value.epochs:
                    self._epoch(str(id), vars(epoch), ended.value.metric_name)
        figures = {f"test/{name}": metric.value for name, metric in run.metrics.items()}
        verdicts = {}
        for file in run.files:
            verdicts[file.name] = ": ".join(filter(None, (file.verdict, file.reason)))
            figures |= {f"{file.name}/{name}": m.value for name, m in file.metrics.items()}
            if file.size is not None:
                figures[f"{file.name}/bytes"] = file.size
            if file.latency is not None and file.latency.clock == "real":
                figures[f"{file.name}/p50_ms"] = file.latency.p50_ms
        return self._end(figures, verdicts, run.passed, _PATIENCE)

    def close(self) -> None:
        """Ends the records of a run that came to no end of its own."""
        if not self._ended:
            self._end({}, {}, False, _SHORT_PATIENCE)

    def _end(
        self, figures: Mapping[str, float], verdicts: Mapping[str, str], good: bool, patience: float
    ) -> tuple[str, ...]:
        self._ended = True
        remarks = []
        self._send(lambda session: session.finish(figures, verdicts, passed=good))
        deadline = time.monotonic() + patience
        for line in self._lines:
            line.todo.put(None)
        for line in self._lines:
            line.join(max(0.0, deadline - time.monotonic()))
            problem = line.problem
            if line.is_alive():
                problem = f"it had not ended {patience:g} s after the run"
            if problem:
                text = f"the tracker {self._name_of(line)} was left out: {problem}"
                remarks.append(f"{text[0].upper()}{text[1:]}.")
                self._on_step(f"track {line.tracker.name}", {"event": "note", "text": text})
        return tuple(remarks)

    def _name_of(self, line: _Line) -> str:
        """With its place, where others are of the same kind."""
        alike = [other for other in self._lines if other.tracker is line.tracker]
        return line.tracker.name if len(alike) == 1 else f"{line.tracker.name}:{line.place}"

    def _send(self, call: Callable[[TrackerSession], None]) -> None:
        for line in self._lines:
            line.todo.put(call)


class _Line(threading.Thread):
    """One tracker with what it is still to be told."""

    def __init__(self, tracker: Tracker, place: str, run: TrackedRun) -> None:
        super().__init__(name=f"zoo-track-{tracker.name}", daemon=True)
        self.tracker, self.problem = tracker, ""
        self.todo: queue.Queue[Callable[[TrackerSession], None] | None] = queue.Queue()
        self.place, self._about = place, run
        self.start()

    def run(self) -> None:
        try:
            session = self.tracker.open(self.place, self._about)
            while (call := self.todo.get()) is not None:
                call(session)
        except BaseException as error:  # of a stranger's package: whatever it is, the run goes on
            self.problem = first_line(error)


def _flat(values: Any, above: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{above}.{key}".lstrip("."))
    elif isinstance(values, list | tuple):
        yield above, ", ".join(map(str, values))
    elif values is not None:
        yield above, values
