"""Routes by which pages of other machines join a server, and by which commands here reach them."""

from __future__ import annotations

import asyncio
import getpass
import hmac
import json
import socket as sockets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.common.errors import ZooError

from .joined import JoinedFile
from .messages import Order, read_order
from .pages import Page, PageAgent, Pages
from .routes import REFUSED, routes

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

#: Seconds that a command waits for a page that was reloaded or whose phone slept.
BACK_SECONDS = 60.0
#: Of orders at one time.
_MOST_THREADS = 1024
_T = TypeVar("_T")
#: Codes that a relayed agent's socket is closed with: it ended by itself, or its page is gone.
ENDED, LOST = 1000, 4000


class JoinedPages(Pages):
    """Pages with names, told to other commands of this machine.

    Args:
        address: At which this machine reaches the routes.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.machine = f"{getpass.getuser()}@{sockets.gethostname()}"
        self._told = JoinedFile(address)

    @property
    def secret(self) -> str:
        """What commands here show."""
        return self._told.secret

    def changed(self) -> None:
        """A page has come or gone."""
        if names := self.names():
            self._told.write(names)
        else:
            self._told.remove()


def join_routes(address: str) -> Sequence[BaseRoute]:
    """Routes of a Starlette application by which pages join.

    Args:
        address: At which this machine reaches them once they are mounted, with a final slash.
    """
    from starlette.routing import WebSocketRoute

    pages = JoinedPages(address)
    return [WebSocketRoute("/relay", _Relay(pages).serve), *routes(pages)]


class _Relay:
    """Sockets of commands of this machine: one order each."""

    def __init__(self, pages: JoinedPages) -> None:
        self._pages = pages
        # Each agent holds one thread, and needs a second for a moment: the few that asyncio has
        # would all be held by as many agents, and the next one would wait for ever.
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="zoo-relay")

    async def _in_thread(self, call: Callable[..., _T], *given: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)

    async def serve(self, socket: WebSocket) -> None:
        from starlette.websockets import WebSocketDisconnect

        await socket.accept()
        try:
            order = read_order(await socket.receive_text())
            if order is None or not hmac.compare_digest(
                order.secret.encode(), self._pages.secret.encode()
            ):
                await socket.close(REFUSED)
                return
            await self._obey(socket, order)
        except (WebSocketDisconnect, KeyError):
            return

    async def _obey(self, socket: WebSocket, order: Order) -> None:
        page = await self._in_thread(self._pages.named, order.page, BACK_SECONDS)
        if page is None:
            why = f"its page is not open, and did not come back within {BACK_SECONDS:g} s"
            await self._answer(socket, ok=False, why=why)
        elif order.put is not None:
            name = await self._in_thread(self._pages.put, Path(order.put))
            await self._answer(socket, ok=True, name=name)
        elif order.start is not None:
            await self._start(socket, page, order.start)
        elif order.plan is not None:
            try:
                await self._in_thread(page.announce, order.plan)
            except (BrokenPipeError, TimeoutError) as error:
                await self._answer(socket, ok=False, why=str(error))
            else:
                await self._answer(socket, ok=True)
        elif order.look:
            found = page.power.condition()
            await self._answer(socket, ok=True, hidden=page.hidden(), condition=asdict(found))
        else:
            await self._answer(socket, ok=True, hello=page.hello.model_dump(mode="json"))

    async def _start(self, socket: WebSocket, page: Page, start: dict[str, Any]) -> None:
        try:
            agent = await self._in_thread(self._started, page, start)
        except ZooError as error:
            await self._answer(socket, ok=False, why=error.why or error.what)
            return
        await self._answer(socket, ok=True)
        lines = asyncio.create_task(self._lines(socket, agent))
        try:
            while True:
                text = await socket.receive_text()
                await self._in_thread(_handed, agent, text)
        finally:
            await self._in_thread(agent.kill)
            await lines

    def _started(self, page: Page, start: dict[str, Any]) -> PageAgent:
        """An agent in the page, or in the one that it was reloaded as just now."""
        try:
            return page.start(start)
        except ZooError:
            again = self._pages.named(page.name, BACK_SECONDS) if page.gone else None
            if again is None:
                raise
            return again.start(start)

    async def _lines(self, socket: WebSocket, agent: PageAgent) -> None:
        while (line := await self._in_thread(agent.receive, None)) is not None:
            await socket.send_text(line)
        code = agent.stop_code
        words = agent.diagnostics().encode()[:100].decode(errors="ignore")
        try:
            await socket.close(
                LOST if code is None else ENDED, words if code is None else str(code)
            )
        except RuntimeError:  # the command has closed it already
            return

    async def _answer(self, socket: WebSocket, **told: Any) -> None:
        await socket.send_text(json.dumps(told))


def _handed(agent: PageAgent, text: str) -> None:
    try:
        agent.send(text)
    except (BrokenPipeError, TimeoutError):
        agent.finish(None, "the page is gone")
