"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server.

Everything goes through one connection of the system's own ``ssh``, so the user's keys, agent,
aliases and jump hosts work, and boards without an SFTP server do as well. What lies on the device
is named by its content; no name of a file here, and nothing else that is not ours, becomes part
of a command there.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoo.clock import utc_now
from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.errors import ZooError
from zoo.hookspecs import hookimpl
from zoo.measurement.failures import last_words
from zoo.measurement.lock import DeviceBusy
from zoo.measurement.process import PipeProcess

from .linux import READINGS, condition_of
from .remote import KILL, SHORT, UV, DeviceUnreachable, Done, Line, RemoteAgent, shell_command
from .ssh_command import (
    SSH_FAILED,
    address,
    connection_error,
    ssh_arguments,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

#: What uv can fetch for the agent, where the processor has a wheel.
UV_RUNTIMES = ("litert", "onnxruntime")
#: Seconds that ``uv`` may take to fetch a runtime before the agent speaks.
FETCHING = 900.0
_READY, _BUSY = "zoo-ready", "zoo-busy"

#: $1 folder, $2 who we are; empty: look only. Ends when its input does, and so does its lock.
_KEEP = (
    'mkdir -p "$1/files" "$1/agent" "$1/run" || exit 73; cd "$1" || exit 73; '
    'if [ -n "$2" ]; then '
    "exec 9>>lock; if command -v flock >/dev/null 2>&1; then "
    f'flock -n 9 || {{ echo "{_BUSY} $(cat holder 2>/dev/null)"; exit 75; }}; fi; '
    'printf "%s\\n" "$2" >holder || exit 73; '
    # Agents of a connection that broke would disturb the next measurement.
    'for f in run/*.pid; do [ -f "$f" ] || continue; p=$(cat "$f"); '
    'tr "\\0" " " <"/proc/$p/cmdline" 2>/dev/null | grep -q "agent.py --runtime" '
    '&& kill -9 "$p"; rm -f "$f"; done; '
    "find files -type f -mtime +7 -exec rm -f {} +; fi; "
    f"echo {_READY}; cat >/dev/null"
)

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


class Connection(Line):
    """One SSH connection that all commands share.

    Args:
        options: Of the device.
        holder: Who we are, to keep others off the device meanwhile; empty to look only.

    Raises:
        DeviceUnreachable: No connection, an unknown or changed host key, a refused login.
        DeviceBusy: Another one holds the device.
    """

    def __init__(self, options: DeviceOptions, holder: str = "") -> None:
        self.options = options
        self.address = address(options)
        self.folder = _from_home(str(options["folder"]))
        # Short, since the path of a socket may not have more than about a hundred letters.
        self._sockets = Path(tempfile.mkdtemp(prefix="zoo-"))
        self._ssh = ssh_arguments(options, self._sockets / "c")
        self._keeper: PipeProcess | None = None
        try:
            self._keeper = PipeProcess(
                [
                    *(*self._ssh, "-o", "ControlMaster=yes", "--", str(options["host"])),
                    shell_command(_KEEP, [self.folder, holder]),
                ]
            )
            self._await_ready(self._keeper)
        except FileNotFoundError as error:
            self.close()
            raise ZooError(
                "the program ssh is not installed here", fix="install OpenSSH's client"
            ) from error
        except BaseException:
            self.close()
            raise

    def _await_ready(self, keeper: PipeProcess) -> None:
        try:
            while (line := keeper.receive(self.options["connect_seconds"] + SHORT)) is not None:
                if line.startswith(_BUSY):
                    self._refuse_busy(line)
                if line.strip() == _READY:  # a login shell may have greeted us before
                    return
        except TimeoutError as error:
            raise DeviceUnreachable(
                f"{address(self.options)} took the connection but does not answer",
                why=str(error),
                fix="check that its login shell works: ssh and type `true`",
            ) from error
        code, words = keeper.stop(), keeper.diagnostics()
        self._keeper = None
        if code == SSH_FAILED:
            raise connection_error(self.options, words)
        raise self.write_error(words)

    def _refuse_busy(self, line: str) -> None:
        raise DeviceBusy(
            f"{address(self.options)} is in use",
            why=f"held by {line.removeprefix(_BUSY).strip() or 'somebody'}",
            fix="wait until that has ended, then type the same command again",
        )

    def _command(self, script: str, arguments: Sequence[str]) -> list[str]:
        """The argument vector that runs one of our scripts there, through the connection."""
        # With the connection gone, ssh would quietly make another; this makes it fail instead.
        only = ("-o", "ControlMaster=no", "-o", "ProxyCommand=false")
        return [
            *(*self._ssh, *only, "--", str(self.options["host"])),
            shell_command(script, arguments),
        ]

    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float | None = SHORT,
    ) -> Done:
        """Runs one of our scripts there to its end."""
        try:
            done = subprocess.run(
                self._command(script, arguments),
                stdin=stdin or subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self.lost(f"no answer within {error.timeout:g} s") from error
        if done.returncode == SSH_FAILED:
            raise self.lost(last_words(done.stderr))
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def open(self, script: str, *arguments: str, pid_file: str) -> RemoteAgent:
        """Starts the agent, as a process of its own in the connection."""
        return SshProcess(self, self._command(script, arguments), pid_file)

    def close(self) -> None:
        """Ends the connection and all that still runs through it."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        shutil.rmtree(self._sockets, ignore_errors=True)


class SshProcess(PipeProcess, RemoteAgent):
    """An agent on the other side of a connection."""

    def __init__(self, line: Line, command: Sequence[str], pid_file: str) -> None:
        super().__init__(command)
        self._line = line
        self._pid_file = pid_file

    @property
    def line(self) -> Line:
        """The connection."""
        return self._line

    def kill(self) -> None:
        """Ends the process here, and then there, where it would go on without us."""
        super().kill()
        try:
            self._line.run(KILL, self._pid_file, timeout=10.0)
        except ZooError:
            return  # The connection is gone; the next one ends what this one left behind.

    def stop(self) -> int | None:
        """Ends the process; its exit code as a shell tells it, None when the line broke."""
        code = super().stop()
        if code is not None and code < 0:  # ssh had to be killed: the agent did not end by itself
            self.kill()
        return None if code == SSH_FAILED else code


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
        program = _from_home(str(self._options["python"]))
        return self._connection.start_agent(runtime, program, self._options["cpus"])

    def condition(self) -> Condition:
        """Heat, clock, and on a Raspberry Pi whether it was throttled."""
        return condition_of(self._connection.run(READINGS).out)

    def close(self) -> None:
        """Lets go of the device."""
        self._connection.close()


def _from_home(path: str) -> str:
    """A path as the remote shell, which begins in the home folder and expands nothing, takes it."""
    return f"./{path[2:]}" if path.startswith("~/") else path


def connect(options: DeviceOptions) -> SshTransport:
    """Connects, and holds the device."""
    return SshTransport(options)


def describe(options: DeviceOptions) -> dict[str, Any]:
    """What an agent there says of the machine; asked once per command."""
    return _described(tuple(sorted(options.items())))


@functools.lru_cache(maxsize=64)
def _described(items: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    from zoo.measurement.session import AgentSession

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
    from zoo.measurement.session import AgentSession

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
    from . import agent  # It imports numpy, which listing devices must not.

    connection = Connection(options, f"setup by process {os.getpid()} on {socket.gethostname()}")
    try:
        tell(f"making a virtual environment in {connection.folder}/venv")
        _install(connection, _MAKE_VENV, "a virtual environment")
        ready, refused = [], []
        for name in UV_RUNTIMES:
            distribution = agent.RUNTIMES[name][1]
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
    from .ssh_options import Options  # It imports pydantic, which lists must not.

    return Options


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Machines that are reached by SSH."""
    yield DeviceKind(
        name="ssh",
        summary="a Linux board or machine, by OpenSSH",
        connect=connect,
        fingerprint=fingerprint,
        runtimes=runtimes,
        options=_options,
        address=address,
        setup=setup,
    )
