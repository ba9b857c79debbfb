"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server.

Everything goes through one connection of the system's own ``ssh``, so the user's keys, agent,
aliases and jump hosts work, and boards without an SFTP server do as well. What lies on the device
is named by its content; no name of a file here, and nothing else that is not ours, becomes part
of a command there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, Runtime
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.failures import last_stderr_lines

from ..runtimes import RUNTIMES
from ..shared.linux import READINGS, condition_of
from ..shared.remote import AUTO, UV
from .command import address
from .connection import Connection, from_home
from .options import SshOptions

#: What uv can fetch for the agent, where the processor has a wheel.
UV_RUNTIMES = tuple(each.name for each in RUNTIMES if each.setup)
#: Seconds that ``uv`` may take to fetch a runtime before the agent speaks.
FETCHING = 900.0
#: $1 folder.
_MAKE_VENV = (
    'python3 -m venv "$1/venv" && '
    '"$1/venv/bin/python" -m pip install --disable-pip-version-check --quiet numpy'
)
#: $1 folder, $2 distribution. Never built from source, which a small board takes hours for.
_ADD = (
    '"$1/venv/bin/python" -m pip install --disable-pip-version-check --quiet '
    '--only-binary :all: "$2"'
)


class SshTransport:
    """Files and agents on one device, which is ours until `close`."""

    def __init__(
        self, options: SshOptions, plugin_runtimes: Sequence[Runtime] = (), *, hold: bool = True
    ) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()} since {utc_now()}"
        self._connection = Connection(options, who if hold else "")
        self._connection.plugin_runtimes = plugin_runtimes
        self._options = options

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        return self._connection.put(local)

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there."""
        program = from_home(self._options.python)
        return self._connection.start_agent(runtime, program, self._options.cpus)

    def condition(self) -> Condition:
        """Heat, clock, and on a Raspberry Pi whether it was throttled."""
        return condition_of(self._connection.run(READINGS).out)

    def close(self) -> None:
        """Lets go of the device."""
        self._connection.close()


class SshDriver(AgentDriver[SshOptions]):
    """A machine behind OpenSSH."""

    def __init__(self, options: SshOptions) -> None:
        super().__init__(options)
        if options.python == UV:
            self.apart, self.asked, self.patience = True, UV_RUNTIMES, FETCHING
        else:
            self.asked = UV_RUNTIMES[:1]

    @property
    def address(self) -> str:
        """``pi@pi4.local:22022``."""
        return address(self.options)

    def connect(self) -> SshTransport:
        """Connects, and holds the device."""
        return SshTransport(self.options, self.plugin_runtimes)

    def look(self) -> SshTransport:
        """Connects, and leaves the device to others."""
        return SshTransport(self.options, self.plugin_runtimes, hold=False)

    @property
    def setup_runtimes(self) -> list[str]:
        """Those that have a distribution to install, where the setup's Python is the one used."""
        return [each.name for each in self._installed] if self.options.python == AUTO else []

    @property
    def _installed(self) -> list[Runtime]:
        return [each for each in (*RUNTIMES, *self.plugin_runtimes) if each.setup]

    def setup(self, tell: Callable[[str], None]) -> str:
        """Makes a virtual environment there with numpy and the runtimes that have a wheel for it.

        Raises:
            ZooError: No environment could be made, or no runtime installed.
        """
        who = f"setup by process {os.getpid()} on {socket.gethostname()}"
        connection = Connection(self.options, who)
        try:
            tell(f"making a virtual environment in {connection.folder}/venv")
            _install(connection, _MAKE_VENV, "a virtual environment")
            ready, refused = [], []
            for runtime in self._installed:
                distribution = runtime.distributions[0]
                tell(f"installing {distribution}")
                try:
                    _install(connection, _ADD, distribution)
                    ready.append(distribution)
                except ZooError as error:
                    refused.append(error)
                    tell(f"{error.what}: {error.why}")
        finally:
            connection.close()
        self.forget()
        if not ready:
            raise refused[0]
        return f"{connection.address} has {', '.join(ready)} in {connection.folder}/venv"


def _install(connection: Connection, script: str, what: str) -> None:
    done = connection.run(script, connection.folder, what, timeout=FETCHING)
    if done.code != 0:
        raise ZooError(
            f"{what} could not be installed on {connection.address}",
            why=last_stderr_lines(done.err or done.out) or None,
            fix="see that python3-venv is installed there, and that it reaches a package index",
        )
