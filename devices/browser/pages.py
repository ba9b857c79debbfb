"""Pages that have connected, and the agents that run in their workers."""

from __future__ import annotations

import asyncio
import json
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.common.files import sha256_of
from zoo.execution.agent_process import LINE_BYTES, endless_line

from .messages import Hello, Plan
from .power import PowerCourse

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

#: Seconds for a worker to start and connect.
START_SECONDS = 60.0
#: Seconds for a request to be handed to the browser.
SEND_SECONDS = 120.0
#: Code that the socket of a page is closed with when its browser has joined again.
REPLACED = 4001
#: The code of an agent that was ended from here, as of a process by SIGKILL.
KILLED = -9


class PageAgent:
    """An agent in a worker of a page: lines over a socket of its own."""

    def __init__(self, page: Page, number: int) -> None:
        self._page, self.number = page, number
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._socket: WebSocket | None = None
        self._connected = threading.Event()
        self._over = False
        self._code: int | None = None
        self._said = ""

    def attach(self, socket: WebSocket) -> bool:
        """Takes the worker's socket; whether it was the first."""
        if self._socket is not None or self._over:
            return False
        self._socket = socket
        self._connected.set()
        return True

    def push(self, line: str) -> None:
        """A line of the worker."""
        self._lines.put(line)

    def finish(self, code: int | None, said: str = "") -> None:
        """Nothing more comes: the worker ended with a code, or is gone (None)."""
        if not self._over:
            self._over, self._code, self._said = True, code, said
            self._connected.set()
            self._lines.put(None)

    def wait(self) -> None:
        """Waits until the worker has connected."""
        if not self._connected.wait(START_SECONDS):
            self.kill()
            raise EnvironmentFailed(
                f"the page started no worker within {START_SECONDS:g} s",
                fix="reload the page, then type the same command again",
            )
        if self._over:
            raise ZooError("the page could not start a worker", why=self._said or None)

    def send(self, line: str) -> None:
        """Writes one line; `BrokenPipeError` when the agent is gone."""
        if self._over or self._socket is None:
            raise BrokenPipeError(self._said or "the agent is gone")
        self._page.call(self._socket.send_text(line))

    def receive(self, timeout: float | None) -> str | None:
        """The next line, None at the end; `TimeoutError` after `timeout` s."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no line within {timeout:.3g} s") from None
        if line is None:
            self._lines.put(None)
        elif len(line) > LINE_BYTES:
            self.kill()
            raise endless_line()
        return line

    def kill(self) -> None:
        """Ends the worker at once."""
        self.finish(KILLED)
        self._page.end(self.number)

    def stop(self) -> int | None:
        """Ends the worker; 0 where it closed by itself, None where the page is gone."""
        if not self._over:
            self.finish(0)
        self._page.end(self.number)
        return self._code

    @property
    def stop_code(self) -> int | None:
        """The code with which it ended; None where the page is gone."""
        return self._code

    def diagnostics(self) -> str:
        """Why it ended, as far as the page tells."""
        return self._said


class Page:
    """A page that is connected."""

    def __init__(self, socket: WebSocket, loop: asyncio.AbstractEventLoop, hello: Hello) -> None:
        self._socket, self._loop = socket, loop
        self.hello = hello
        self.name = hello.name
        self._agents: dict[int, PageAgent] = {}
        self._hidden_at: float | None = None if hello.visible else time.monotonic()
        self._was_hidden = not hello.visible
        self.power = PowerCourse()
        self.gone = False

    def call(self, coroutine: Any) -> None:
        """Runs something of the server's loop from another thread."""
        try:
            asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SEND_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"the page took no request for {SEND_SECONDS:g} s") from None
        except Exception as error:  # each library of sockets has its own
            raise BrokenPipeError(f"the page is gone: {error}") from error

    def start(self, request: Mapping[str, Any]) -> PageAgent:
        """Starts an agent in a fresh worker.

        Raises:
            ZooError: The page starts none.
        """
        agent = PageAgent(self, secrets.randbelow(1 << 48))
        self._agents[agent.number] = agent
        try:
            self.call(
                self._socket.send_text(json.dumps({"start": {**request, "number": agent.number}}))
            )
            agent.wait()
        except BrokenPipeError as error:
            raise EnvironmentFailed(
                "the page is gone", why=str(error), fix="open it again"
            ) from error
        return agent

    def announce(self, plan: Plan) -> None:
        """Has the page show what is about to run.

        Raises:
            BrokenPipeError: It is gone.
        """
        self.call(self._socket.send_text(json.dumps({"plan": plan.model_dump()})))

    def agent(self, number: int) -> PageAgent | None:
        """One that was started and has not ended."""
        return self._agents.get(number)

    def end(self, number: int) -> None:
        """Has the page end a worker."""
        if self._agents.pop(number, None) is not None and not self.gone:
            with suppress(BrokenPipeError, TimeoutError):
                self.call(self._socket.send_text(json.dumps({"end": number})))

    def failed(self, number: int, why: str) -> None:
        """A worker could not start, or broke."""
        if agent := self._agents.get(number):
            agent.finish(1, why)

    def show(self, visible: bool) -> None:
        """The page came into view or left it."""
        self._hidden_at = None if visible else time.monotonic()
        self._was_hidden = self._was_hidden or not visible

    def hidden(self) -> bool:
        """Whether it is out of view, or was since this was last asked."""
        found, self._was_hidden = self._was_hidden, self._hidden_at is not None
        return found

    def is_browser_of(self, other: Page) -> bool:
        """Whether the same browser shows both, under one name."""
        known = bool(self.name) and self.hello.identity == other.hello.identity != ""
        return known and other.hello.name in (self.name, self.hello.name)

    def replace(self) -> None:
        """The same browser has come again: this page's socket ends, if it has not already.

        It may take long to close one whose network is gone, so nobody waits for that.
        """
        self.leave("the page is gone: the same browser has joined again")
        asyncio.run_coroutine_threadsafe(self._socket.close(REPLACED), self._loop)

    def leave(self, why: str) -> None:
        """Its socket is closed: so are those of its workers, and nothing more comes."""
        self.gone = True
        for agent in list(self._agents.values()):
            agent.finish(None, why)


