"""A connection to one phone through the ADB server."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from zoo.common.captured import MOST_OUTPUT
from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.execution.agent_process import GRACE, LINE_BYTES, SEND_TIMEOUT, endless_line
from zoo.execution.failures import last_stderr_lines

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
from .phones import choose_phone, client_of
from .shell_protocol import Shell

if TYPE_CHECKING:
    from .options import AdbOptions

#: What an app's own shell would have set; A is the app.
_HOME = (
    'if [ -n "$A" ]; then PREFIX=/data/data/$A/files/usr; HOME=/data/data/$A/files/home; '
    'PATH=$PREFIX/bin:$PATH; TMPDIR=$PREFIX/tmp; export PREFIX HOME PATH TMPDIR; cd "$HOME"; fi; '
)


class AdbShell(RemoteShell):
    """Scripts on one phone, each on a connection of its own to the ADB server.

    Raises:
        DeviceUnreachable: No server, no phone, or one that is not ready.
        UsageError: Several phones, and none is named.
    """

    def __init__(self, options: AdbOptions) -> None:
        self.options = options
        self.folder = options.folder
        self._client = client_of(options)
        self.serial = choose_phone(self._client, options.serial)
        self.address = self.serial
        self._looking = False

    def shell(
        self,
        script: str,
        arguments: Sequence[str] = (),
        *,
        app: str = "",
        most: int = MOST_OUTPUT,
    ) -> Shell:
        """Starts a script there, in an app or in ADB's own shell."""
        adbutils = require("adbutils")
        if app:
            script = f"A={app}; {_HOME}{script}"
        command = shell_command(script, arguments, ("run-as", app) if app else ())
        try:
            connection = self._client.device(self.serial).open_transport(timeout=SHORT)
            connection.send_command(f"shell,v2,raw:{command}")
            connection.check_okay()
        except (adbutils.AdbError, OSError, EOFError, ValueError) as error:
            raise self.lost(last_stderr_lines(str(error))) from error
        return Shell(connection.conn, connection.close, most)

    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float = SHORT,
    ) -> ScriptResult:
        """Runs one of our scripts in the app to its end."""
        return self._finish(self.shell(script, arguments, app=self.options.app), stdin, timeout)

    def lost(self, words: str) -> DeviceUnreachable:
        """The error for a line that is gone, which tells what became of the phone."""
        if self._looking:
            return super().lost(words)
        self._looking = True
        try:
            fate = self.connection_state()
        finally:
            self._looking = False
        return super().lost("; ".join(part for part in (fate, words) if part))

    def current_boot(self) -> str:
        """What the phone says of its last start."""
        return self.run_outside(BOOT).out.strip()

    def lead_back(self, port: int) -> bool:
        """Leads a port of the phone's loopback to the same one here, until the cable is pulled.

        Returns:
            Whether that is new, and so to be ended by who asked; else it was there before.

        Raises:
            ZooError: Another program leads the port elsewhere.
        """
        with self._adb() as phone:
            there = {each.remote: each.local for each in phone.reverse_list()}
            led = there.get(f"tcp:{port}")
            if led is None:
                phone.reverse(f"tcp:{port}", f"tcp:{port}")
        if led not in (None, f"tcp:{port}"):
            raise ZooError(
                f"port {port} of the phone {self.serial} leads to {led} already",
                why="another program has asked for that by `adb reverse`",
                fix="name another port with --port, or end that: "
                f"adb -s {self.serial} reverse --remove tcp:{port}",
            )
        return led is None

    def end_leading_back(self, port: int) -> None:
        """Ends what `lead_back` began."""
        with self._adb() as phone:
            phone.reverse_remove(f"tcp:{port}")

    @contextlib.contextmanager
    def _adb(self) -> Iterator[Any]:
        adbutils = require("adbutils")
        try:
            yield self._client.device(self.serial)
        except (adbutils.AdbError, OSError, EOFError, ValueError) as error:
            raise self.lost(last_stderr_lines(str(error))) from error

    def run_outside(self, script: str, *arguments: str) -> ScriptResult:
        """Runs one of our scripts in ADB's own shell, which may ask Android what apps may not."""
        return self._finish(self.shell(script, arguments), None, SHORT)

    def _finish(self, shell: Shell, stdin: IO[bytes] | None, timeout: float) -> ScriptResult:
        try:
            shell.copy(stdin or io.BytesIO(), SEND_TIMEOUT)
            if not shell.finish(timeout):
                raise self.lost(f"no answer within {timeout:g} s")
        except TimeoutError as error:
            raise self.lost(str(error)) from error
        finally:
            shell.close()
        if shell.flooded:
            raise self.flooded()
        if shell.code is None:
            raise self.lost(last_stderr_lines(shell.err.decode("utf-8", "replace")))
        out, err = (b.decode("utf-8", "replace") for b in (shell.out, shell.err))
        return ScriptResult(code=shell.code, out=out, err=err)

    def open(self, script: str, *arguments: str, pid_file: str) -> RemoteAgent:
        """Starts the agent in the app."""
        shell = self.shell(script, arguments, app=self.options.app, most=LINE_BYTES)
        return AdbProcess(self, shell, pid_file)

    def close(self) -> None:
        """Nothing is held between commands."""


class AdbProcess(RemoteAgent):
    """An agent on a phone."""

    def __init__(self, line: AdbShell, shell: Shell, pid_file: str) -> None:
        self._line, self._shell, self._pid_file = line, shell, pid_file
        self._killed, self._why = False, ""

    @property
    def line(self) -> RemoteShell:
        """The phone."""
        return self._line

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the agent is gone, `TimeoutError` if stuck."""
        self._shell.write(line.encode("utf-8") + b"\n", SEND_TIMEOUT)

    def receive(self, timeout: float | None) -> str | None:
        """The next line, None at the end of the stream; `TimeoutError` after `timeout` s."""
        shell, searched = self._shell, 0
        deadline = None if timeout is None else time.monotonic() + timeout
        while (end := shell.out.find(b"\n", searched)) < 0:
            searched = len(shell.out)
            if shell.flooded:
                shell.out.clear()
                raise endless_line()
            if shell.ended:
                if not shell.out:
                    return None
                end = len(shell.out)
                break
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not shell.wait(left):
                raise TimeoutError(f"no line within {timeout:g} s")
        line = shell.out[:end].decode("utf-8", errors="replace")
        del shell.out[: end + 1]
        return line

    def kill(self) -> None:
        """Ends the agent here, and then there, where it would go on without us."""
        self._killed = True
        self._shell.shut()
        try:
            self._line.run(KILL, self._pid_file, timeout=10.0)
        except ZooError:
            return  # The phone is gone.

    def stop(self) -> int | None:
        """Ends the agent; its exit code as a shell tells it, None when the line broke."""
        shell = self._shell
        try:
            if not shell.ended:
                shell.close_input(GRACE)
            ended = shell.finish(GRACE)
        except (BrokenPipeError, TimeoutError):
            ended = shell.ended
        if not ended:
            self.kill()
        shell.close()
        if shell.code is None and not self._killed:
            self._why = self._line.lost("").why or ""
        return shell.code

    def diagnostics(self) -> str:
        """The last lines of its error stream; once the line is lost, what became of the phone."""
        said = self._shell.err.decode("utf-8", errors="replace").strip()
        return "\n".join(part for part in (self._why, said) if part)
