"""Transports: file transfer to a device, and the agent's process there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: Options of one device, complete: as the model that its kind declares dumps them.
DeviceOptions = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The state of a device just before or just after a measurement.

    Attributes:
        readings: Its own readings, JSON-compatible: ``temperature_c``, ``governor``, …
            ``battery_uah`` (what is left), ``battery_mv`` and ``charged_by`` (a list) become the
            energy of long runs.
        faults: Why a time taken now could not be trusted, in words: a throttled processor, say.
        hints: What would make times steadier, in words: a governor that holds the clock, say.
    """

    readings: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is about to be timed on a device.

    Attributes:
        files: In the order in which they were named.
        processes: Times that each of them is started.
        seconds: That all of it takes at least.
    """

    files: tuple[Path, ...]
    processes: int
    seconds: float


class AgentProcess(Protocol):
    """A running agent: one JSON object per line each way."""

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the agent is gone, `TimeoutError` if stuck."""

    def receive(self, timeout: float | None) -> str | None:
        """The next line, None at the end of the stream; `TimeoutError` after `timeout` s."""

    def kill(self) -> None:
        """Ends the process at once; may be called from another thread than the other methods."""

    def stop(self) -> int | None:
        """Ends the process; its exit code, negative for the signal that killed it.

        None, for unknown, when the connection to the device broke.
        """

    def diagnostics(self) -> str:
        """The last lines of its error stream."""


class Transport(Protocol):
    """Copies files to the device and starts processes there.

    One whose device has an owner who looks at it may have a method ``announce(work: Work)``, too:
    it is told what is about to be timed.
    """

    def put(self, local: Path) -> str:
        """Makes a local file available there; returns its path on the device."""

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent in an environment that has `runtime`."""

    def condition(self) -> Condition:
        """The device's current condition, read before and after each timed process."""

    def close(self) -> None:
        """Releases the device."""
