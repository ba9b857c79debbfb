"""Programs run to their end: what they print is kept within limits of size and time."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: No program that is asked for a few lines or a table prints more.
MOST_OUTPUT = 1 << 24
_READ = 1 << 16
#: Seconds for the rest of what a program printed once it has ended: a process that it left
#: behind may hold its output open for ever.
_REST = 1.0


@dataclass(frozen=True, kw_only=True)
class Captured:
    """How a program ended, and what it printed.

    Attributes:
        code: Exit code; negative for the signal that killed it, None where it was ended.
        out: Its standard output, at most as much as was allowed.
        err: The end of its standard error, at most as much as was allowed.
        flooded: Whether it was ended for printing more than was allowed.
    """

    code: int | None
    out: str
    err: str
    flooded: bool


def run_captured(
    command: Sequence[str],
    *,
    seconds: float | None,
    stdin: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    most: int = MOST_OUTPUT,
) -> Captured:
    """Runs a program to its end, or ends it.

    Args:
        command: Program and arguments; no shell is involved.
        seconds: Time limit; None for none.
        stdin: An open file; None for nothing.
        environment: In place of this process's.
        folder: In which it runs.
        most: Bytes of standard output after which it is ended. Of standard error the last ones
            are kept, and sixteen times as many end it.

    Raises:
        OSError: It cannot be started.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    process = subprocess.Popen(
        list(command),
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=None if environment is None else dict(environment),
        cwd=folder,
    )
    try:
        kept, flooded, late = _read_all(process, deadline, most)
    finally:
        if process.poll() is None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):  # one that waits for a driver may never end
                process.wait(_REST)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    out, err = (part.decode("utf-8", errors="replace") for part in kept)
    code = None if flooded or late else process.returncode
    return Captured(code=code, out=out, err=err, flooded=flooded)


def _read_all(
    process: subprocess.Popen[bytes], deadline: float | None, most: int
) -> tuple[tuple[bytes, bytes], bool, bool]:
    """Its two streams, and whether it printed too much or took too long."""
    out, err, errors = bytearray(), bytearray(), 0
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, out), (process.stderr, err)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        ended: float | None = None
        while selector.get_map():
            now = time.monotonic()
            if ended is None and process.poll() is not None:
                ended = now + _REST
            until = min(limit for limit in (deadline, ended, now + _REST) if limit is not None)
            for key, _ in selector.select(max(0.0, until - now)):
                chunk = os.read(key.fd, _READ)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
                if key.data is err:
                    errors += len(chunk)
                    del err[:-most]
            if len(out) > most or errors > 16 * most:
                return (bytes(out[:most]), bytes(err)), True, False
            if deadline is not None and time.monotonic() > deadline:
                return (bytes(out), bytes(err)), False, True
            if ended is not None and time.monotonic() > ended:
                break
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        process.wait(left)
    except subprocess.TimeoutExpired:
        return (bytes(out), bytes(err)), False, True
    return (bytes(out), bytes(err)), False, False
