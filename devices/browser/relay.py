"""A page that has joined a server here, as a transport: files and agents by its relay."""

from __future__ import annotations

import contextlib
import json
import socket as sockets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import EnvironmentFailed
from zoo.common.files import sha256_of
from zoo.common.optional_imports import require
from zoo.contracts import AgentProcess, Condition
from zoo.contracts.transport import Work
from zoo.execution.agent_process import LINE_BYTES

from .joined import Joined, server_of
from .joining import BACK_SECONDS, ENDED
from .messages import MOST_NAME, MOST_PLANNED, Hello
from .pages import KILLED

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_OPEN_SECONDS, _CLOSE_SECONDS = 20.0, 1.0


class RelayedAgent:
    """An agent in a worker of a page elsewhere."""

    def __init__(self, kept: contextlib.ExitStack, line: ClientConnection) -> None:
        self._kept, self._line = kept, line
        self._code: int | None = None
        self._said = ""
        self._over = False

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the agent is gone."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._line.send(line)
        except (ConnectionClosed, OSError) as error:
            raise BrokenPipeError(str(error)) from error

    def receive(self, timeout: float | None) -> str | None:
        """The next line, None at the end; `TimeoutError` after `timeout` s."""
        from websockets.exceptions import ConnectionClosed

        if self._over:
            return None
        try:
            return str(self._line.recv(timeout))
        except TimeoutError:
            raise TimeoutError(f"no line within {timeout:.3g} s") from None
        except (ConnectionClosed, OSError):
            self._over = True
            code, reason = self._line.close_code, self._line.close_reason or ""
            if self._code is None and code == ENDED and reason.lstrip("-").isdigit():
                self._code = int(reason)
            else:
                self._said = reason or "the server that the page had joined has ended"
            return None

    def kill(self) -> None:
        """Ends the worker at once."""
        self._code = KILLED
        with contextlib.suppress(OSError):
            self._line.socket.shutdown(sockets.SHUT_RDWR)

    def stop(self) -> int | None:
        """Ends the worker; 0 where it closed by itself, None where the page is gone."""
        if not self._over and self._code is None:
            self._code = 0
        with contextlib.suppress(OSError):
            self._kept.close()
        return self._code

    def diagnostics(self) -> str:
        """Why it ended, as far as the page tells."""
        return self._said


class Relay:
    """Orders to the server that a page has joined.

    Args:
        name: Of the page.

    Raises:
        ZooError: No server of this machine has such a page.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        require("websockets")
        found = server_of(name)
        if found is None:
            raise EnvironmentFailed(
                f"no page named {name!r} is open",
                why="a browser elsewhere is a device while it shows the page by which it joined",
                fix="start `zoo serve --lan` here, and open the address that it prints there",
            )
        self._server: Joined = found

    def ask(self, **order: Any) -> dict[str, Any]:
        """The answer to an order of one question."""
        kept, _, answer = self._open(order)
        kept.close()
        return answer

    def start(self, request: Mapping[str, Any]) -> AgentProcess:
        """An agent in a fresh worker of the page."""
        kept, line, _ = self._open({"start": dict(request)})
        return RelayedAgent(kept, line)

    def _open(
        self, order: Mapping[str, Any]
    ) -> tuple[contextlib.ExitStack, ClientConnection, dict[str, Any]]:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        address = self._server.address.replace("http", "ws", 1) + "relay"
        kept = contextlib.ExitStack()
        asked = {"secret": self._server.secret, "page": self._name, **order}
        try:
            line = kept.enter_context(
                connect(
                    address,
                    max_size=LINE_BYTES,
                    open_timeout=_OPEN_SECONDS,
                    close_timeout=_CLOSE_SECONDS,
                    proxy=None,
                )
            )
            line.send(json.dumps(asked))
            answer = json.loads(line.recv(BACK_SECONDS + _OPEN_SECONDS))
        except (WebSocketException, OSError, TimeoutError, ValueError) as error:
            kept.close()
            raise EnvironmentFailed(
                f"the server that {self._name!r} has joined does not answer",
                why=str(error) or type(error).__name__,
                fix="start `zoo serve` again, and reload the page there",
            ) from error
        if not answer.get("ok"):
            kept.close()
            raise EnvironmentFailed(
                f"the page {self._name!r} cannot be used",
                why=str(answer.get("why", "")),
                fix="open or reload the page there, keep it in view, then type the command again",
            )
        return kept, line, answer


class RelayTransport:
    """Files and agents of a page that has joined."""

    def __init__(self, relay: Relay, hidden_fault: str) -> None:
        self._relay, self._hidden_fault = relay, hidden_fault

    def hello(self) -> Hello:
        """What the page tells of its browser."""
        return Hello.model_validate(self._relay.ask()["hello"])

    def put(self, local: Path) -> str:
        """Lets the page ask for a file; its name there is its SHA-256."""
        return str(self._relay.ask(put=str(local.resolve()))["name"])

    def start(self, request: Mapping[str, Any]) -> AgentProcess:
        """A fresh worker."""
        return self._relay.start(request)

    def announce(self, work: Work) -> None:
        """Has the page show what is about to run, and for how long at least."""
        listed = [
            {
                "name": file.name[-MOST_NAME:],
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
            }
            for file in work.files[:MOST_PLANNED]
        ]
        plan = {"files": listed, "processes": work.processes, "seconds": work.seconds}
        self._relay.ask(plan=plan)

    def condition(self) -> Condition:
        """Whether the page was in view, and what its browser tells of battery and load."""
        answer = self._relay.ask(look=True)
        hidden, told = bool(answer["hidden"]), answer["condition"]
        return Condition(
            readings={"visible": not hidden, **told["readings"]},
            faults=(*((self._hidden_fault,) if hidden else ()), *told["faults"]),
            hints=tuple(told["hints"]),
        )

    def close(self) -> None:
        """Nothing is held."""
