"""Serving the pages: on this machine alone, or to its network, with or without encryption."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from zoo.common.errors import UsageError
from zoo.execution.devices import device_named
from zoo.pipeline.step_cache import step_cache
from zoo.registry import Registry
from zoo.results.connecting import NoStore, StoreLocked
from zoo.results.store import Store
from zoo.server.addresses import Watch, addresses_of_machine
from zoo.server.catalogue import Catalogue
from zoo.server.network import LOOPBACK, Address, Network
from zoo.server.site import Site

EVERYWHERE = "0.0.0.0"  # noqa: S104 - asked for by --lan alone
#: Random bytes of the token, which keeps others of the network out.
_TOKEN_BYTES = 16
#: Seconds that open connections have to close when the server is stopped.
_SHUTDOWN_SECONDS = 2
#: Seconds that a page waits for a store which another program has locked, or for its server.
_PATIENCE_SECONDS = 3.0
#: Bytes of a message of a device that has joined.
_LARGEST_MESSAGE = 1 << 28


def serve(
    registry: Registry,
    *,
    store: str | None = None,
    port: int,
    lan: bool = False,
    https: bool = False,
    new_authority: bool = False,
    open_on: Sequence[str] = (),
    on_address: Callable[[Address], None],
    tell: Callable[[str], None],
) -> None:
    """Serves until it is interrupted.

    A store that is not there yet, or is locked, is no reason to end: pages say so until it is.

    Args:
        registry: Knows tasks, formats and devices.
        store: URL of the results store; None for the user's own.
        port: To listen on; 0 for a free one.
        lan: Whether other machines of the network may connect; else this one alone.
        https: Whether they get the pages encrypted, by the user's own certificate authority.
        new_authority: Whether another authority is made, which devices have to be told to trust.
        open_on: Devices whose browsers are shown the page by which they join.
        on_address: Receives the address once the pages can be asked for.
        tell: Receives what is wrong with the store, or goes wrong with other machines meanwhile,
            in sentences.

    Raises:
        UsageError: The port is taken.
        ZooError: The store is none, is a later program's, or its server is out of reach; or there
            is no network.
    """
    opened = Store(store, writes=False, patience=_PATIENCE_SECONDS, opened=False)
    with contextlib.ExitStack() as stack:
        stack.callback(opened.close)
        try:
            opened.ready()
        except (NoStore, StoreLocked) as error:
            tell(f"{error.what}: {error.why}; pages show it as soon as it can be read")
        listening = stack.enter_context(listen(EVERYWHERE if lan else LOOPBACK, port))
        secured = stack.enter_context(_beside(listening)) if https else None
        site = Site(Catalogue(opened), registry, step_cache(), static=False, store=opened.name)
        names = addresses_of_machine() if lan else ()
        certificates = None
        if https:
            # Who serves without encryption does not wait for the libraries.
            from zoo.server.authority import authority_for
            from zoo.server.https import Https

            certificates = Https(authority_for(names, renew=new_authority), names, tell)
        network = Network(
            site,
            registry,
            secrets.token_urlsafe(_TOKEN_BYTES),
            listening.getsockname()[1],
            https=certificates,
            secured_port=0 if secured is None else secured.getsockname()[1],
            tell=tell,
        )
        network.rename(names)
        servers = [(_server(network.app), listening)]
        if certificates is not None and secured is not None:
            context = certificates.context
            servers.append((_Second(_config(network.app, lambda *_: context)), secured))
        on_address(network.address)
        for name in open_on:
            device = device_named(registry, name)
            stack.callback(device.close_pages)
            tell(f"the page to join was opened on {device.open_page(*network.join_page())}")
        threading.Thread(target=_warm, args=(site,), daemon=True).start()
        if lan:
            watch = Watch(addresses_of_machine, network.moved)
            watch.start(names)
            stack.callback(watch.close)
            stack.callback(network.await_visitors().cancel)
        asyncio.run(_run(servers))


async def _run(servers: Sequence[tuple[uvicorn.Server, socket.socket]]) -> None:
    """Serves until the first one is interrupted, which ends the others."""
    (first, listening), *others = servers
    beside = [asyncio.create_task(each.serve(sockets=[held])) for each, held in others]
    try:
        await first.serve(sockets=[listening])
    finally:
        for each, _ in others:
            each.should_exit = True
        await asyncio.gather(*beside)


class _Second(uvicorn.Server):
    """One that leaves interrupts to the first."""

    def capture_signals(self) -> Any:
        """Captures none."""
        return contextlib.nullcontext()


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(_config(app, None))


def _config(app: Any, context: Callable[..., Any] | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        log_level="critical",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ssl_context_factory=context,
    )


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


def _beside(first: socket.socket) -> socket.socket:
    """A socket on the port after the first one's, or on any where that is taken."""
    host, port = first.getsockname()[:2]
    try:
        return listen(host, port + 1)
    except UsageError:
        return listen(host, 0)
