"""What is answered at each address of this machine, and what to check when nobody comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from zoo.common.errors import ZooError
from zoo.registry import Registry
from zoo.server.app import make_app
from zoo.server.device_pages import Joining
from zoo.server.site import Site

if TYPE_CHECKING:  # who serves without encryption does not wait for the libraries
    from zoo.server.https import Https

LOOPBACK = "127.0.0.1"
#: Names that browsers call this machine by itself.
_OWN_NAMES = (LOOPBACK, "localhost")
#: Seconds until somebody who waits is told what to check.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the pages are.

    Attributes:
        local: For a browser on this machine.
        network: For others of its network; empty unless asked for.
        certificate: Of the page of the certificate that those are to trust first; empty without
            encryption.
        fingerprint: Of that certificate.
        authority: Its name, as settings of devices list it.
        ends: When it expires, as a date of ISO 8601.
        made: Why it was made just now; empty for one that was there before.
    """

    local: str
    network: tuple[str, ...] = ()
    certificate: tuple[str, ...] = ()
    fingerprint: str = ""
    authority: str = ""
    ends: str = ""
    made: str = ""


class Network:
    """The applications of a server: `app` answers every connection.

    Args:
        site: Pages.
        registry: Knows kinds of device that join by a page.
        token: First part of every path.
        port: Without encryption.
        tell: Receives sentences for the person at the command.
        https: Certificates of this machine; None without encryption.
        secured_port: With it.
    """

    def __init__(
        self,
        site: Site,
        registry: Registry,
        token: str,
        port: int,
        *,
        tell: Callable[[str], None],
        https: Https | None = None,
        secured_port: int = 0,
    ) -> None:
        self._site, self._token, self._tell, self._https = site, token, tell, https
        self._port, self._secured_port = port, secured_port
        self.local = f"http://{LOOPBACK}:{port}/{token}/"
        self._kinds = [kind for kind in registry.devices if kind.pages is not None]
        self._joining = [
            Mount(f"/join/{kind.name}", routes=kind.pages(f"{self.local}join/{kind.name}/"))
            for kind in self._kinds
            if kind.pages is not None
        ]
        site.files.tries.paths.update((kind.name, f"join/{kind.name}/") for kind in self._kinds)
        self._visited = threading.Event()
        self._pages: ASGIApp
        self._certificate: ASGIApp | None = None
        self.rename(())

    def join_page(self) -> tuple[int, str]:
        """Port and path of the page by which devices join; of the first kind that has one.

        Raises:
            ZooError: No kind has one.
        """
        if not self._kinds:
            raise ZooError("no kind of device joins by a page", fix="reinstall edgezoo")
        return self._port, f"/{self._token}/join/{self._kinds[0].name}/"

    def rename(self, names: tuple[str, ...]) -> None:
        """Takes the names and addresses by which others call this machine."""
        scheme, port = (
            ("http", self._port) if self._https is None else ("https", self._secured_port)
        )
        network = tuple(f"{scheme}://{name}:{port}/{self._token}/" for name in names)
        self.address = Address(local=self.local, network=network)
        if self._https is not None:
            from zoo.server.certificate_page import certificate_app

            authority = self._https.authority
            self.address = Address(
                local=self.local,
                network=network,
                certificate=tuple(f"http://{name}:{self._port}/" for name in names),
                fingerprint=authority.fingerprint,
                authority=authority.name,
                ends=authority.ends.date().isoformat(),
                made=authority.made,
            )
            self._certificate = certificate_app(authority, port, names)
        self._site.devices.joining = tuple(
            Joining(
                kind=kind.name,
                summary=kind.summary,
                path=f"join/{kind.name}/",
                addresses=tuple(f"{base}join/{kind.name}/" for base in network),
            )
            for kind in self._kinds
        )
        self._pages = make_app(self._site, self._token, [*_OWN_NAMES, *names], self._joining)

    def moved(self, names: tuple[str, ...]) -> None:
        """The machine has other names and addresses than before."""
        if self._https is not None:
            outside = self._https.renew(names)
            names = tuple(name for name in names if name not in outside)
            if outside:
                self._tell(
                    f"{', '.join(outside)} is a new address of this machine, for which the "
                    "certificate that devices trust may not be used: end this command and start it "
                    "again, which makes another certificate to trust"
                )
        self.rename(names)
        told = " ".join(self.address.network) or "none: it is in no network now"
        self._tell(f"the addresses of this machine have changed: {told}")

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a connection by the address that it came to."""
        own = (scope.get("server") or ("",))[0] == LOOPBACK
        if not own:
            self._visited.set()
        plain = scope.get("scheme") in ("http", "ws")
        if self._certificate is None or not plain or own:
            await self._pages(scope, receive, send)
        elif scope["type"] == "http":
            await self._certificate(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def await_visitors(self, seconds: float = PATIENCE_SECONDS) -> threading.Timer:
        """Says what to check if no other machine comes; cancel it at the end."""
        timer = threading.Timer(seconds, self._missed, (seconds,))
        timer.daemon = True
        timer.start()
        return timer

    def _missed(self, seconds: float) -> None:
        if not self._visited.is_set():
            ports = f"{self._port}" + (f" and {self._secured_port}" if self._https else "")
            self._tell(what_to_check(seconds, ports, self.address))


def what_to_check(seconds: float, ports: str, address: Address) -> str:
    """Why another device may not reach this machine."""
    first = next(iter(address.certificate or address.network), "")
    return (
        f"no other device has asked for a page in {seconds:g} s. If one cannot open {first}:\n"
        "- is it in the same network as this machine (not the guests' Wi-Fi, no mobile data, no "
        "VPN)? Some routers keep devices of one Wi-Fi apart\n"
        f"- does a firewall of this machine let in TCP port {ports}? For instance: sudo ufw allow "
        f"{ports.replace(' and ', ',')}/tcp\n"
        "- of several addresses, the right one begins as the device's own address does"
    )
