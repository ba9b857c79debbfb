"""Android phones by ADB: the agent runs in an app's Python, Termux's unless another is named.

``run-as`` enters only apps that were built for debugging: Termux's builds from GitHub are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.execution.lock import hold_place

from ..shared.remote import DeviceUnreachable
from .android_state import HOLD_CLOCKS, READINGS, condition_of
from .benchmark_model import tool
from .connection import AdbLine

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel


class AdbTransport:
    """Files and agents on one phone, whose clocks are held until `close` if it can do that."""

    def __init__(self, options: DeviceOptions, *, hold: bool = True) -> None:
        self._line = AdbLine(options)
        self._options = options
        # A phone may be named with its serial and without: the lock goes by what it is.
        self._lock = hold_place(
            "adb-phone", self._line.serial, f"the phone {self._line.serial}", hold
        )
        self._held = False
        try:
            self._line.boot = self._line.boot_now()
            if hold and options["performance"]:
                done = self._line.run_outside(HOLD_CLOCKS, "true")
                self._held = done.code == 0 and "not" not in (done.out + done.err)
        except BaseException:
            self._lock.close()
            raise

    @property
    def serial(self) -> str:
        """Of the phone that was chosen."""
        return self._line.serial

    @functools.cached_property
    def outside(self) -> AdbLine:
        """ADB's own shell on the same phone, which may execute what lies in its own folder."""
        folder = self._options["benchmark_folder"]
        return AdbLine({**self._options, "serial": self.serial, "app": "", "folder": folder})

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        return self._line.put(local)

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there."""
        return self._line.start_agent(runtime, str(self._options["python"]), self._options["cpus"])

    def condition(self) -> Condition:
        """Heat, battery, radio, and whether Android holds the clocks."""
        found = condition_of(self._line.run_outside(READINGS).out)
        held = {"fixed_performance": self._held, "cpus": self._options["cpus"]}
        return Condition(readings={**found.readings, **held}, faults=found.faults)

    def close(self) -> None:
        """Gives the clocks back to Android, and lets go of the phone."""
        try:
            if self._held:
                self._held = False
                self._line.run_outside(HOLD_CLOCKS, "false")
        except DeviceUnreachable:
            return  # Unplugged; restarting the phone ends the mode as well.
        finally:
            self._lock.close()


def address(options: DeviceOptions) -> str:
    """Serial and server, as far as they are given."""
    at = f" at {options['server']}" if options["server"] else ""
    return f"{options['serial'] or 'the connected phone'}{at}"


def describe(options: DeviceOptions) -> dict[str, Any]:
    """What an agent there says of the phone; asked once per command."""
    return _described(tuple(sorted(options.items())))


@functools.lru_cache(maxsize=64)
def _described(items: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    from zoo.execution.session import AgentSession

    transport = AdbTransport(dict(items), hold=False)
    try:
        with AgentSession(transport, "litert") as session:
            return {**session.describe(), "serial": transport.serial}
    finally:
        transport.close()


def fingerprint(options: DeviceOptions) -> str:
    """The phone as the agent there names it, with the versions that decide a latency."""
    about = describe(options)
    versions = [f"{name} {version}" for name, version in sorted(about["runtimes"].items())]
    # Phones have no machine id that an app may read, so two of one make would be one.
    return "; ".join(
        [about["serial"], str(about["fingerprint"]), f"python {about['python']}", *versions]
    )


def runtimes(options: DeviceOptions) -> Sequence[str]:
    """The agent's runtimes that are installed there."""
    return list(describe(options)["runtimes"])


def _options() -> type[BaseModel]:
    from .options import Options

    return Options


def kinds() -> Iterator[DeviceKind]:
    """Phones that ADB reaches."""
    yield DeviceKind(
        name="adb",
        summary="an Android phone, by ADB",
        remote=True,
        connect=AdbTransport,
        fingerprint=fingerprint,
        runtimes=runtimes,
        options=_options,
        address=address,
        tool=tool,
        extra="adb",
    )
