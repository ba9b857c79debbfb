"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server.

Everything goes through one connection of the system's own ``ssh``, so the user's keys, agent,
aliases and jump hosts work, and boards without an SFTP server do as well. What lies on the device
is named by its content; no name of a file here, and nothing else that is not ours, becomes part
of a command there.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.execution.failures import last_words

from ..agent.zoo_agent.runtimes.table import own
from ..shared.linux import READINGS, condition_of
from ..shared.remote import UV
from .command import address
from .connection import Connection, from_home

if TYPE_CHECKING:
    from pydantic import BaseModel

#: What uv can fetch for the agent, where the processor has a wheel.
UV_RUNTIMES = ("litert", "onnxruntime")
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

    def __init__(self, options: DeviceOptions, *, hold: bool = True) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()} since {utc_now()}"
        self._connection = Connection(options, who if hold else "")
        self._options = options

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        return self._connection.put(local)

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there."""
        program = from_home(str(self._options["python"]))
        return self._connection.start_agent(runtime, program, self._options["cpus"])

    def condition(self) -> Condition:
        """Heat, clock, and on a Raspberry Pi whether it was throttled."""
        return condition_of(self._connection.run(READINGS).out)

    def close(self) -> None:
        """Lets go of the device."""
        self._connection.close()


def connect(options: DeviceOptions) -> SshTransport:
    """Connects, and holds the device."""
    return SshTransport(options)


def describe(options: DeviceOptions) -> dict[str, Any]:
    """What an agent there says of the machine; asked once per command."""
    return _described(tuple(sorted(options.items())))


@functools.lru_cache(maxsize=64)
def _described(items: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    from zoo.execution.session import AgentSession

    options = dict(items)
    transport = SshTransport(options, hold=False)
    try:
        if options["python"] != UV:
            with AgentSession(transport, UV_RUNTIMES[0]) as session:
                return session.describe()
        return _fetched(transport)
    finally:
        transport.close()


def _fetched(transport: SshTransport) -> dict[str, Any]:
    """The same where uv gives each runtime an environment of its own."""
    from zoo.execution.session import AgentSession

    about: dict[str, Any] = {}
    failure: ZooError | None = None
    for runtime in UV_RUNTIMES:
        try:
            with AgentSession(transport, runtime, FETCHING) as session:
                found = session.describe()
        except ZooError as error:  # no wheel for that processor, say
            failure = error
            continue
        found["runtimes"] = {**about.get("runtimes", {}), **found["runtimes"]}
        about = found
    if not about and failure is not None:
        raise failure
    return about


def fingerprint(options: DeviceOptions) -> str:
    """The machine as the agent there names it, with the versions that decide a latency."""
    about = describe(options)
    versions = [f"{name} {version}" for name, version in sorted(about["runtimes"].items())]
    return "; ".join([str(about["fingerprint"]), f"python {about['python']}", *versions])


def runtimes(options: DeviceOptions) -> Sequence[str]:
    """The agent's runtimes that are installed there."""
    return list(describe(options)["runtimes"])


def setup(options: DeviceOptions, tell: Callable[[str], None]) -> str:
    """Makes a virtual environment there with numpy and the runtimes that have a wheel for it.

    Args:
        options: Of the device.
        tell: Receives what is being done.

    Raises:
        ZooError: No environment could be made, or no runtime installed.
    """
    connection = Connection(options, f"setup by process {os.getpid()} on {socket.gethostname()}")
    try:
        tell(f"making a virtual environment in {connection.folder}/venv")
        _install(connection, _MAKE_VENV, "a virtual environment")
        ready, refused = [], []
        for name in UV_RUNTIMES:
            distribution = own(name).distributions[0]
            tell(f"installing {distribution}")
            try:
                _install(connection, _ADD, distribution)
                ready.append(distribution)
            except ZooError as error:
                refused.append(error)
                tell(f"{error.what}: {error.why}")
    finally:
        connection.close()
    _described.cache_clear()
    if not ready:
        raise refused[0]
    return f"{connection.address} has {', '.join(ready)} in {connection.folder}/venv"


def _install(connection: Connection, script: str, what: str) -> None:
    done = connection.run(script, connection.folder, what, timeout=FETCHING)
    if done.code != 0:
        raise ZooError(
            f"{what} could not be installed on {connection.address}",
            why=last_words(done.err or done.out) or None,
            fix="see that python3-venv is installed there, and that it reaches a package index",
        )


def _options() -> type[BaseModel]:
    from .options import Options

    return Options


def kinds() -> Iterator[DeviceKind]:
    """Machines that are reached by SSH."""
    yield DeviceKind(
        name="ssh",
        summary="a Linux board or machine, by OpenSSH",
        remote=True,
        connect=connect,
        fingerprint=fingerprint,
        runtimes=runtimes,
        options=_options,
        address=address,
        setup=setup,
    )
