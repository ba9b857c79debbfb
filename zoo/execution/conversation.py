"""One conversation with an agent process: a request, then its answer, every failure an error."""

from __future__ import annotations

import json
import secrets
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from zoo.common.shown_text import printable_lines
from zoo.contracts import AgentProcess
from zoo.execution.failures import (
    AgentDied,
    AgentGarbled,
    AgentHung,
    AgentMismatch,
    crash_error,
    last_stderr_lines,
    refusal_error,
)
from zoo.execution.figures import require_small, short
from zoo.execution.protocol import PROTOCOL

#: How long the end of a stream may lag behind a torn line.
END_SECONDS = 0.5
#: Characters of a refusal that are shown, by field.
_REFUSAL = {"type": 50, "message": 2000}
#: Characters that are shown of an answer that cannot be read.
_SHOWN = 160

Read = TypeVar("Read")


class Conversation:
    """Requests and answers of one agent process.

    An answer that breaks the rules of the protocol, or that cannot be true, ends the process.

    Attributes:
        passed: Seconds from the last request to its answer, by the clock of this machine.
    """

    def __init__(self) -> None:
        # A random start: a replayed answer of an earlier conversation has the wrong number.
        self._number = secrets.randbelow(1 << 40)
        self._process: AgentProcess | None = None
        self.passed = 0.0

    def kill(self) -> None:
        """Ends the agent at once, from any thread; a request under way fails."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Ends the agent; nothing can be asked afterwards."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _ask(self, command: str, timeout: float, **fields: Any) -> dict[str, Any]:
        process = self._process
        if process is None:
            raise AgentDied(
                f"there is no agent to {command}", fix="use AgentSession in a with statement"
            )
        self._number += 1
        request = {"protocol": PROTOCOL, "id": self._number, "command": command, **fields}
        began = time.monotonic()
        try:
            # An agent that is gone may have said why, so its stream is read all the same.
            with suppress(BrokenPipeError):
                process.send(json.dumps(request))
            line = process.receive(timeout)
        except TimeoutError as error:
            process.kill()
            self._end(process)
            raise AgentHung(
                f"the agent gave no answer to {command!r} in time and was stopped",
                why=str(error),
                fix="use a smaller model or a longer timeout; check that the device is awake",
            ) from error
        self.passed = time.monotonic() - began
        if line is None:
            code = self._end(process)
            raise crash_error(command, code, process.diagnostics())
        return self._check(process, command, line)

    def _check(self, process: AgentProcess, command: str, line: str) -> dict[str, Any]:
        try:
            require_small(line)
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or "ok" not in answer:
            if _process_ended(process):
                # Half a line, then death: the death is what happened.
                raise crash_error(command, self._end(process), process.diagnostics())
            raise self._garbled(command, line, process)
        if answer.get("protocol") != PROTOCOL:
            self._end(process)
            raise AgentMismatch(
                f"the agent uses protocol {short(answer.get('protocol'))}, edgezoo {PROTOCOL}",
                why="the copy of the agent on the device belongs to another version of edgezoo",
                fix="copy the agent of this version to the device",
            )
        # An agent that cannot read a request refuses it without a number.
        early = not answer["ok"] and answer.get("id") is None
        if answer.get("id") != self._number and not early:
            raise self._garbled(command, f"it answers request {short(answer.get('id'))}", process)
        if answer["ok"] is not True:
            error = answer.get("error")
            told = error if isinstance(error, dict) else {}
            words = [printable_lines(str(told.get(k, ""))[:most]) for k, most in _REFUSAL.items()]
            raise refusal_error(command, *words)
        return answer

    def _read(
        self,
        reader: Callable[..., Read],
        answer: dict[str, Any],
        command: str,
        *beside: Any,
    ) -> Read:
        """What a reader makes of an answer; one that it refuses ends the process."""
        try:
            return reader(answer, *beside)
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            if self._process is None:
                raise
            raise self._garbled(command, f"{error!r} in it", self._process) from error

    def _require(self, check: Callable[..., None], command: str, *told: Any) -> None:
        """Refuses an answer that cannot be true: the check raises a `ValueError`."""
        try:
            check(*told)
        except ValueError as error:
            if self._process is not None:
                self._end(self._process)
            raise AgentGarbled(
                f"the agent's answer to {command!r} cannot be true",
                why=str(error),
                fix="see what runs on that device, and what sets its clock",
            ) from error

    def _garbled(self, command: str, line: str, process: AgentProcess) -> AgentGarbled:
        self._end(process)
        shown = line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "…"
        return AgentGarbled(
            f"the agent's answer to {command!r} is not one: {shown!r}",
            why=last_stderr_lines(process.diagnostics()) or None,
            fix="something else writes to the agent's stdout, or the line to the device is cut",
        )

    def _end(self, process: AgentProcess) -> int | None:
        self._process = None
        return process.stop()


def _process_ended(process: AgentProcess) -> bool:
    try:
        return process.receive(END_SECONDS) is None
    except TimeoutError:
        return False
