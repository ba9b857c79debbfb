"""Worker processes: a converter that crashes costs its step alone.

TensorFlow takes seconds to import. A fork server imports it once; each call gets a fresh fork of
that server, so nothing is shared between calls and nothing is imported twice.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from zoo.common import telemetry
from zoo.common.crashes import MORE_MEMORY, crash_error, oom_kills
from zoo.common.errors import (
    BadData,
    BadFile,
    EnvironmentFailed,
    KilledFromOutside,
    NativeCrash,
    ProcessFailed,
    Unsupported,
    UsageError,
    ZooError,
)
from zoo.common.fork_server import SAFE_PATH, fork_context, starting_children, stop_server
from zoo.common.memory import most_resident_memory, resident_memory
from zoo.common.plugin_errors import plugin_failure
from zoo.common.progress import OnEvent
from zoo.common.system_errors import full_disk, system_error

_log = logging.getLogger(__name__)

#: Names of libraries' out-of-memory exceptions.
_NO_MEMORY = ("MemoryError", "ResourceExhaustedError")
#: Calls inside calls in a worker: Keras makes one for each layer of a network's depth.
_MOST_CALLS = 5_000


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """Resource limits of a worker.

    Attributes:
        seconds: Wall-clock time; None for no limit.
        memory_bytes: What it may write to beyond what the fork server already has, in memory of
            its own; None for no limit. Limited on Linux alone.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class RemoteFailure:
    """An exception of a worker, flattened for the pipe."""

    what: str
    why: str | None
    fix: str | None
    kind: str
    exit_code: int
    details: str

    def error(self) -> ZooError:
        """The exception to raise in the parent; the child's traceback is a note on it."""
        kind = _KINDS.get(self.kind, ZooError)
        error = kind(self.what, why=self.why, fix=self.fix)
        error.exit_code = self.exit_code
        error.add_note(self.details)
        return error


_KINDS: dict[str, type[ZooError]] = {
    kind.__name__: kind
    for kind in (
        *(ZooError, UsageError, BadData, BadFile, Unsupported),
        *(EnvironmentFailed, ProcessFailed, KilledFromOutside, NativeCrash),
    )
}


@dataclass(kw_only=True)
class Children:
    """The running children of one pipeline, so that an interruption can end them all."""

    stopping: bool = False
    _stops: set[Callable[[], object]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def registered(self, stop: Callable[[], object]) -> Iterator[None]:
        """Calls `stop` if everything is stopped while the block runs."""
        with self._lock:
            self._stops.add(stop)
            stopping = self.stopping
        if stopping:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.discard(stop)

    def refuse_start(self) -> None:
        """Raises `EOFError`, as the end of the fork server does, once everything is stopped."""
        if self.stopping:
            raise EOFError("everything is being stopped")

    def stop_all(self) -> None:
        """Ends every child that runs now or starts later."""
        with self._lock:
            self.stopping = True
            stops = list(self._stops)
        for stop in stops:
            stop()


def call(
    function: str,
    arguments: dict[str, Any],
    *,
    on_event: OnEvent | None = None,
    on_memory: Callable[[int], None] | None = None,
    limits: WorkerLimits | None = None,
    children: Children | None = None,
    tensorflow: bool = True,
) -> Any:
    """Runs ``function(**arguments, emit=…)`` in a fresh child process and returns its result.

    Args:
        function: ``package.module:name``; importable, so that nothing of the caller is pickled.
        arguments: Plain values and frozen records.
        on_event: Called with each dictionary that the function emits.
        on_memory: Called at the end with the bytes that the child took at most, beyond what it had
            from the fork server; not where the system does not say.
        limits: Time and memory.
        children: Registers the child for `Children.stop_all`.
        tensorflow: Whether the function needs TensorFlow, so that a fork server which has to be
            started first had better import it once for all.

    Raises:
        ZooError: As raised by the function.
        ProcessFailed: The child was killed, ran out of memory or time, or ended without a result.
    """
    limits = limits or WorkerLimits()
    children = children if children is not None else Children()
    context = fork_context(tensorflow)
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="zoo-step-") as folder:
        log = Path(folder) / "output.log"
        process = context.Process(
            target=_child,
            args=(function, arguments, sender, str(log), limits, _CallerContext.current()),
            daemon=True,
        )
        try:
            children.refuse_start()
            # The first start waits until TensorFlow is imported.
            with children.registered(stop_server), starting_children():
                children.refuse_start()
                process.start()
            _log.debug("process %s runs %s", process.pid, function)
        except (EOFError, OSError) as error:
            receiver.close()
            if isinstance(error, OSError) and (known := system_error(error)) is not None:
                raise known from error
            raise ProcessFailed(
                "no child process could be started: the fork server is gone",
                why=str(error) or None,
                fix="try again; `zoo doctor` shows whether TensorFlow is installed",
            ) from error
        finally:
            sender.close()
        try:
            with children.registered(process.terminate):
                told = {"event": on_event, "memory": on_memory}
                return _receive(process, receiver, told, limits, log, function)
        finally:
            if process.is_alive():
                process.terminate()
            process.join()
            _log.debug("process %s ended with %s", process.pid, process.exitcode)
            receiver.close()


