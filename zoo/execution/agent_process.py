"""A child process that speaks lines: how an agent is reached through pipes, SSH or ADB alike."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence

from zoo.execution.failures import AgentGarbled

READ_BYTES = 1 << 16
#: Seconds that a process gets to end by itself once its input is closed.
GRACE = 3.0
#: Seconds after which a process that takes no more input counts as hung.
SEND_TIMEOUT = 120.0
DIAGNOSTIC_BYTES = 4096
#: No answer is longer: outputs of 4 MB of inputs, in text.
LINE_BYTES = 1 << 28


class PipeProcess:
    """A started command: one line each way, its error stream kept aside.

    The error stream goes to a temporary file: a pipe that nobody reads would stop the process
    once it is full. Reads and writes block in the kernel until there is something to do.

    Args:
        command: Program and arguments; no shell is involved.
        environment: Replaces this process's environment.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None):
        # Closed by `stop`: the file has to outlive this method.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            env=None if environment is None else dict(environment),
            # The terminal's Ctrl-C is for us alone: we end the process when we are ready.
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("subprocess.Popen made no pipes")
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._pending = bytearray()
        self._ended = False
        self._last_words = ""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the process is gone."""
        left = memoryview(line.encode("utf-8") + b"\n")
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            while left:
                if not selector.select(SEND_TIMEOUT):
                    raise TimeoutError(f"no input taken for {SEND_TIMEOUT:g} s")
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
                    raise TimeoutError(f"no line within {timeout:g} s")
                chunk = os.read(self._output.fileno(), READ_BYTES)
                self._pending += chunk
                if len(self._pending) > LINE_BYTES:
                    self._pending.clear()
                    self.kill()
                    raise AgentGarbled(
                        f"the agent's answer did not end after {LINE_BYTES >> 20} MiB",
                        fix="something else writes to the agent's stdout: see what runs there",
                    )
                self._ended = not chunk
        return self._take(end)

    def _take(self, end: int) -> str:
        line = self._pending[:end].decode("utf-8", errors="replace")
        del self._pending[: end + 1]
        return line

    def kill(self) -> None:
        """Ends the process at once; whoever waits for a line then sees the end of the stream."""
        self._process.kill()

    def stop(self) -> int | None:
        """Ends the process: input closed, then killed; its exit code, negative for a signal."""
        if not self._input.closed:
            self._input.close()
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._output.close()
        self._last_words = self.diagnostics()
        self._errors.close()
        return code

    def diagnostics(self) -> str:
        """The last lines of the error stream."""
        if self._errors.closed:
            return self._last_words
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - DIAGNOSTIC_BYTES))
        return self._errors.read().decode("utf-8", errors="replace").strip()
