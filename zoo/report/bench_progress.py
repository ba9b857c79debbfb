"""The table of ``zoo bench`` while it fills, on standard error or in a notebook."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zoo.common import terminal
from zoo.report.notebook import NotebookOutput

#: A table on a terminal is drawn so often per second; agents must not notice it.
_REFRESHES = 2.0
_BAR = 24


class BenchProgress:
    """Shows how far each file has come on each device, and how long it will take.

    On a terminal and in a notebook that is a table that fills. In a pipe or log, each file is one
    line when it is done. Call it with a step's name and its events.
    """

    def __init__(self, *, quiet: bool, notebook: NotebookOutput | None = None) -> None:
        self._console = terminal.console(err=True, quiet=quiet)
        self._notebook = notebook
        self._print = self._console.print if notebook is None else notebook.print
        self._cells: list[dict[str, Any]] = []
        self._whole = {"done": 0, "total": 0, "kept": 0}
        self._began: float | None = None
        self._lock = threading.Lock()
        shown = not quiet and notebook is None and self._console.is_terminal
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=_REFRESHES,
            transient=True,
            auto_refresh=shown,
            # What else is written passes the guard of the streams, not rich.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._shown = shown

    def __enter__(self) -> Self:
        if self._shown:
            self._live.start()
        if self._notebook is not None:
            self._notebook.start(self._table)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._live.stop()
        if self._notebook is not None:
            self._notebook.stop()

    def __call__(self, step: str, event: dict[str, Any]) -> None:
        """Receives one event."""
        with self._lock:
            if event["event"] == "cells":
                self._cells = [{**cell, "doing": "waiting"} for cell in event["cells"]]
            elif event["event"] == "cell":
                self._cell(event)
            elif event["event"] == "progress":
                self._whole = event
            elif event["event"] == "note":
                text = f"  {step}: {event['text']}"
                self._print(text, soft_wrap=True)

    def _cell(self, event: dict[str, Any]) -> None:
        cell = self._cells[event["cell"]]
        ended = event["doing"] in ("done", "failed") and cell["doing"] != event["doing"]
        cell.update(event)
        if event["doing"] == "timing" and self._began is None:
            self._began = time.monotonic()
        if ended and not self._shown and self._notebook is None:
            self._print(f"{self._mark(cell)} {_name(cell)}  {_state(cell)}", soft_wrap=True)

    def _mark(self, cell: dict[str, Any]) -> str:
        unicode = self._console.encoding.lower().startswith("utf")
        good, bad = ("✓", "✗") if unicode else ("ok", "--")
        if cell["doing"] == "failed":
            return bad
        return "~" if cell.get("noisy") else good

    def seconds_left(self) -> float | None:
        """How long it will take from the pace so far; None before there is one."""
        whole = self._whole
        measured = whole["done"] - whole["kept"]
        if self._began is None or measured <= 0:
            return None
        return (time.monotonic() - self._began) / measured * (whole["total"] - whole["done"])

    def _table(self) -> Group | Text:
        with self._lock:
            if not self._cells:
                return Text("")
            table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
            for heading in ("file", "device", "runtime", "threads", "p50 ms", "", "now"):
                table.add_column(heading, justify="right" if heading == "p50 ms" else "left")
            for cell in self._cells:
                p50 = cell.get("p50_ms")
                table.add_row(
                    Text(terminal.cell(" ".join((cell["file"], cell.get("shape", ""))).strip())),
                    Text(terminal.cell(cell["device"])),
                    Text(terminal.cell(cell["runtime"] or "")),
                    str(cell["threads"]),
                    "" if p50 is None else f"{p50:.4f}",
                    f"{cell.get('done', 0)}/{cell['total']}" if cell.get("total") else "",
                    Text(terminal.cell(_state(cell))),
                )
            return Group(table, Text(self._line()))

    def _line(self) -> str:
        done, total = self._whole["done"], max(1, self._whole["total"])
        full = _BAR * done // total
        left = self.seconds_left()
        words = "" if left is None else f"  {_duration(left)} left"
        return f"[{'#' * full}{'.' * (_BAR - full)}] {done} of {total}{words}"


def _name(cell: dict[str, Any]) -> str:
    runtime = f" {cell['runtime']}" if cell["runtime"] else ""
    shape = f" {cell['shape']}" if cell.get("shape") else ""
    return f"{cell['file']}{shape}{runtime} {cell['threads']} on {cell['device']}"


def _state(cell: dict[str, Any]) -> str:
    doing = str(cell["doing"])
    if doing == "done":
        p50 = f"{cell['p50_ms']:.4f} ms" if cell.get("p50_ms") is not None else "done"
        kept = ", kept" if cell.get("kept") == cell.get("total") else ""
        return p50 + (", noisy" if cell.get("noisy") else "") + kept
    return doing


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
