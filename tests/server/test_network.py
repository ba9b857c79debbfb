"""What each address of this machine answers, and what the command says when nobody comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("trustme", reason="needs the extra serve")

from zoo.registry import load_registry
from zoo.server.authority import authority_for
from zoo.server.https import Https
from zoo.server.network import Network
from zoo.server.site import Site

PHONE, MOVED, TOKEN = "192.168.1.5", "192.168.7.7", "tokentokentoken"

pytestmark = pytest.mark.usefixtures("own_home")


def network(site: Site, told: list[str], *, https: bool) -> Network:
    names = (PHONE, "box")
    certificates = Https(authority_for(names), names, told.append) if https else None
    made = Network(
        site, load_registry(), TOKEN, 80, tell=told.append, https=certificates, secured_port=443
    )
    made.rename(names)
    return made


def ask(
    served: Network, address: str, path: str, *, scheme: str = "http", kind: str = "http"
) -> tuple[int, str]:
    """Status and body of an answer; the code that closes a socket."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": kind,
        "method": "GET",
        "scheme": scheme,
        "server": (address, 80),
        "client": (PHONE, 5000),
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
        "headers": [(b"host", address.encode())],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(served.app(scope, receive, send))
    first = sent[0]
    body = b"".join(message.get("body", b"") for message in sent)
    return first.get("status", first.get("code", 0)), body.decode("utf-8", "replace")


def test_without_encryption_others_get_the_pages_by_the_token(site: Site) -> None:
    served = network(site, [], https=False)
    assert served.address.network == tuple(f"http://{n}:80/{TOKEN}/" for n in (PHONE, "box"))
    assert served.address.certificate == ()
    assert served.join_page() == (80, f"/{TOKEN}/join/browser/")
    assert ask(served, PHONE, f"/{TOKEN}/")[0] == 200
    assert ask(served, PHONE, "/")[0] == 404


def test_with_https_others_get_the_certificate_alone_without_encryption(site: Site) -> None:
    served = network(site, [], https=True)
    authority = served.address
    status, page = ask(served, PHONE, "/")
    assert status == 200
    assert authority.fingerprint in page
    assert f"https://{PHONE}:443/" in page
    assert TOKEN not in page
    for system in ("Android", "iPhone", "Windows", "macOS", "Linux"):
        assert f"<h2>{system}" in page
    assert "BEGIN CERTIFICATE" in ask(served, PHONE, "/edgezoo.pem")[1]
    assert ask(served, PHONE, f"/{TOKEN}/")[0] == 404
    assert ask(served, PHONE, f"/{TOKEN}/join/browser/control", scheme="ws", kind="websocket") == (
        *(1008, ""),
    )
    assert ask(served, PHONE, f"/{TOKEN}/", scheme="https")[0] == 200
    # This machine itself needs no encryption to have what browsers keep for https.
    assert ask(served, "127.0.0.1", f"/{TOKEN}/")[0] == 200
    assert ask(served, "127.0.0.1", "/")[0] == 404


def test_an_address_that_changes_is_told_and_answered(site: Site) -> None:
    told: list[str] = []
    served = network(site, told, https=True)
    assert ask(served, MOVED, "/")[0] == 400
    served.moved((MOVED,))
    assert told == [f"the addresses of this machine have changed: https://{MOVED}:443/{TOKEN}/"]
    assert ask(served, MOVED, "/")[0] == 200
    assert ask(served, MOVED, f"/{TOKEN}/", scheme="https")[0] == 200
    assert served.address.certificate == (f"http://{MOVED}:80/",)
    (joining,) = site.devices.joining
    assert joining.addresses == (f"https://{MOVED}:443/{TOKEN}/join/browser/",)
    # The authority may not sign for an address of the Internet.
    served.moved(("203.0.113.9", MOVED))
    assert told[1].startswith("203.0.113.9 is a new address of this machine, for which")
    assert served.address.network == (f"https://{MOVED}:443/{TOKEN}/",)


@pytest.mark.parametrize("https", [False, True])
def test_when_nobody_comes_the_command_says_what_to_check(site: Site, https: bool) -> None:
    told: list[str] = []
    served = network(site, told, https=https)
    ask(served, "127.0.0.1", f"/{TOKEN}/")
    waiting = served.await_visitors(0.0)
    waiting.join()
    (words,) = told
    assert "no other device has asked for a page" in words
    opened = "80,443/tcp" if https else "80/tcp"
    for word in ("same network", "firewall", "port 80", f"ufw allow {opened}", PHONE):
        assert word in words
    ask(served, PHONE, "/")
    served.await_visitors(0.0).join()
    assert len(told) == 1
