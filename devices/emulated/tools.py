"""Programs of the system that fetch and unpack, run without a shell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.captured import run_captured
from zoo.common.errors import ZooError
from zoo.execution.failures import last_stderr_lines

#: Seconds that one of them may take: some fetch a hundred megabytes.
PATIENCE = 1800.0


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """How a program ended, and what it said on both streams."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """The end of what it said."""
        return last_stderr_lines(self.err or self.out)


def run_tool(command: Sequence[str]) -> ToolResult:
    """Runs a program to its end, with messages in English.

    Raises:
        ZooError: It is not installed, or did not end in time.
    """
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = run_captured(command, seconds=PATIENCE, environment=environment)
    except OSError as error:
        raise ZooError(
            f"{command[0]} cannot be started", why=error.strerror, fix=f"install {command[0]}"
        ) from error
    if done.flooded:
        raise ZooError(f"{command[0]} printed without an end and was stopped")
    if done.code is None:
        raise ZooError(
            f"{command[0]} did not end within {PATIENCE:g} s",
            fix="check the network, then type the same command again: what is fetched is kept",
        )
    return ToolResult(code=done.code, out=done.out, err=done.err)
