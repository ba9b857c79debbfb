"""Live progress of the steps of a run, on standard error or in a notebook."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from zoo.common import terminal
from zoo.report.notebook import NotebookOutput
from zoo.results.formatting import names_share

_MARKS = {"passed": ("✓", "green"), "rejected": ("✗", "red"), "failed": ("✗", "red")}


class StepProgress:
    """Shows steps as they run; call it with a step's name and its events.

    On a terminal and in a notebook, running steps have a live line each. In a pipe or log, each
    step is one line when it ends.
    """

    def __init__(self, *, quiet: bool, notebook: NotebookOutput | None = None) -> None:
        self._console = terminal.console(err=True, quiet=quiet)
        self._notebook = notebook
        self._print = self._console.print if notebook is None else notebook.print
        self._live = notebook is not None or self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}", markup=False),
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

    def __enter__(self) -> Self:
        self._progress.start()
        if self._notebook is not None:
            self._notebook.start(self._progress.get_renderable)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        if self._notebook is not None:
            self._notebook.stop()

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
        self._task(step)

    def _on_stage(self, step: str, event: dict[str, Any]) -> None:
        self._progress.update(self._task(step), detail=event["text"])

    def _on_resumed(self, step: str, event: dict[str, Any]) -> None:
        self._print(f"  {step}: goes on after epoch {event['epoch']}")

    def _on_note(self, step: str, event: dict[str, Any]) -> None:
        self._print(f"  {step}: {event['text']}", soft_wrap=True)

    def _on_progress(self, step: str, event: dict[str, Any]) -> None:
        self._progress.update(
            self._task(step),
            completed=event["done"],
            total=event["total"],
            detail=f"{event['done']:,} of {event['total']:,}",
        )

    def _on_batch(self, step: str, event: dict[str, Any]) -> None:
        batches = event["batches"]
        done = (event["epoch"] - 1) * batches + event["batch"]
        self._progress.update(
            self._task(step),
            completed=done,
            total=event["epochs"] * batches,
            detail=f"epoch {event['epoch']}/{event['epochs']}  "
            f"{event['examples_per_second']:,.0f} examples/s  loss {event['loss']:.4f}"
            + _quality(event["metric_name"], event["metric"]),
        )

    def _on_epoch(self, step: str, event: dict[str, Any]) -> None:
        if not self._live:
            self._print(
                f"  {step}: epoch {event['epoch']}/{event['epochs']}  "
                f"loss {event['loss']:.4f}"
                f"{_quality('validation', event['validation_metric'], event['metric_name'])}  "
                f"{event['examples_per_second']:,.0f} examples/s",
                soft_wrap=True,
            )
        if event["epoch"] == 1 and "sketch" in event:
            self._print(
                f"  {step}: what it makes is drawn anew after each epoch: {event['sketch']}",
                soft_wrap=True,
            )

    def _on_end(self, step: str, event: dict[str, Any]) -> None:
        if step in self._tasks:
            self._progress.remove_task(self._tasks.pop(step))
        if event["cached"] or event["status"] == "skipped":  # what it waited for has its own line
            return
        note = "" if event["status"] == "passed" else f"  {event['status']}"
        line = Text.assemble(
            _MARKS[event["status"]], f" {step}  ", (f"{event['seconds']:.1f} s", "dim"), note
        )
        self._print(line, soft_wrap=True)


def _quality(label: str, value: float | None, metric: str = "") -> str:
    """A figure of the running epoch, with two spaces in front; nothing when it has none."""
    if value is None:
        return ""
    # As in reports: what is a share of examples says so in its name.
    if names_share(metric or label):
        return f"  {label} {value:.2%}"
    return f"  {label} {metric} {value:.4g}"
