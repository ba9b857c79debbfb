"""A child process that speaks lines: how an agent is reached through pipes, SSH or ADB alike."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from zoo.common.shown_text import without_passwords
from zoo.execution.failures import AgentGarbled

_log = logging.getLogger(__name__)

READ_BYTES = 1 << 16
#: Seconds that a process gets to end by itself once its input is closed.
GRACE = 3.0
#: Seconds after which a process that takes no more input counts as hung.
SEND_TIMEOUT = 120.0
#: Bytes per second that any connection carries; a process that takes fewer counts as hung.
SLOWEST = 20_000.0
DIAGNOSTIC_BYTES = 4096
#: Seconds for the rest of an error stream once its process has ended.
END_SECONDS = 0.5
#: No answer is longer: outputs of 4 MB of inputs, in text.
LINE_BYTES = 1 << 28


def endless_line() -> AgentGarbled:
    """The error for a line that is longer than any answer."""
    return AgentGarbled(
        f"the agent's answer did not end after {LINE_BYTES >> 20} MiB",
        fix="something else writes to the agent's stdout: see what runs there",
    )


class PipeProcess:
    """A started command: one line each way, the end of its error stream kept aside.

    It leads a session of its own, and is killed with all that it started there. Reads and writes
    block in the kernel until there is something to do.

    Args:
        command: Program and arguments; no shell is involved.
        environment: Replaces this process's environment.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None):
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=None if environment is None else dict(environment),
            # The terminal's Ctrl-C is for us alone: we end the process when we are ready.
            start_new_session=True,
        )
        _log.debug("process %s: %s", self._process.pid, without_passwords(" ".join(command)))
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        if pipes[0] is None or pipes[1] is None or pipes[2] is None:
            raise RuntimeError("subprocess.Popen made no pipes")
        self._input, self._output = pipes[0], pipes[1]
        self._errors = _StreamEnd(pipes[2])
        os.set_blocking(self._input.fileno(), False)
        self._pending = bytearray()
        self._ended = False

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the process is gone."""
        left = memoryview(line.encode("utf-8") + b"\n")
        allowed = SEND_TIMEOUT + len(left) / SLOWEST
        deadline = time.monotonic() + allowed
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            while left:
                if not selector.select(SEND_TIMEOUT):
                    raise TimeoutError(f"no input taken for {SEND_TIMEOUT:g} s")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"a request was not taken whole within {allowed:.0f} s")
                left = left[os.write(self._input.fileno(), left) :]

    def receive(self, timeout: float | None) -> str | None:
        """The next line without its end, None at the end of the stream.

        A last line without an end comes as it is. `TimeoutError` after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        searched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while (end := self._pending.find(b"\n", searched)) < 0:
                searched = len(self._pending)
                if self._ended:
                    return self._take(searched) if self._pending else None
                wait = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not selector.select(wait):
                    raise TimeoutError(f"no line within {timeout:.3g} s")
                chunk = os.read(self._output.fileno(), READ_BYTES)
                self._pending += chunk
                if len(self._pending) > LINE_BYTES:
                    self._pending.clear()
                    self.kill()
                    raise endless_line()
                self._ended = not chunk
        return self._take(end)

    def _take(self, end: int) -> str:
        line = self._pending[:end].decode("utf-8", errors="replace")
        del self._pending[: end + 1]
        return line

    def kill(self) -> None:
        """Ends the process at once; whoever waits for a line then sees the end of the stream."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> int | None:
        """Ends the process: input closed, then killed; its exit code, negative for a signal.

        None for one that the system does not end: it waits for a driver, say.
        """
        if not self._input.closed:
            self._input.close()
        code: int | None = None
        for last in (False, True):
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(GRACE)
                break
            if not last:
                PipeProcess.kill(self)
        self._output.close()
        self._errors.wait(END_SECONDS)
        return code

    def diagnostics(self) -> str:
        """The last lines of the error stream."""
        return self._errors.text()


class _StreamEnd:
    """The end of an error stream: read all the time, since a full pipe would stop the process."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._end = b""
        self._thread = threading.Thread(
            target=self._read, args=(stream,), daemon=True, name="zoo-stderr"
        )
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), READ_BYTES):
                self._end = (self._end + chunk)[-DIAGNOSTIC_BYTES:]

    def wait(self, seconds: float) -> None:
        """Waits for the end of the stream, which a process left behind may hold open."""
        self._thread.join(seconds)

    def text(self) -> str:
        """What is kept of it."""
        return self._end.decode("utf-8", errors="replace").strip()
