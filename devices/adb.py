"""Android phones by ADB: the agent runs in an app's Python, Termux's unless another is named.

``run-as`` enters only apps that were built for debugging: Termux's builds from GitHub are.
"""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.errors import UnknownName, UsageError, ZooError
from zoo.extras import require
from zoo.hookspecs import hookimpl
from zoo.measurement.process import GRACE, SEND_TIMEOUT

from .adb_shell import Shell
from .android import HOLD_CLOCKS, READINGS, condition_of
from .remote import KILL, SHORT, DeviceUnreachable, Done, Line, RemoteAgent, shell_command

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

#: What an app's own shell would have set; A is the app.
_HOME = (
    'if [ -n "$A" ]; then PREFIX=/data/data/$A/files/usr; HOME=/data/data/$A/files/home; '
    'PATH=$PREFIX/bin:$PATH; TMPDIR=$PREFIX/tmp; export PREFIX HOME PATH TMPDIR; cd "$HOME"; fi; '
)


class AdbLine(Line):
    """Scripts on one phone, each on a connection of its own to the ADB server.

    Raises:
        DeviceUnreachable: No server, no phone, or one that is not ready.
        UsageError: Several phones, and none is named.
    """

    def __init__(self, options: DeviceOptions) -> None:
        self.options = options
        self.folder = str(options["folder"])
        self._client = _client(options)
        self.serial = _choose(self._client, options["serial"])
        self.address = self.serial

    def shell(self, script: str, arguments: Sequence[str] = (), *, app: str = "") -> Shell:
        """Starts a script there, in an app or in ADB's own shell."""
        adbutils = require("adbutils")
        if app:
            script = f"A={app}; {_HOME}{script}"
        command = shell_command(script, arguments, ("run-as", app) if app else ())
        try:
            connection = self._client.device(self.serial).open_transport(timeout=SHORT)
            connection.send_command(f"shell,v2,raw:{command}")
            connection.check_okay()
        except (adbutils.AdbError, OSError) as error:
            raise self.lost(str(error)) from error
        return Shell(connection.conn, connection.close)

    def run(
        self,
        script: str,
        *arguments: str,
        stdin: IO[bytes] | None = None,
        timeout: float | None = SHORT,
    ) -> Done:
        """Runs one of our scripts in the app to its end."""
        return self._finish(
            self.shell(script, arguments, app=str(self.options["app"])), stdin, timeout
        )

    def run_outside(self, script: str, *arguments: str) -> Done:
        """Runs one of our scripts in ADB's own shell, which may ask Android what apps may not."""
        return self._finish(self.shell(script, arguments), None, SHORT)

    def _finish(self, shell: Shell, stdin: IO[bytes] | None, timeout: float | None) -> Done:
        try:
            shell.copy(stdin or io.BytesIO(), SEND_TIMEOUT)
            if not shell.finish(timeout):
                raise self.lost(f"no answer within {timeout:g} s")
        except TimeoutError as error:
            raise self.lost(str(error)) from error
        finally:
            shell.close()
        if shell.code is None:
            raise self.lost(shell.err.decode("utf-8", "replace"))
        out, err = (b.decode("utf-8", "replace") for b in (shell.out, shell.err))
        return Done(code=shell.code, out=out, err=err)

    def open(self, script: str, *arguments: str, pid_file: str) -> RemoteAgent:
        """Starts the agent in the app."""
        return AdbProcess(
            self, self.shell(script, arguments, app=str(self.options["app"])), pid_file
        )

    def close(self) -> None:
        """Nothing is held between commands."""


class AdbProcess(RemoteAgent):
    """An agent on a phone."""

    def __init__(self, line: AdbLine, shell: Shell, pid_file: str) -> None:
        self._line, self._shell, self._pid_file = line, shell, pid_file

    @property
    def line(self) -> Line:
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
        return shell.code

    def diagnostics(self) -> str:
        """The last lines of its error stream."""
        return self._shell.err.decode("utf-8", errors="replace").strip()


class AdbTransport:
    """Files and agents on one phone, whose clocks are held until `close` if it can do that."""

    def __init__(self, options: DeviceOptions) -> None:
        self._line = AdbLine(options)
        self._options = options
        done = self._line.run_outside(HOLD_CLOCKS, "true") if options["performance"] else None
        self._held = done is not None and done.code == 0 and "not" not in (done.out + done.err)

    @property
    def serial(self) -> str:
        """Of the phone that was chosen."""
        return self._line.serial

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
        """Gives the clocks back to Android."""
        try:
            if self._held:
                self._held = False
                self._line.run_outside(HOLD_CLOCKS, "false")
        except DeviceUnreachable:
            return  # Unplugged; restarting the phone ends the mode as well.


def _client(options: DeviceOptions) -> Any:
    adbutils = require("adbutils")
    if options["server"] is None:
        return adbutils.AdbClient()
    host, _, port = str(options["server"]).rpartition(":")
    return adbutils.AdbClient(host=host, port=int(port))


def _choose(client: Any, wanted: str | None) -> str:
    """The serial of the phone that is meant, once it is ready."""
    adbutils = require("adbutils")
    try:
        with client.make_connection() as connection:
            connection.send_command("host:devices")
            connection.check_okay()
            rows = [line.split("\t") for line in connection.read_string_block().splitlines()]
    except (adbutils.AdbError, OSError) as error:
        raise DeviceUnreachable(
            "there is no ADB server",
            why=str(error),
            fix="install Android's platform tools, then: adb start-server",
        ) from error
    found = {row[0]: row[1] for row in rows if len(row) == 2}
    if wanted is None and len(found) > 1:
        raise UsageError(
            f"{len(found)} phones are connected: {', '.join(sorted(found))}",
            fix="name the one you mean: zoo devices add NAME adb serial=…",
        )
    if not found:
        raise DeviceUnreachable(
            "no phone is connected" + (f" as {wanted}" if wanted else ""),
            fix="plug it in, and switch on USB debugging in its developer options",
        )
    serial = wanted or next(iter(found))
    if serial not in found:
        raise UnknownName("phone", serial, found, fix=None)
    if found[serial] != "device":
        raise DeviceUnreachable(
            f"the phone {serial} is {found[serial]}",
            fix="unlock it and allow this computer to debug it"
            if found[serial] == "unauthorized"
            else "plug it in again",
        )
    return serial


def address(options: DeviceOptions) -> str:
    """Serial and server, as far as they are given."""
    at = f" at {options['server']}" if options["server"] else ""
    return f"{options['serial'] or 'the connected phone'}{at}"


def describe(options: DeviceOptions) -> dict[str, Any]:
    """What an agent there says of the phone; asked once per command."""
    return _described(tuple(sorted(options.items())))


@functools.lru_cache(maxsize=64)
def _described(items: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    from zoo.measurement.session import AgentSession  # It imports numpy, which lists must not.

    transport = AdbTransport({**dict(items), "performance": False})
    with AgentSession(transport, "litert") as session:
        return {**session.describe(), "serial": transport.serial}


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
    from .adb_options import Options  # It imports pydantic, which lists must not.

    return Options


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
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
        extra="adb",
    )
