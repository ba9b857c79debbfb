"""What machines that a shell reaches have in common: files by content, agents by a script.

No name of a file here, and nothing else that is not ours, becomes part of a command there: the
scripts are fixed, and what they work on comes as quoted arguments or on standard input.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.common.captured import MOST_OUTPUT
from zoo.common.errors import EnvironmentFailed, ProcessFailed, ZooError
from zoo.common.files import sha256_of
from zoo.contracts import AgentProcess, Runtime
from zoo.execution.agent_process import SLOWEST
from zoo.execution.failures import last_stderr_lines

from ..runtimes import RUNTIMES
from .agent_files import agent_archive

UV = "uv"
#: The virtual environment that a setup made there, or else the system's Python.
AUTO = "auto"
#: Seconds that a short command may take there.
SHORT = 60.0
#: Exit codes of the scripts.
CANNOT_WRITE, DAMAGED = 73, 74
STARTED = "zoo-agent"

_SUM = 'sum() { sha256sum <"$1" 2>/dev/null || shasum -a 256 <"$1"; }; '
#: $1 path: prints the SHA-256 of what lies there.
_HAVE = _SUM + '[ -f "$1" ] || exit 0; sum "$1"'
#: $1 path, $2 SHA-256: what comes on standard input, whole or not at all.
_RECEIVE = (
    _SUM + f'mkdir -p "${{1%/*}}" || exit {CANNOT_WRITE}; '
    f'cat >"$1.part" || {{ rm -f "$1.part"; exit {CANNOT_WRITE}; }}; '
    f's=$(sum "$1.part"); [ "${{s%% *}}" = "$2" ] || {{ rm -f "$1.part"; exit {DAMAGED}; }}; '
    f'mv -f "$1.part" "$1" || exit {CANNOT_WRITE}'
)
#: $1 folder, $2 program, $3 agent, $4 runtime, $5 distribution, $6 run, $7 protocol, $8 CPU mask.
#: The agent stays a child of the shell, which then can tell which signal ended it.
_START = (
    'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; '
    "d=$1 p=$2 a=$3 t=$4 w=$5 r=$6 v=$7 m=$8; "
    f'if [ "$p" = {AUTO} ]; then p=python3; [ -d "$d/venv" ] && p="$d/venv"; fi; '
    'case "$p" in */*) [ -d "$p" ] && p="$p/bin/python";; esac; '
    f"echo {STARTED}; "
    'command -v "$p" >/dev/null 2>&1 || { '
    'printf \'{"protocol": %s, "id": null, "ok": false, "error": {"type": "MissingRuntime", '
    '"message": "there is no %s on the device"}}\\n\' "$v" "$p"; exit 3; }; '
    'set -- "$p" "$a" --runtime "$t"; '
    f'if [ "$p" = {UV} ]; then '
    'set -- "$p" run --quiet --no-project --python ">=3.9" --with numpy --with "$w" python; '
    '"$@" -c "" </dev/null || { '
    'printf \'{"protocol": %s, "id": null, "ok": false, "error": {"type": "MissingRuntime", '
    '"message": "uv cannot install %s on the device; to see why, type there: '
    'uv run --with %s python"}}\\n\' "$v" "$w" "$w"; exit 3; }; '
    'set -- "$@" "$a" --runtime "$t"; fi; '
    '[ -n "$m" ] && set -- taskset "$m" "$@"; '
    'mkdir -p "$d/run"; exec 3<&0; "$@" <&3 3<&- & n=$!; exec 3<&-; echo "$n" >"$d/run/$r.pid"; '
    'wait "$n"; c=$?; rm -f "$d/run/$r.pid"; exit "$c"'
)
#: Prints what changes whenever the device is started.
BOOT = "cat /proc/sys/kernel/random/boot_id 2>/dev/null"
#: $1 file with a process id.
KILL = 'p=$(cat "$1" 2>/dev/null) || exit 0; kill "$p"; sleep 1; kill -9 "$p"; rm -f "$1"'


class DeviceUnreachable(EnvironmentFailed, ProcessFailed):
    """A device cannot be reached, or can no longer."""


@dataclass(frozen=True, kw_only=True)
class ScriptResult:
    """How a script ended there, and what it said."""

    code: int
    out: str
    err: str


class RemoteAgent(AgentProcess, ABC):
    """An agent that `_START` starts."""

    @property
    @abstractmethod
    def line(self) -> RemoteShell:
        """What it is reached by."""

    def await_start(self, timeout: float) -> None:
        """Passes over what a login shell says before the agent's own lines."""
        deadline, left = time.monotonic() + timeout, timeout
        while (said := self.receive(left)) is not None:
            if said.strip() == STARTED:
                return
            if (left := deadline - time.monotonic()) <= 0:
                raise self.line.chatter(timeout)
        self.stop()
        raise self.line.lost(last_stderr_lines(self.diagnostics()))


