"""Somewhere an artifact runs: a transport to a place where the agent can be started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zoo.contracts.checks import check, check_name


class AgentProcess(Protocol):
    """A running agent: one JSON object per line each way."""

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the agent is gone, `TimeoutError` if stuck."""

    def receive(self, timeout: float | None) -> str | None:
        """The next line, None at the end of the stream; `TimeoutError` after `timeout` s."""

    def kill(self) -> None:
        """Ends the process at once; may be called from another thread than the other methods."""

    def stop(self) -> int | None:
        """Ends the process; its exit code (negative: killed by that signal), None if unknown."""

    def diagnostics(self) -> str:
        """The last lines of its error stream."""


class Transport(Protocol):
    """Copies files to the device and starts processes there."""

    def put(self, local: Path) -> str:
        """Makes a local file available there; returns its path on the device."""

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent in an environment that has `runtime`."""

    def close(self) -> None:
        """Releases the device."""


@dataclass(frozen=True, kw_only=True)
class DeviceKind:
    """A way to reach devices.

    Attributes:
        name: ``host``; also the device name when the kind has one device only.
        summary: One line for lists.
        connect: Opens a transport; takes the options of one device (strings from
            ``devices.toml``), none for the host.
        fingerprint: Identifies the machine, so that a latency is never taken for another's.
        runtimes: Agent runtimes that can be used there now.
        options: Names of the options that ``connect`` understands.
        distributions: Those installed here whose versions decide what it answers and how fast.
        local: Whether it is this machine, where files are judged after export.
    """

    name: str
    summary: str
    connect: Callable[[dict[str, str]], Transport]
    fingerprint: Callable[[dict[str, str]], str]
    runtimes: Callable[[dict[str, str]], Sequence[str]]
    options: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    local: bool = False

    def __post_init__(self) -> None:
        check_name("device", self.name)
        for field_name in ("connect", "fingerprint", "runtimes"):
            check(callable(getattr(self, field_name)), self.name, f"{field_name} must be callable")
