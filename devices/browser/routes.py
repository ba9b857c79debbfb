"""What the local server answers: the page, its runtimes, files that were put, and its sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .messages import MOST_CONTROL, read
from .npm_packages import runtime_files
from .pages import Page, Pages

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

_PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
}
#: Code that a socket is closed with when what came was no message of ours.
REFUSED = 1008
_GONE = "the page is gone: its tab was closed or reloaded, or the browser crashed"


def routes(pages: Pages) -> list[BaseRoute]:
    """Routes of a Starlette application, to be mounted below an address that cannot be guessed.

    They answer GET alone and serve no folder: the page's own modules, the files of runtimes that
    were pinned, and files that were put, each by its name in a table.
    """
    from starlette.routing import Route, WebSocketRoute

    return [
        Route("/", _answer(pages, _page_file)),
        Route("/{name}", _answer(pages, _page_file)),
        Route("/runtime/{runtime}/{name:path}", _answer(pages, _runtime_file)),
        Route("/file/{name}", _answer(pages, _put_file)),
        WebSocketRoute("/control", _Control(pages).serve),
        WebSocketRoute("/agent/{number:int}", _Agents(pages).serve),
    ]


def security_headers(host: str) -> dict[str, str]:
    """Of every answer: one origin, no other's frames, threads for the page.

    Args:
        host: Of the request: what a page's sockets connect to.
    """
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' blob:; style-src 'self'; "
        "worker-src 'self' blob:; img-src data:; "
        f"connect-src 'self' ws://{host} wss://{host}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
    }


Answer = Callable[["Request"], Awaitable["Response"]]


def _answer(pages: Pages, find: Callable[[Pages, Request], Path | None]) -> Answer:
    """An answer: a file of a table, or nothing."""
    from starlette.responses import FileResponse, PlainTextResponse

    async def answer(request: Request) -> Response:
        found = find(pages, request)
        headers = security_headers(request.url.netloc)
        if found is None or not found.is_file():
            return PlainTextResponse("there is nothing here\n", 404, headers)
        kind = _TYPES.get(found.suffix, "application/octet-stream")
        if find is _put_file:
            kind = "application/octet-stream"
        return FileResponse(found, headers={**headers, "Content-Type": kind})

    return answer


@cache
def _page_files() -> dict[str, Path]:
    return {path.name: path for path in _PAGE.iterdir() if path.suffix in _TYPES}


def _page_file(pages: Pages, request: Request) -> Path | None:
    shown = "join.html" if pages.machine else "index.html"
    return _page_files().get(request.path_params.get("name", shown))


def _runtime_file(pages: Pages, request: Request) -> Path | None:
    return runtime_files(request.path_params["runtime"]).get(request.path_params["name"])


def _put_file(pages: Pages, request: Request) -> Path | None:
    return pages.file(request.path_params["name"])


async def _accepted(socket: WebSocket) -> bool:
    """Accepts a socket that comes from our own page."""
    origin = urlsplit(socket.headers.get("origin", "")).netloc
    if origin != socket.url.netloc:
        await socket.close(REFUSED)
        return False
    await socket.accept()
    return True


class _Control:
    """The socket of a page about itself."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def serve(self, socket: WebSocket) -> None:
        from starlette.websockets import WebSocketDisconnect

        if not await _accepted(socket):
            return
        page: Page | None = None
        try:
            while True:
                message = read((await socket.receive_text())[: MOST_CONTROL + 1])
                if message is None or (page is None) == (message.hello is None):
                    await socket.close(REFUSED)
                    return
                if message.hello is not None:
                    if bool(message.hello.name) != bool(self._pages.machine):
                        await socket.close(REFUSED)
                        return
                    page = Page(socket, asyncio.get_running_loop(), message.hello)
                    self._pages.join(page)
                    welcome = {"name": page.name, "machine": self._pages.machine}
                    await socket.send_text(json.dumps({"welcome": welcome}))
                elif page is not None:
                    if message.visible is not None:
                        page.show(message.visible)
                    if message.power is not None:
                        page.power.note(message.power)
                    if message.failed is not None:
                        page.failed(message.failed, message.why)
        except (WebSocketDisconnect, KeyError):  # KeyError: it sent bytes in place of text
            return
        finally:
            if page is not None:
                self._pages.leave(page, _GONE)


class _Agents:
    """Sockets of workers, each of which was asked for."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def serve(self, socket: WebSocket) -> None:
        from starlette.websockets import WebSocketDisconnect

        agent = self._pages.agent(socket.path_params["number"])
        if not await _accepted(socket):
            return
        if agent is None or not agent.attach(socket):
            await socket.close(REFUSED)
            return
        try:
            while True:
                agent.push(await socket.receive_text())
        except WebSocketDisconnect as end:
            # A worker that closes by itself says so; one whose page is gone does not.
            await asyncio.sleep(0 if end.code == 1000 else 0.2)
            agent.finish(0 if end.code == 1000 else None, "" if end.code == 1000 else _GONE)
        except KeyError:
            agent.finish(None, "it sent bytes in place of text")
