"""Diagnosis of child processes that ended without a result, from exit code and log."""

from __future__ import annotations

import signal
from pathlib import Path

from zoo.common.errors import KilledFromOutside, NativeCrash, ProcessFailed

_LOG_TAIL = 2_000
_SHOWN_LOG = 400
#: Signals of crashes in native code: the same work would crash again.
_NATIVE_SIGNALS = frozenset({"SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE"})
#: Signals that do not come from the work itself.
_FROM_OUTSIDE = frozenset({"SIGKILL", "SIGTERM"})
_CAUSES = {
    "SIGSEGV": "native code of the converter or runtime crashed",
    "SIGBUS": "native code of the converter or runtime crashed",
    "SIGFPE": "native code of the converter or runtime divided by zero",
    "SIGABRT": "native code of the converter or runtime gave up",
    "SIGILL": "the processor lacks an instruction that the library was built for",
    "SIGKILL": "it was killed from outside; on Linux most often for lack of memory",
    "SIGTERM": "it was terminated by a signal",
}
#: What programs print when an allocation fails.
_NO_MEMORY = ("bad_alloc", "out of memory", "cannot allocate memory", "oom when allocating")
#: Counters of processes that Linux ended for lack of memory, in this group and in all.
_OOM_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
MORE_MEMORY = "raise the memory limit (--memory-limit), or use a smaller batch or model"
_TRY_OTHERS = (
    "the other steps go on; try another precision or format for this one, or the same again "
    "with --retry"
)


def oom_kills() -> int:
    """Number of out-of-memory kills that Linux has counted so far; 0 where it has no counter."""
    for counter in _OOM_COUNTERS:
        try:
            words = counter.read_text(encoding="ascii").split()
        except OSError:
            continue
        if "oom_kill" in words:
            return int(words[words.index("oom_kill") + 1])
    return 0


def crash_error(
    exitcode: int | None, log: Path, name: str, *, memory: int | None, killed_before: int
) -> ProcessFailed:
    """The error for a child process that ended without a result.

    Args:
        exitcode: As `multiprocessing` reports it; negative for a signal.
        log: What it printed.
        name: Of its work.
        memory: Bytes that it was allowed; None for no limit.
        killed_before: `oom_kills` when it started.
    """
    text = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:] if log.exists() else ""
    last = " | ".join(line for line in text.splitlines() if line.strip())[-_SHOWN_LOG:]
    if exitcode is None or exitcode >= 0:
        return ProcessFailed(
            f"{name} ended without an answer (exit code {exitcode})",
            why=last or None,
            fix="run again with --debug and report the output",
        )
    ended_by = signal_name(-exitcode)
    cause = _CAUSES.get(ended_by, "it was ended by a signal")
    fix = _TRY_OTHERS
    kind: type[ProcessFailed] = ProcessFailed
    if ended_by in _NATIVE_SIGNALS:
        kind = NativeCrash
    elif ended_by in _FROM_OUTSIDE:
        kind = KilledFromOutside
    if ended_by == "SIGKILL" and oom_kills() > killed_before:
        cause = "the system ran out of memory, and ended it"
        fix = "end other programs, or use a smaller model; the other steps go on"
    elif any(words in text.lower() for words in _NO_MEMORY):
        allowed = "" if memory is None else f" within the {memory / 1e9:.1f} GB that it was allowed"
        cause = f"it found no more memory{allowed}"
        fix = MORE_MEMORY
    return kind(
        f"{name} was killed by {ended_by}",
        why=cause + (f"; its last output: {last}" if last else ""),
        fix=fix,
    )


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
