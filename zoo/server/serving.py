"""Serving the pages: on this machine alone, or to its network."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from starlette.routing import Mount

from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.step_cache import step_cache
from zoo.registry import Registry
from zoo.results.connecting import NoStore, StoreLocked
from zoo.results.store import Store
from zoo.server.app import make_app
from zoo.server.catalogue import Catalogue
from zoo.server.device_pages import Joining
from zoo.server.site import Site

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - asked for by --lan alone
#: Names that browsers call this machine by itself.
_OWN_NAMES = ("127.0.0.1", "localhost")
#: Random bytes of the token, which keeps others of the network out.
_TOKEN_BYTES = 16
#: Seconds that open connections have to close when the server is stopped.
_SHUTDOWN_SECONDS = 2
#: Seconds that a page waits for a store which another program has locked, or for its server.
_PATIENCE_SECONDS = 3.0
#: Bytes of a message of a device that has joined.
_LARGEST_MESSAGE = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the pages are.

    Attributes:
        local: For a browser on this machine.
        network: For others of its network; empty unless asked for.
    """

    local: str
    network: tuple[str, ...] = ()


def serve(
    registry: Registry,
    *,
    store: str | None = None,
    port: int,
    lan: bool = False,
    on_address: Callable[[Address], None],
    on_note: Callable[[str], None],
) -> None:
    """Serves until it is interrupted.

    A store that is not there yet, or is locked, is no reason to end: pages say so until it is.

    Args:
        registry: Knows tasks, formats and devices.
        store: URL of the results store; None for the user's own.
        port: To listen on; 0 for a free one.
        lan: Whether other machines of the network may connect; else this one alone.
        on_address: Receives the address once the pages can be asked for.
        on_note: Receives what is wrong with the store, in a sentence.

    Raises:
        UsageError: The port is taken.
        ZooError: The store is none, is a later program's, or its server is out of reach.
    """
    opened = Store(store, writes=False, patience=_PATIENCE_SECONDS, opened=False)
    try:
        try:
            opened.ready()
        except (NoStore, StoreLocked) as error:
            on_note(f"{error.what}: {error.why}; pages show it as soon as it can be read")
        listening = listen(EVERYWHERE if lan else LOOPBACK, port)
        with listening:
            site = Site(Catalogue(opened), registry, step_cache(), static=False, store=opened.name)
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            names = addresses_of_machine() if lan else ()
            number = listening.getsockname()[1]
            local, *network = (f"http://{n}:{number}/{token}/" for n in (LOOPBACK, *names))
            address = Address(local=local, network=tuple(network))
            joining = _join(site, registry, address)
            app = make_app(site, token, [*_OWN_NAMES, *names], joining)
            config = uvicorn.Config(
                app,
                log_level="critical",
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=_LARGEST_MESSAGE,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
            on_address(address)
            server = uvicorn.Server(config)
            threading.Thread(target=_warm, args=(site,), daemon=True).start()
            asyncio.run(server.serve(sockets=[listening]))
    finally:
        opened.close()


def _join(site: Site, registry: Registry, address: Address) -> list[Mount]:
    """Routes by which devices join, which the page of devices then names."""
    routes = []
    for kind in registry.devices:
        if kind.pages is None:
            continue
        path = f"join/{kind.name}/"
        routes.append(Mount(f"/join/{kind.name}", routes=kind.pages(f"{address.local}{path}")))
        addresses = tuple(f"{base}{path}" for base in address.network)
        joining = Joining(kind=kind.name, summary=kind.summary, path=path, addresses=addresses)
        site.devices.joining = (*site.devices.joining, joining)
    return routes


def _warm(site: Site) -> None:
    """Reads the store and draws, so that whoever asks first waits for less."""
    # A page says what is wrong to whoever asks for it.
    with contextlib.suppress(Exception):
        site.catalogue.refresh()
        site.boards.warm()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: Another program listens there already, or the port may not be used.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except (OSError, OverflowError) as error:
        made.close()
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} is taken",
                why="another program, perhaps another `zoo serve`, listens there",
                fix="name another with --port, or --port 0 for any that is free",
            ) from error
        raise UsageError(
            f"port {port} cannot be used",
            why=getattr(error, "strerror", None) or str(error),
            fix="name another with --port, or --port 0 for any that is free",
        ) from error
    return made


def addresses_of_machine() -> tuple[str, ...]:
    """Names and addresses by which the network can call this machine.

    Raises:
        ZooError: It has none.
    """
    import psutil

    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    if not found:
        raise ZooError(
            "this machine has no address in a network",
            why="only the loopback interface is up",
            fix="connect it to a network, or leave out --lan",
        )
    return (*found, socket.gethostname())
