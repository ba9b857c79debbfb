"""One measurement at a time per device: who comes second is told who holds it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.common.clock import utc_now
from zoo.common.errors import EnvironmentFailed
from zoo.common.files import cannot_write
from zoo.common.paths import cache_folder
from zoo.common.shown_text import without_passwords
from zoo.execution.device import Device
from zoo.execution.set_aside import refuse_set_aside

_HOLDER_BYTES = 4096


class DeviceBusy(EnvironmentFailed):
    """Another process measures on the device."""


@contextmanager
def device_lock(device: Device) -> Iterator[None]:
    """Keeps other processes of this machine off a device; the kernel lets go when we die.

    This machine itself is not held: what disturbs it is measured, and it has other work anyway.

    Raises:
        DeviceBusy: Another process holds it; says which.
        SetAside: It failed its health check twice.
    """
    if device.kind.local:
        yield
        return
    refuse_set_aside(device)
    with hold_lock(device.kind.name, device.address, repr(device.name)):
        yield


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process of this machine that holds a device.

    Attributes:
        pid: Of the process; 0 where it did not say.
        command: As it was typed.
        since: ISO 8601.
    """

    pid: int = 0
    command: str = ""
    since: str = ""


def holder_of(device: Device) -> Holder | None:
    """Who holds a device now; None when it is free."""
    import fcntl  # not on Windows, where importing the zoo must still work

    try:
        descriptor = os.open(_lock_file(device.kind.name, device.address), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_holder(descriptor) or Holder()
    finally:
        os.close(descriptor)
    return None


class HeldLock:
    """What is ours until `close`, or until we die."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def hold_lock(kind: str, place: str, shown: str, hold: bool = True) -> HeldLock:
    """Keeps other processes of this machine off what is named by a kind and a place.

    Args:
        kind: Of the device.
        place: Where it is; two names for one place are one.
        shown: What people call it.
        hold: Whether to; else nothing happens.

    Raises:
        DeviceBusy: Another process holds it; says which.
    """
    if not hold:
        return HeldLock(None)
    path = _lock_file(kind, place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The holder's words are read by others: truncating on open would wipe them out.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        _lock(descriptor, shown)
        command = without_passwords(" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))
        holder = {"pid": os.getpid(), "command": command, "since": utc_now()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return HeldLock(descriptor)


def _lock_file(kind: str, place: str) -> Path:
    digest = hashlib.sha256(f"{kind} {place}".encode()).hexdigest()[:16]
    return cache_folder() / "locks" / f"{kind}-{digest}.lock"


def _lock(descriptor: int, shown: str) -> None:
    import fcntl  # not on Windows, where importing the zoo must still work

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DeviceBusy(
            f"{shown} is in use",
            why=_holder(descriptor),
            fix="wait until that has ended, then type the same command again",
        ) from error


def _holder(descriptor: int) -> str:
    found = _read_holder(descriptor)
    if found is None:
        return "another process of this machine holds it"
    command = found.command if len(found.command) <= 120 else found.command[:117] + "…"
    return f"process {found.pid} of this machine holds it since {found.since}: {command}"


def _read_holder(descriptor: int) -> Holder | None:
    try:
        found = json.loads(os.pread(descriptor, _HOLDER_BYTES, 0))
        return Holder(
            pid=int(found["pid"]), command=str(found["command"]), since=str(found["since"])
        )
    except (ValueError, KeyError, TypeError):
        return None
