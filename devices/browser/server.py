"""The local server that a page comes from, in a thread of this process."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.execution.agent_process import LINE_BYTES

from .pages import Pages
from .routes import routes

_HOST = "127.0.0.1"
_START_SECONDS, _END_SECONDS = 30.0, 5.0


class PageServer:
    """Serves pages on loopback until `close`.

    Raises:
        MissingExtra: The libraries that serve are not installed.
        ZooError: The port is taken.
    """

    def __init__(self, pages: Pages, port: int = 0) -> None:
        for module in ("starlette", "uvicorn", "websockets"):
            require(module)
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Mount, Router

        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            listening.listen(128)  # who comes before the server runs waits
        except OSError as error:
            listening.close()
            raise ZooError(
                f"no page can be served on port {port} of {_HOST}",
                why=error.strerror,
                fix="end what listens there, or leave out the option port: one that is free is "
                "taken then",
            ) from error
        self.port = int(listening.getsockname()[1])
        self._token = secrets.token_urlsafe(24)
        app = Router(routes(pages), redirect_slashes=False)
        config = uvicorn.Config(
            Starlette(routes=[Mount(f"/{self._token}", app=app)]),
            ws="websockets-sansio",
            ws_max_size=LINE_BYTES,
            # A worker that computes for a minute does not keep its browser from answering.
            ws_ping_interval=20.0,
            ws_ping_timeout=60.0,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._serve, args=(listening,), daemon=True, name="zoo-pages"
        )
        self._thread.start()

    def _serve(self, listening: socket.socket) -> None:
        asyncio.run(self._server.serve(sockets=[listening]))

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{_HOST}:{self.port}/{self._token}/"

    def close(self) -> None:
        """Ends it."""
        self._server.should_exit = True
        self._thread.join(_END_SECONDS)
