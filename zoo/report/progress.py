"""Live progress of the steps of a run, on standard error or in a notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from zoo.common import terminal
from zoo.report.notebook import NotebookOutput
from zoo.results.formatting import duration, names_share

_MARKS = {"passed": ("✓", "green"), "rejected": ("✗", "red"), "failed": ("✗", "red")}


#: Seconds between the lines of a running step in a pipe or log, and how often that is looked at.
_SILENCE, _TICK = 15.0, 1.0


@dataclass
class _RunningStep:
    """A step between its start and its end.

    Attributes:
        began: By the monotonic clock, as `shown`, when its last line was written.
        usual: Seconds that it took when it was last done; None where that is not known.
        doing: Its stage, or how far it is.
        counted: What was done when counting began and when, what is done now, and the total; None
            where nothing is counted.
    """

    began: float
    shown: float
    usual: float | None = None
    doing: str = ""
    counted: tuple[int, float, int, int] | None = None

    def count(self, done: int, total: int, now: float) -> None:
        """Notes how far it is; what came before the first of these is no measure for the rest."""
        first, since, *_ = self.counted or (done, now)
        self.counted = (first, since, done, total)

    def line(self, now: float) -> str:
        """Stage, elapsed time and, where it can be known, what is left."""
        words = [self.doing, f"{_rough(now - self.began)} so far"]
        first, since, done, total = self.counted or (0, now, 0, 0)
        if first < done < total:
            words.append(f"about {_rough((now - since) * (total - done) / (done - first))} left")
        elif self.usual is not None:
            words.append(f"{_rough(self.usual)} last time")
        return ", ".join(filter(None, words))


class StepProgress:
    """Shows steps as they run; call it with a step's name and its events.

    On a terminal and in a notebook, running steps have a live line each. In a pipe or log, each
    step is one line when it ends, and one every 15 seconds until then.
    """

    def __init__(
        self,
        *,
        quiet: bool,
        notebook: NotebookOutput | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = terminal.console(err=True, quiet=quiet)
        self._notebook = notebook
        self._out = self._console.print if notebook is None else notebook.print
        self._live = notebook is not None or self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            # What else is written passes the guard of the streams, not rich.
            redirect_stdout=False,
            redirect_stderr=False,
            disable=quiet or notebook is not None or not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self._running: dict[str, _RunningStep] = {}
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._progress.start()
        if self._notebook is not None:
            self._notebook.start(self._progress.get_renderable)
        if not self._live and not self._console.quiet:
            threading.Thread(target=self._tell, daemon=True, name="zoo-progress").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._progress.stop()
        if self._notebook is not None:
            self._notebook.stop()

    def _tell(self) -> None:
        while not self._ended.wait(_TICK):
            self.show_running()

    def show_running(self) -> None:
        """Writes a line for each running step that has had none for a while."""
        with self._lock:
            now = self._clock()
            for name, step in self._running.items():
                if now - step.shown >= _SILENCE and not self._ended.is_set():
                    step.shown = now
                    self._console.print(f"  {name}: {step.line(now)}", soft_wrap=True)

    def __call__(self, step: str, event: dict[str, Any]) -> None:
        """Receives one event of one step."""
        with self._lock:
            handler = getattr(self, f"_on_{event['event']}", None)
            if handler is not None:
                handler(step, event)

    def _task(self, step: str) -> TaskID:
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=None, detail="")
        return self._tasks[step]

    def _on_start(self, step: str, event: dict[str, Any]) -> None:
        now = self._clock()
        self._running[step] = _RunningStep(began=now, shown=now, usual=event.get("usual_seconds"))
        self._task(step)

    def _on_stage(self, step: str, event: dict[str, Any]) -> None:
        usual = None
        if (running := self._running.get(step)) is not None:
            running.doing, running.counted, usual = event["text"], None, running.usual
        beside = "" if usual is None else f", {_rough(usual)} last time"
        self._progress.update(self._task(step), detail=event["text"] + beside)

    def _on_resumed(self, step: str, event: dict[str, Any]) -> None:
        self._print(step, f"  {step}: goes on after epoch {event['epoch']}")

    def _on_note(self, step: str, event: dict[str, Any]) -> None:
        self._print(step, f"  {step}: {event['text']}")

    def _print(self, step: str, text: str) -> None:
        self._out(text, soft_wrap=True)
        if (running := self._running.get(step)) is not None:
            running.shown = self._clock()

    def _on_progress(self, step: str, event: dict[str, Any]) -> None:
        self._advance(
            step, event["done"], event["total"], f"{event['done']:,} of {event['total']:,}"
        )

    def _on_batch(self, step: str, event: dict[str, Any]) -> None:
        batches = event["batches"]
        done = (event["epoch"] - 1) * batches + event["batch"]
        words = [
            f"epoch {event['epoch']}/{event['epochs']}",
            _speed(event["examples_per_second"]),
            f"loss {event['loss']:.4f}{_quality(event['metric_name'], event['metric'])}",
        ]
        self._advance(step, done, event["epochs"] * batches, "  ".join(filter(None, words)))

    def _advance(self, step: str, done: int, total: int, detail: str) -> None:
        self._progress.update(self._task(step), completed=done, total=total, detail=detail)
        if (running := self._running.get(step)) is not None:
            running.count(done, total, self._clock())
            running.doing = detail

    def _on_epoch(self, step: str, event: dict[str, Any]) -> None:
        if not self._live:
            self._print(
                step,
                f"  {step}: epoch {event['epoch']}/{event['epochs']}  "
                f"loss {event['loss']:.4f}"
                f"{_quality('validation', event['validation_metric'], event['metric_name'])}  "
                f"{_speed(event['examples_per_second'])}",
            )
        if event["epoch"] == 1 and "sketch" in event:
            self._print(
                step, f"  {step}: what it makes is drawn anew after each epoch: {event['sketch']}"
            )

    def _on_end(self, step: str, event: dict[str, Any]) -> None:
        self._running.pop(step, None)
        if step in self._tasks:
            self._progress.remove_task(self._tasks.pop(step))
        if event["cached"] or event["status"] == "skipped":  # what it waited for has its own line
            return
        note = "" if event["status"] == "passed" else f"  {event['status']}"
        line = Text.assemble(
            _MARKS[event["status"]], f" {step}  ", (f"{event['seconds']:.1f} s", "dim"), note
        )
        self._out(line, soft_wrap=True)


def _rough(seconds: float) -> str:
    """``8 s``, ``3 min 05 s``: of what is seen while it runs, no parts of seconds."""
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(seconds)


def _speed(rate: float | None) -> str:
    """Examples in a second; of slow networks seconds for each; nothing before any is measured."""
    if not rate or rate <= 0:
        return ""
    if rate < 1:
        return f"{1 / rate:,.1f} s per example"
    return f"{rate:,.1f} examples/s" if rate < 10 else f"{rate:,.0f} examples/s"


def _quality(label: str, value: float | None, metric: str = "") -> str:
    """A figure of the running epoch, with two spaces in front; nothing when it has none."""
    if value is None:
        return ""
    # As in reports: what is a share of examples says so in its name.
    if names_share(metric or label):
        return f"  {label} {value:.2%}"
    return f"  {label} {metric} {value:.4g}"
