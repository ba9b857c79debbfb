"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server.

Everything goes through one connection of the system's own ``ssh``, so the user's keys, agent,
aliases and jump hosts work, and boards without an SFTP server do as well. What lies on the device
is named by its content; no name of a file here, and nothing else that is not ours, becomes part
of a command there.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoo.clock import utc_now
from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.errors import ZooError
from zoo.files import sha256_of
from zoo.hookspecs import hookimpl
from zoo.measurement.failures import last_words
from zoo.measurement.lock import DeviceBusy
from zoo.measurement.process import PipeProcess

from .linux import READINGS, condition_of
from .ssh_command import (
    SSH_FAILED,
    DeviceUnreachable,
    address,
    connection_error,
    remote_command,
    ssh_arguments,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

AGENT = Path(__file__).with_name("agent.py")
UV = "uv"
#: What uv can fetch for the agent, where the processor has a wheel.
UV_RUNTIMES = ("litert", "onnxruntime")
#: Seconds that a short command may take there.
SHORT = 60.0
#: Seconds that ``uv`` may take to fetch a runtime before the agent speaks.
FETCHING = 900.0
_READY, _BUSY, _STARTED = "zoo-ready", "zoo-busy", "zoo-agent"
_DAMAGED = 74

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
_SUM = 'sum() { sha256sum <"$1" 2>/dev/null || shasum -a 256 <"$1"; }; '
#: $1 path: prints the SHA-256 of what lies there.
_HAVE = _SUM + '[ -f "$1" ] || exit 0; sum "$1"'
#: $1 path, $2 SHA-256: what comes on standard input, whole or not at all.
_RECEIVE = (
    _SUM + 'mkdir -p "${1%/*}" || exit 73; '
    'cat >"$1.part" || { rm -f "$1.part"; exit 73; }; '
    f's=$(sum "$1.part"); [ "${{s%% *}}" = "$2" ] || {{ rm -f "$1.part"; exit {_DAMAGED}; }}; '
    'mv -f "$1.part" "$1" || exit 73'
)
#: $1 folder, $2 program, $3 agent, $4 runtime, $5 distribution, $6 run, $7 protocol.
#: The agent stays a child of the shell, which then can tell which signal ended it.
_START = (
    'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; d=$1 p=$2 a=$3 t=$4 w=$5 r=$6 v=$7; '
    'case "$p" in */*) [ -d "$p" ] && p="$p/bin/python";; esac; '
    f"echo {_STARTED}; "
    'command -v "$p" >/dev/null 2>&1 || { '
    'printf \'{"protocol": %s, "id": null, "ok": false, "error": {"type": "MissingRuntime", '
    '"message": "there is no %s on the device"}}\\n\' "$v" "$p"; exit 3; }; '
    'set -- "$p" "$a" --runtime "$t"; '
    f'[ "$p" = {UV} ] && set -- "$p" run --quiet --with "$w" --script "$a" --runtime "$t"; '
    'exec 3<&0; "$@" <&3 3<&- & n=$!; exec 3<&-; echo "$n" >"$d/run/$r.pid"; '
    'wait "$n"; c=$?; rm -f "$d/run/$r.pid"; exit "$c"'
)
#: $1 file with a process id.
_KILL = 'p=$(cat "$1" 2>/dev/null) || exit 0; kill "$p"; sleep 1; kill -9 "$p"; rm -f "$1"'


class Connection:
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
        self.folder = _from_home(str(options["folder"]))
        # Short, since the path of a socket may not have more than about a hundred letters.
        self._sockets = Path(tempfile.mkdtemp(prefix="zoo-"))
        self._ssh = ssh_arguments(options, self._sockets / "c")
        self._keeper: PipeProcess | None = None
        try:
            self._keeper = PipeProcess(
                [
                    *(*self._ssh, "-o", "ControlMaster=yes", "--", str(options["host"])),
                    remote_command(_KEEP, [self.folder, holder]),
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

    def command(self, script: str, *arguments: str) -> list[str]:
        """The argument vector that runs one of our scripts there, through the connection."""
        # With the connection gone, ssh would quietly make another; this makes it fail instead.
        only = ("-o", "ControlMaster=no", "-o", "ProxyCommand=false")
        return [
            *(*self._ssh, *only, "--", str(self.options["host"])),
            remote_command(script, arguments),
        ]

    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float | None = SHORT,
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of our scripts there to its end.

        Raises:
            DeviceUnreachable: The connection broke, or the device stopped answering.
        """
        try:
            done = subprocess.run(
                self.command(script, *arguments),
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
        return done

    def lost(self, words: str) -> DeviceUnreachable:
        """The error for a connection that is gone."""
        return DeviceUnreachable(
            f"the connection to {address(self.options)} broke",
            why=words or None,
            fix="check power and network of the device, then type the same command again",
        )

    def write_error(self, words: str) -> ZooError:
        """The error for a file that could not be written there."""
        where, why = address(self.options), last_words(words) or None
        if "No space left" in words or "quota" in words.lower():
            return ZooError(
                f"the disk of {where} is full",
                why=why,
                fix=f"free some space there; edgezoo's own files lie in {self.folder}",
            )
        return ZooError(
            f"{where} cannot write to {self.folder}",
            why=why,
            fix='name another folder in devices.toml: folder = "…"',
        )

    def send(self, local: Path, there: str) -> None:
        """Copies a file, unless one of these bytes lies there; whole or not at all."""
        digest = sha256_of(local)
        if self.run(_HAVE, there).stdout.startswith(digest):
            return
        with local.open("rb") as file:
            done = self.run(_RECEIVE, there, digest, stdin=file, timeout=None)
        if done.returncode == _DAMAGED:
            raise ZooError(
                f"{local.name} did not arrive whole at {address(self.options)}",
                why="its SHA-256 there is another one",
                fix="type the same command again; if it stays, check the device's disk",
            )
        if done.returncode != 0:
            raise self.write_error(done.stderr)

    def close(self) -> None:
        """Ends the connection and all that still runs through it."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        shutil.rmtree(self._sockets, ignore_errors=True)


class SshProcess(PipeProcess):
    """An agent on the other side of a connection."""

    def __init__(self, connection: Connection, command: Sequence[str], pid_file: str) -> None:
        super().__init__(command)
        self._connection = connection
        self._pid_file = pid_file

    def await_start(self, timeout: float) -> None:
        """Passes over what a login shell says before the agent's own lines."""
        while (line := self.receive(timeout)) is not None:
            if line.strip() == _STARTED:
                return
        self.stop()
        raise self._connection.lost(last_words(self.diagnostics()))

    def kill(self) -> None:
        """Ends the process here, and then there, where it would go on without us."""
        super().kill()
        try:
            self._connection.run(_KILL, self._pid_file, timeout=10.0)
        except ZooError:
            return  # The connection is gone; the next one ends what this one left behind.

    def stop(self) -> int | None:
        """Ends the process; its exit code as a shell tells it, None when the line broke."""
        code = super().stop()
        if (
            code is not None and code < 0
        ):  # ssh had to be killed, so the agent did not end by itself
            self.kill()
        return None if code == SSH_FAILED else code


class SshTransport:
    """Files and agents on one device, which is ours until `close`."""

    def __init__(self, options: DeviceOptions, *, hold: bool = True) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()} since {utc_now()}"
        self._connection = Connection(options, who if hold else "")
        self._options = options
        self._agent: str | None = None

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        suffix = re.sub(r"[^a-z0-9.]", "", "".join(local.suffixes[-1:]).lower())
        there = f"{self._connection.folder}/files/{sha256_of(local)}{suffix}"
        self._connection.send(local, there)
        return there

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there."""
        # They import numpy, which listing devices must not.
        from zoo.measurement.protocol import PROTOCOL

        from . import agent

        if self._agent is None:
            there = f"{self._connection.folder}/agent/{sha256_of(AGENT)[:16]}/agent.py"
            self._connection.send(AGENT, there)
            self._agent = there
        run = secrets.token_hex(8)
        folder, distribution = self._connection.folder, agent.RUNTIMES[runtime][1]
        program = _from_home(str(self._options["python"]))
        command = self._connection.command(
            *(_START, folder, program, self._agent, runtime, distribution, run, str(PROTOCOL))
        )
        process = SshProcess(self._connection, command, f"{folder}/run/{run}.pid")
        try:
            process.await_start(SHORT)
        except BaseException:
            process.kill()
            process.stop()
            raise
        return process

    def condition(self) -> Condition:
        """Heat, clock, and on a Raspberry Pi whether it was throttled."""
        return condition_of(self._connection.run(READINGS).stdout)

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
    )
