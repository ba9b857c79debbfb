"""One connection of the system's own ``ssh``, through which everything goes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zoo.common.captured import run_captured
from zoo.common.errors import ZooError
from zoo.common.paths import socket_parent
from zoo.execution.agent_process import PipeProcess
from zoo.execution.failures import last_stderr_lines
from zoo.execution.lock import DeviceBusy

from ..shared.remote import (
    BOOT,
    KILL,
    SHORT,
    DeviceUnreachable,
    RemoteAgent,
    RemoteShell,
    ScriptResult,
    shell_command,
)
from .command import SSH_FAILED, address, connection_error, ssh_arguments

if TYPE_CHECKING:
    from .options import SshOptions

_READY, _BUSY = "zoo-ready", "zoo-busy"
#: Bytes of an answer to what the last start was: one line.
_MOST_BOOT = 1 << 16


#: $1 folder, $2 who we are; empty: look only. Ends when its input does, and so does its lock.
_KEEP = (
    'mkdir -p "$1/files" "$1/agent" "$1/run" || exit 73; cd "$1" || exit 73; '
    'if [ -n "$2" ]; then '
    "exec 9>>lock; if command -v flock >/dev/null 2>&1; then "
    f'flock -n 9 || {{ echo "{_BUSY} $(cat holder 2>/dev/null)"; exit 75; }}; fi; '
    'printf "%s\\n" "$2" >holder || exit 73; '
    # Agents of a connection that broke would disturb the next measurement.
    'for f in run/*.pid; do [ -f "$f" ] || continue; p=$(cat "$f"); '
    'tr "\\0" " " <"/proc/$p/cmdline" 2>/dev/null | grep -q "agent-.*[.]pyz --runtime" '
    '&& kill -9 "$p"; rm -f "$f"; done; '
    "find files -type f -mtime +7 -exec rm -f {} +; fi; "
    f'echo "{_READY} $({BOOT})"; cat >/dev/null'
)


class Connection(RemoteShell):
    """One SSH connection that all commands share.

    Args:
        options: Of the device.
        holder: Who we are, to keep others off the device meanwhile; empty to look only.

    Raises:
        DeviceUnreachable: No connection, an unknown or changed host key, a refused login.
        DeviceBusy: Another one holds the device.
    """

    def __init__(self, options: SshOptions, holder: str = "") -> None:
        self.options = options
        self.address = address(options)
        self.folder = from_home(options.folder)
        self._sockets = Path(tempfile.mkdtemp(prefix="zoo-", dir=socket_parent()))
        self._ssh = ssh_arguments(options, self._sockets / "c")
        self._keeper: PipeProcess | None = None
        #: What became of the device once the connection was lost.
        self._fate: str | None = None
        try:
            self._keeper = PipeProcess(
                [
                    *(*self._ssh, "-o", "ControlMaster=yes", "--", options.host),
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
        patience = self.options.connect_seconds + SHORT
        deadline = time.monotonic() + patience
        try:
            while (line := keeper.receive(deadline - time.monotonic())) is not None:
                if line.startswith(_BUSY):
                    self._refuse_busy(line)
                ready, _, boot = line.strip().partition(" ")
                if ready == _READY:  # a login shell may have greeted us before
                    self.boot = boot
                    return
                if time.monotonic() > deadline:
                    raise self.chatter(patience)
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
            why=f"held by {line.removeprefix(_BUSY).strip() or 'another program'}",
            fix="wait until that has ended, then type the same command again",
        )

    def _command(self, script: str, arguments: Sequence[str]) -> list[str]:
        """The argument vector that runs one of our scripts there, through the connection."""
        # With the connection gone, ssh would quietly make another; this makes it fail instead.
        only = ("-o", "ControlMaster=no", "-o", "ProxyCommand=false")
        return [
            *(*self._ssh, *only, "--", self.options.host),
            shell_command(script, arguments),
        ]

    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float = SHORT,
    ) -> ScriptResult:
        """Runs one of our scripts there to its end."""
        done = run_captured(self._command(script, arguments), seconds=timeout, stdin=stdin)
        if done.flooded:
            raise self.flooded()
        if done.code is None:
            raise self.lost(f"no answer within {timeout:g} s")
        if done.code == SSH_FAILED:
            raise self.lost(last_stderr_lines(done.err))
        return ScriptResult(code=done.code, out=done.out, err=done.err)

    def lost(self, words: str) -> DeviceUnreachable:
        """The error for a connection that is gone, which tells what became of the device."""
        if self._fate is None:
            self._fate = self.connection_state()
        return super().lost("; ".join(part for part in (self._fate, words) if part))

    def current_boot(self) -> str:
        """What the device says of its last start, by a connection of its own."""
        # Of two options ssh takes the first: no part of the broken connection is used.
        program, *rest = self._ssh
        alone = [program, "-o", "ControlPath=none", *rest, "--", self.options.host]
        patience = self.options.connect_seconds + SHORT
        done = run_captured([*alone, shell_command(BOOT, [])], seconds=patience, most=_MOST_BOOT)
        if done.code is None:
            raise DeviceUnreachable(f"{self.address} does not answer")
        if done.code == SSH_FAILED:
            raise connection_error(self.options, done.err)
        return done.out.strip()

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

    def __init__(self, line: RemoteShell, command: Sequence[str], pid_file: str) -> None:
        super().__init__(command)
        self._line = line
        self._pid_file = pid_file
        self._why = ""

    @property
    def line(self) -> RemoteShell:
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
        if code == SSH_FAILED:
            self._why = self._line.lost("").why or ""
            return None
        return code

    def diagnostics(self) -> str:
        """The last lines of its error stream; once the line is lost, what became of the device."""
        return "\n".join(part for part in (self._why, super().diagnostics()) if part)


def from_home(path: str) -> str:
    """A path as the remote shell, which begins in the home folder and expands nothing, takes it."""
    return f"./{path[2:]}" if path.startswith("~/") else path
