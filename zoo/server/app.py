"""The server's application: pages, data beside them, and files that records name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.report_notes import REPORT
from zoo.pipeline.running import running_plans
from zoo.report.pages.rendering import render_page
from zoo.results.connecting import StoreAway
from zoo.server.file_entries import FileEntry
from zoo.server.page import DATA, Page, linker
from zoo.server.site import ASSETS, MENU, Site, asset

#: What every answer says, unless it says otherwise itself.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: Between two looks at what is running, while somebody watches.
LIVE_SECONDS = 1.0
#: After so long a browser asks again for a page that the store could not give.
RETRY_SECONDS = 5
#: Media types of what pages load.
_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "mjs": "text/javascript",
    "txt": "text/plain; charset=utf-8",
}


def make_app(
    site: Site, token: str, hosts: Sequence[str], joining: Sequence[BaseRoute] = ()
) -> Starlette:
    """The application; everything lies below the token.

    Args:
        site: Pages.
        token: First part of every path; another is told nothing.
        hosts: Names by which browsers may call this machine.
        joining: Routes by which devices join.
    """
    server = _Server(site)
    routes: list[BaseRoute] = [
        *(Route(f"/{name}", server.asset, name=name) for name in ASSETS),
        Route("/files/{page}/download/{name}", server.download),
        Route("/files/{page}/bundle/{name}", server.bundle),
        Route(f"/runs/{{page}}/{REPORT}", server.report),
        Route("/files/{page}/try/{name:path}", server.tried),
        Route("/{path:path}", server.page),
    ]
    live = Route("/live", server.live)
    packed = [Middleware(GZipMiddleware, minimum_size=2000, compresslevel=1)]
    own = Mount("/", routes=routes, middleware=packed)
    return Starlette(
        routes=[Mount(f"/{token}", routes=[*joining, live, own])],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(_Headers),
        ],
        exception_handlers={
            HTTPException: server.missing,
            ZooError: server.failed,
            Exception: server.failed,
        },
    )


class _Headers:
    """Adds to every answer the headers that it has not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_more if scope["type"] == "http" else send)


class _Server:
    def __init__(self, site: Site) -> None:
        self.site = site

    async def page(self, request: Request) -> Response:
        """A page, or the data beside it."""
        path = request.path_params["path"]
        as_data = path == DATA or path.endswith(f"/{DATA}")
        if as_data:
            path = path.removesuffix(DATA)
        elif path and not path.endswith("/"):
            raise HTTPException(404)
        return await run_in_threadpool(self._page, path, dict(request.query_params), as_data)

    def _page(self, path: str, query: dict[str, str], as_data: bool) -> Response:
        page = self.site.page(path, query)
        if page is None:
            raise HTTPException(404)
        if as_data:
            return Response(self.site.json(page), media_type="application/json")
        return HTMLResponse(self.site.html(page))

    async def asset(self, request: Request) -> Response:
        """What pages load."""
        name = request.url.path.rpartition("/")[2]
        return Response(asset(name), media_type=_TYPES[name.rpartition(".")[2]])

    async def download(self, request: Request) -> Response:
        """A file that the gate has judged, if it is there unaltered."""
        return await run_in_threadpool(
            self._download, request.path_params["page"], request.path_params["name"]
        )

    def _entry(self, page: str, name: str) -> FileEntry:
        with self.site.catalogue.lock:
            self.site.catalogue.refresh()
            entry = self.site.files.entry(f"files/{page}/")
        if entry is None or name != entry.name:
            raise HTTPException(404)
        return entry

    def _download(self, page: str, name: str) -> Response:
        path = self.site.kept.path_of(self._entry(page, name))
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, filename=name, media_type="application/octet-stream")

    async def bundle(self, request: Request) -> Response:
        """A folder for app developers with such a file, as an archive."""
        return await run_in_threadpool(
            self._bundle, request.path_params["page"], request.path_params["name"]
        )

    def _bundle(self, page: str, name: str) -> Response:
        entry = self._entry(page, name.removesuffix(".zip"))
        path = self.site.bundles.path_of(entry) if name.endswith(".zip") else None
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, filename=name, media_type="application/zip")

    async def report(self, request: Request) -> Response:
        """The report of a run, which is a whole page; of its script the policy runs nothing."""
        return await run_in_threadpool(self._report, request.path_params["page"])

    def _report(self, page: str) -> Response:
        with self.site.catalogue.lock:
            self.site.catalogue.refresh()
            path = self.site.runs.report_at(f"runs/{page}/")
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="text/html")

    async def tried(self, request: Request) -> Response:
        """What a page needs to run a file itself."""
        return await run_in_threadpool(
            self._tried, request.path_params["page"], request.path_params["name"]
        )

    def _tried(self, page: str, name: str) -> Response:
        with self.site.catalogue.lock:
            self.site.catalogue.refresh()
            entry = self.site.files.entry(f"files/{page}/")
            kept = None if entry is None else self.site.kept.open(entry)
            found = None if kept is None else self.site.files.tries.file(kept, name)
        if found is None:
            raise HTTPException(404)
        kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        if isinstance(found, bytes):
            return Response(found, media_type=kind)
        return FileResponse(found, media_type=kind)

    async def live(self, request: Request) -> Response:
        """What is running, and the newest record, whenever that changes: server-sent events."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        before = ""
        while True:
            try:
                told = await run_in_threadpool(self._now)
            except ZooError:
                told = before  # the pages say what is wrong with the store
            # A comment keeps the connection, and tells when it is gone.
            yield ": \n\n" if told == before else f"data: {told}\n\n"
            before = told
            await asyncio.sleep(LIVE_SECONDS)

    def _now(self) -> str:
        running = [asdict(plan) for plan in running_plans(self.site.store)]
        newest = self.site.catalogue.newest_stored()
        return json.dumps({"running": running, "newest": newest})

    async def missing(self, request: Request, error: Exception) -> Response:
        """What there is none of; who does not know the token learns nothing."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        inside = request.scope.get("root_path", "")
        if not inside:
            return PlainTextResponse("Not found\n", status)
        what = "There is no such page" if status == 404 else "Pages here can only be read"
        answer = await run_in_threadpool(self._problem, request, status, what, "")
        answer.headers.update((error.headers or {}) if isinstance(error, HTTPException) else {})
        return answer

    async def failed(self, request: Request, error: Exception) -> Response:
        """What went wrong, in sentences."""
        if isinstance(error, ZooError):
            status = 400 if isinstance(error, UsageError) else 503
            what, rest = error.what, str(error).partition("\n")[2]
        else:
            status, rest = 500, "fix: report the page's address without its token, and this line"
            what = f"unexpected error, probably a bug in edgezoo: {type(error).__name__}"
        again = isinstance(error, StoreAway)
        return await run_in_threadpool(self._problem, request, status, what, rest, again)

    def _problem(
        self, request: Request, status: int, what: str, rest: str, again: bool = False
    ) -> Response:
        path = request.url.path.removeprefix(request.scope["root_path"]).removeprefix("/")
        page = Page(path=path, template="problem.html", title=what, section="")
        html = render_page(
            "zoo.server:templates/problem.html",
            page=page,
            link=linker(path),
            menu=MENU,
            static=False,
            data_file="",
            unread=0,
            rest=rest,
            again=RETRY_SECONDS if again else 0,
        )
        # A header, so that a reader whom it disturbs can turn it off, and programs see it, too.
        retry = {"Retry-After": str(RETRY_SECONDS), "Refresh": str(RETRY_SECONDS)}
        return HTMLResponse(html, status, headers=retry if again else None)