class Pages:
    """Pages by which browsers are devices, and the files that they may ask for.

    Attributes:
        machine: The name of this machine, for pages of people who are to know who asks; empty
            where pages have no names.
    """

    machine = ""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._pages: list[Page] = []
        self._changed = threading.Condition()

    def put(self, local: Path) -> str:
        """Lets pages ask for a file; returns its name there, the SHA-256 of its bytes."""
        name = sha256_of(local)
        self._files[name] = local.resolve()
        return name

    def file(self, name: str) -> Path | None:
        """The file of such a name."""
        return self._files.get(name)

    def join(self, page: Page) -> None:
        """A page is connected; one whose name another browser has gets a number behind it.

        A browser that comes again under its name is the same device: a phone that has lost its
        network connects anew long before the connection from before ends.
        """
        with self._changed:
            for before in [each for each in self._pages if each.is_browser_of(page)]:
                page.name = before.name
                self._pages.remove(before)
                before.replace()
            taken = {each.name for each in self._pages}
            number = 2
            while page.name in taken and page.name:
                page.name, number = f"{page.hello.name}-{number}", number + 1
            self._pages.append(page)
            self._changed.notify_all()
        self.changed()

    def changed(self) -> None:
        """A page has come or gone."""

    def names(self) -> tuple[str, ...]:
        """Of the pages that are open."""
        return tuple(page.name for page in list(self._pages) if page.name)

    def named(self, name: str, seconds: float) -> Page | None:
        """The page of a name, waited for so long."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((page for page in self._pages if page.name == name), None), seconds
            )
            return found or None

    def leave(self, page: Page, why: str) -> None:
        """It is gone."""
        with self._changed:
            if page not in self._pages:  # another has replaced it
                return
            self._pages.remove(page)
            page.leave(why)
            self._changed.notify_all()
        self.changed()

    def current(self, seconds: float) -> Page | None:
        """The page that connected last, waited for so long."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._pages), seconds)
            return self._pages[-1] if self._pages else None

    def agent(self, number: int) -> PageAgent | None:
        """An agent that was started in one of the pages."""
        found = (page.agent(number) for page in list(self._pages))
        return next((agent for agent in found if agent is not None), None)