def _receive(
    process: Any,
    receiver: Connection,
    told: Mapping[str, Callable[[Any], None] | None],
    limits: WorkerLimits,
    log: Path,
    function: str,
) -> Any:
    name = function.partition(":")[2]
    killed_before = oom_kills()
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not wait([receiver], timeout=left):
            process.kill()
            raise ProcessFailed(
                f"{name} was stopped after {limits.seconds:g} s",
                why="it reached its time limit",
                fix="raise the limit (--time-limit), or use a smaller model",
            )
        try:
            kind, value = receiver.recv()
        except (EOFError, OSError):  # the latter when it ends in the middle of a message
            process.join()
            raise crash_error(
                process.exitcode,
                log,
                name,
                memory=limits.memory_bytes,
                killed_before=killed_before,
            ) from None
        if kind in told:
            if (listener := told[kind]) is not None:
                listener(value)
        elif kind == "result":
            return value
        else:
            raise value.error()


@dataclass(frozen=True, kw_only=True)
class _CallerContext:
    """Working folder and environment of the caller; the fork server has those of its own start."""

    folder: str | None
    environment: dict[str, str]

    @classmethod
    def current(cls) -> _CallerContext:
        try:
            folder = str(Path.cwd())
        except FileNotFoundError:  # removed under our feet; absolute paths still work
            folder = None
        return cls(folder=folder, environment=dict(os.environ))

    def apply(self) -> None:
        if self.folder is not None:
            os.chdir(self.folder)
        # TensorFlow sets variables of its own; what we read ourselves must be exact.
        for name in [n for n in os.environ if n.startswith("ZOO_") or n == SAFE_PATH]:
            del os.environ[name]
        os.environ.update(self.environment)


def _end_with_parent(folder: Path) -> None:
    """Ends this worker and removes its folder when the parent process is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="zoo-parent").start()


def _child(
    function: str,
    arguments: dict[str, Any],
    sender: Connection,
    log: str,
    limits: WorkerLimits,
    surroundings: _CallerContext,
) -> None:
    """Entry point of the worker: redirects streams, sets limits, calls the function."""
    # Ctrl-C reaches the whole process group; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = Path(log).parent
    _end_with_parent(own)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    try:
        surroundings.apply()
        # What libraries leave there (TensorFlow its generated code) goes with the step's folder,
        # however this process ends.
        tempfile.tempdir = os.environ["TMPDIR"] = str(own)
        telemetry.switch_off()
        telemetry.switch_off_modules()
        _limit_memory(limits.memory_bytes)
        begun = resident_memory()
        sys.setrecursionlimit(_MOST_CALLS)
        module_name, _, name = function.partition(":")
        target = getattr(importlib.import_module(module_name), name)
        try:
            result = target(**arguments, emit=lambda event: sender.send(("event", event)))
        finally:
            if most := most_resident_memory():
                sender.send(("memory", max(0, most - begun)))
        sender.send(("result", result))
    # Whatever the work raises becomes the parent's record; a traceback stays in the log.
    except BaseException as error:
        sender.send(("error", flatten(error)))
    finally:
        sender.close()
        sys.stdout.flush()
        sys.stderr.flush()


def flatten(error: BaseException) -> RemoteFailure:
    """Anything raised, as the sentences of a `ZooError` with the traceback beside them."""
    known = system_error(error) if isinstance(error, OSError) else None
    if isinstance(error, ZooError):
        flat = error
    elif known is not None or (known := full_disk(error)) is not None:
        flat = known
    elif any(kind.__name__ in _NO_MEMORY for kind in type(error).__mro__):
        flat = ProcessFailed(
            "the step ran out of memory",
            why=str(error).strip()[:600] or None,
            fix=MORE_MEMORY,
        )
    else:
        flat = plugin_failure(error) or ZooError(
            f"{type(error).__name__}: {str(error).strip()[:600] or 'no message'}",
            fix="run again with --debug to see where",
        )
    return RemoteFailure(
        what=flat.what,
        why=flat.why,
        fix=flat.fix,
        # A class with arguments of its own arrives as the nearest one that takes three sentences.
        kind=next(k.__name__ for k in type(flat).__mro__ if k.__name__ in _KINDS),
        exit_code=flat.exit_code,
        details="".join(traceback.format_exception(error)),
    )


def _limit_memory(limit: int | None) -> None:
    status = Path("/proc/self/status")
    if limit is None or not status.exists():
        return
    # Of what is written alone: TensorFlow and thread pools reserve far more addresses than they
    # ever use, and libraries are shared.
    words = status.read_text(encoding="ascii", errors="replace").split()
    used = int(words[words.index("VmData:") + 1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + limit, used + limit))
