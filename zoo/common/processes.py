"""Processes that files tell of: a number alone is soon that of another process."""

from __future__ import annotations

#: Seconds by which two readings of one process's start may differ.
_SAME = 1.0


def began(pid: int | None = None) -> float:
    """When a process (this one, if none is given) started, in seconds of the calendar."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:  # it has ended already
        return 0.0


def still_runs(pid: int, began: float) -> bool:
    """Whether the process of a number that started at a time is there."""
    import psutil

    try:
        return abs(psutil.Process(pid).create_time() - began) < _SAME
    except (psutil.Error, ValueError, OverflowError):  # the latter two: no number of a process
        return False
