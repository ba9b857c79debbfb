"""The import of foreign code: what it may not change for others, and what is remarkable of it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

#: Seconds of an import from which on it is told: every command waits for it.
SLOW = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(kw_only=True)
class ForeignImport:
    """How an import went.

    Attributes:
        interrupted: Whether a signal arrived meanwhile, or may have arrived: what it raises is no
            fault of the import.
        notes: What users should know of it, each the rest of a sentence.
    """

    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


@contextmanager
def foreign_import() -> Iterator[ForeignImport]:
    """While the block runs, foreign code is imported.

    What it prints goes to standard error, where it cannot be taken for our output. Working folder,
    signal handlers, standard streams and the level of logging are as before afterwards.
    """
    seen = ForeignImport()
    threads = {*threading.enumerate()}
    started = time.perf_counter()
    with _signals_noted(seen), _folder_kept(), _logging_kept(), printed_to_stderr():
        yield seen
    seconds = time.perf_counter() - started
    if seconds >= SLOW:
        seen.notes.append(
            f"takes {seconds:.1f} s to load, at every command: its hooks and the modules that it "
            "imports should do without heavy libraries"
        )
    left = [t.name for t in threading.enumerate() if t not in threads and not t.daemon]
    if left:
        seen.notes.append(f"leaves threads behind that no command ends before: {', '.join(left)}")


@contextmanager
def printed_to_stderr() -> Iterator[None]:
    """While the block runs, standard output is standard error, for native code too."""
    streams = sys.stdout, sys.stderr
    kept = None
    if sys.stdout is not None:
        sys.stdout.flush()  # what was printed before belongs to standard output
        sys.stdout = sys.stderr
    with suppress(OSError):  # one that was closed by whoever started us
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def _folder_kept() -> Iterator[None]:
    folder = None
    with suppress(OSError):  # removed under our feet
        folder = os.getcwd()  # noqa: PTH109
    try:
        yield
    finally:
        if folder is not None:
            with suppress(OSError):
                os.chdir(folder)


@contextmanager
def _logging_kept() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, disabled = root.level, [*root.handlers], root.manager.disable
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        logging.disable(disabled)


@contextmanager
def _signals_noted(seen: ForeignImport) -> Iterator[None]:
    """Python runs handlers in its main thread alone, and lets no other set them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = {number: known for number, known in before.items() if callable(known)}
    for number, known in ours.items():
        signal.signal(number, _noting(seen, known))
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: not set by Python
                signal.signal(number, handler)


def _noting(
    seen: ForeignImport, known: Callable[[int, FrameType | None], Any]
) -> Callable[[int, FrameType | None], Any]:
    def handler(number: int, frame: FrameType | None) -> Any:
        seen.interrupted = True
        return known(number, frame)

    return handler
