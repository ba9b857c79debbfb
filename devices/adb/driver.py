"""Android phones by ADB: the agent runs in an app's Python, Termux's unless another is named.

``run-as`` enters only apps that were built for debugging: Termux's builds from GitHub are.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, Runtime, Transport, VendorTool
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.failures import last_stderr_lines
from zoo.execution.lock import hold_lock

from ..shared.remote import DeviceUnreachable
from .android_state import HOLD_CLOCKS, READINGS, condition_of
from .benchmark_model import tool
from .connection import AdbShell
from .options import AdbOptions
from .phones import client_of, ready_phones

if TYPE_CHECKING:
    from pathlib import Path

_VIEW = 'exec am start -a android.intent.action.VIEW -d "$1"'


class AdbTransport:
    """Files and agents on one phone, whose clocks are held until `close` if it can do that."""

    def __init__(
        self, options: AdbOptions, plugin_runtimes: Sequence[Runtime] = (), *, hold: bool = True
    ) -> None:
        self._line = AdbShell(options)
        self._line.plugin_runtimes = plugin_runtimes
        self._options = options
        # A phone may be named with its serial and without: the lock goes by what it is.
        self._lock = hold_lock(
            "adb-phone", self._line.serial, f"the phone {self._line.serial}", hold
        )
        self._held = False
        try:
            self._line.boot = self._line.current_boot()
            if hold and options.performance:
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
    def outside(self) -> AdbShell:
        """ADB's own shell on the same phone, which may execute what lies in its own folder."""
        there = {"serial": self.serial, "app": "", "folder": self._options.benchmark_folder}
        return AdbShell(self._options.model_copy(update=there))

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        return self._line.put(local)

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there."""
        return self._line.start_agent(runtime, self._options.python, self._options.cpus)

    def condition(self) -> Condition:
        """Heat, battery, radio, and whether Android holds the clocks."""
        found = condition_of(self._line.run_outside(READINGS).out)
        held = {"fixed_performance": self._held, "cpus": self._options.cpus}
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


class AdbDriver(AgentDriver[AdbOptions]):
    """A phone behind an ADB server."""

    asked = ("litert",)

    @property
    def address(self) -> str:
        """Serial and server, as far as they are given."""
        at = f" at {self.options.server}" if self.options.server else ""
        return f"{self.options.serial or 'the connected phone'}{at}"

    def connect(self) -> AdbTransport:
        """Connects, and holds the phone and its clocks."""
        return AdbTransport(self.options, self.plugin_runtimes)

    def look(self) -> AdbTransport:
        """Connects, and leaves the phone to others."""
        return AdbTransport(self.options, self.plugin_runtimes, hold=False)

    def describe(self, transport: Transport) -> dict[str, Any]:
        """What the agent says, and the phone's serial."""
        assert isinstance(transport, AdbTransport)
        return {**super().describe(transport), "serial": transport.serial}

    def fingerprint(self) -> str:
        """The phone as the agent there names it, with the versions that decide a latency."""
        # Phones have no machine id that an app may read, so two of one make would be one.
        return f"{self.about['serial']}; {super().fingerprint()}"

    def open_page(self, port: int, path: str) -> str:
        """Opens it in the browsers of the phone, or of all that are connected where none is named.

        The phone's own loopback leads to this machine's, so browsers treat the page as their own.
        """
        named = self.options.serial
        serials = [named] if named else ready_phones(client_of(self.options))
        for serial in serials:
            shell = AdbShell(self.options.model_copy(update={"serial": serial}))
            if shell.lead_back(port):
                self._leading_back.append((shell, port))
            found = shell.run_outside(_VIEW, f"http://127.0.0.1:{port}{path}")
            if found.code or "Error" in found.out + found.err:
                raise ZooError(
                    f"the phone {serial} opened no page",
                    why=last_stderr_lines(found.err or found.out) or None,
                    fix="unlock it, and see that it has a browser",
                )
        return f"the phone {', '.join(serials)}"

    def close_pages(self) -> None:
        """Ends the ways back that `open_page` made; one that was there before stays."""
        while self._leading_back:
            shell, port = self._leading_back.pop()
            # One that is unplugged has lost them by that.
            with contextlib.suppress(DeviceUnreachable):
                shell.end_leading_back(port)

    @functools.cached_property
    def _leading_back(self) -> list[tuple[AdbShell, int]]:
        return []

    def tool(self) -> VendorTool | None:
        """LiteRT's own program, where ``devices.toml`` names it."""
        return tool(self.options)