class RemoteShell(ABC):
    """A way to run scripts on one device.

    Attributes:
        folder: Where the agent and files are kept there.
    """

    address: str
    folder: str
    plugin_runtimes: Sequence[Runtime] = ()
    #: What the device said of its last start when the line was opened; empty where it tells none.
    boot = ""

    @abstractmethod
    def current_boot(self) -> str:
        """What the device says of its last start, asked anew; empty where it tells none.

        Raises:
            ZooError: It cannot be reached.
        """

    def connection_state(self) -> str:
        """What became of a device whose line broke, in words: looks once."""
        try:
            now = self.current_boot()
        except ZooError:
            return f"{self.address} cannot be reached: it is off, restarting, or off the network"
        if not self.boot or not now:
            return f"{self.address} can be reached again"
        if now != self.boot:
            return f"{self.address} was restarted meanwhile"
        return f"{self.address} can be reached again and was not restarted: the network failed"

    @abstractmethod
    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float = SHORT,
    ) -> ScriptResult:
        """Runs a script there to its end.

        Raises:
            DeviceUnreachable: The line broke, or the device stopped answering.
            ProcessFailed: It printed more than `MOST_OUTPUT`.
        """

    @abstractmethod
    def open(self, script: str, *arguments: str, pid_file: str) -> RemoteAgent:
        """Starts a script there that becomes the agent."""

    @abstractmethod
    def close(self) -> None:
        """Ends the line and all that still runs through it."""

    def lost(self, words: str) -> DeviceUnreachable:
        """The error for a line that is gone."""
        return DeviceUnreachable(
            f"the connection to {self.address} broke",
            why=words or None,
            fix="check power and network of the device, then type the same command again",
        )

    def chatter(self, seconds: float) -> DeviceUnreachable:
        """The error for a login shell that prints lines without an end."""
        return DeviceUnreachable(
            f"{self.address} printed other lines for {seconds:g} s in place of the agent's",
            fix="see what its login shell prints, and silence it for commands",
        )

    def flooded(self) -> ProcessFailed:
        """The error for a command that printed more than any that is asked there."""
        return ProcessFailed(
            f"{self.address} printed more than {MOST_OUTPUT >> 20} MiB where a few lines were "
            "expected",
            fix="see what its login shell and its programs print",
        )

    def write_error(self, words: str) -> ZooError:
        """The error for a file that could not be written there."""
        why = last_stderr_lines(words) or None
        if "No space left" in words or "quota" in words.lower():
            return ZooError(
                f"the disk of {self.address} is full",
                why=why,
                fix=f"free some space there; edgezoo's own files lie in {self.folder}",
            )
        return ZooError(
            f"{self.address} cannot write to {self.folder}",
            why=why,
            fix='name another folder in devices.toml: folder = "…"',
        )

    def send(self, local: Path, there: str, digest: str) -> None:
        """Copies a file, unless one of these bytes lies there; whole or not at all.

        Args:
            local: The file here.
            there: Path on the device.
            digest: SHA-256 that it must have there, so that a file which is changed meanwhile
                arrives under no name.
        """
        if self.run(_HAVE, there).out.startswith(digest):
            return
        patience = SHORT + local.stat().st_size / SLOWEST
        with local.open("rb") as file:
            done = self.run(_RECEIVE, there, digest, stdin=file, timeout=patience)
        if done.code == DAMAGED:
            raise ZooError(
                f"{local.name} did not arrive whole at {self.address}",
                why="its SHA-256 there is another one",
                fix="it was changed meanwhile, or damaged on the way: type the same command again; "
                "if it stays, check the device's disk",
            )
        if done.code != 0:
            raise self.write_error(done.err)

    def put(self, local: Path) -> str:
        """Copies a file there under the name of its content, if it is not there yet."""
        suffix = re.sub(r"[^a-z0-9.]", "", "".join(local.suffixes[-1:]).lower())
        digest = sha256_of(local)
        there = f"{self.folder}/files/{digest}{suffix}"
        self.send(local, there, digest)
        return there

    def start_agent(self, runtime: str, program: str, cpus: str | None) -> AgentProcess:
        """Starts the agent there, and copies it before if this version of it is not there.

        Args:
            runtime: Of the agent.
            program: That runs it: a Python, the folder of a virtual environment, `AUTO` or `UV`.
            cpus: Mask of the processors that it may use, in hexadecimal; None for all.
        """
        from zoo.execution.protocol import PROTOCOL

        agent = agent_archive()
        there = f"{self.folder}/agent/{agent.name}"
        self.send(agent, there, sha256_of(agent))
        known = (*RUNTIMES, *self.plugin_runtimes)
        needed = next((each.distributions[0] for each in known if each.name == runtime), "numpy")
        run = secrets.token_hex(8)
        process = self.open(
            *(_START, self.folder, program, there, runtime, needed, run, str(PROTOCOL)),
            cpus or "",
            pid_file=f"{self.folder}/run/{run}.pid",
        )
        try:
            process.await_start(SHORT)
        except BaseException:
            process.kill()
            process.stop()
            raise
        return process


def shell_command(script: str, arguments: Sequence[str], prefix: Sequence[str] = ()) -> str:
    """What the shell on the device is given: a script of ours, each argument quoted.

    SSH and ADB join arguments with blanks and hand them to a shell there, so quoting is ours to
    do. Scripts are one line, which shells other than POSIX's take as well.
    """
    if "\n" in script:
        raise ValueError("a script for the device must be one line")
    return shlex.join([*prefix, "sh", "-c", script, "sh", *arguments])
