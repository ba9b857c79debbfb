"""Encrypted connections, and what devices that refuse them report."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import pytest

pytest.importorskip("trustme", reason="needs the extra serve")

from zoo.server.authority import authority_for
from zoo.server.https import Https, refusal

NAMES = ("127.0.0.1", "box.local")

pytestmark = pytest.mark.usefixtures("own_home")


def connected(https: Https, ask: Callable[[int], bytes]) -> bytes | str:
    """What a client in a thread gets, or the reason why it gets nothing."""

    async def serve() -> bytes | str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=https.context) as server:
            port = server.sockets[0].getsockname()[1]
            try:
                return await asyncio.to_thread(ask, port)
            except (ssl.SSLError, OSError) as error:
                # What the client has sent last is on its way.
                await asyncio.sleep(0.1)
                return str(error)

    return asyncio.run(serve())


def client(context: ssl.SSLContext, name: str) -> Callable[[int], bytes]:
    def ask(port: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as line,
        ):
            return line.recv(16)

    return ask


def plain(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return line.recv(16)


def test_who_trusts_the_authority_is_served_under_its_names_alone() -> None:
    told: list[str] = []
    https = Https(authority_for(NAMES), NAMES, told.append)
    trusting = ssl.create_default_context(cadata=https.authority.pem.decode())
    for name in NAMES:
        assert connected(https, client(trusting, name)) == b"hello"
    assert "mismatch" in str(connected(https, client(trusting, "192.168.1.9"))).lower()
    assert https.renew(("192.168.1.9",)) == ()
    assert connected(https, client(trusting, "192.168.1.9")) == b"hello"
    assert https.renew(("8.8.8.8",)) == ("8.8.8.8",)


def test_who_does_not_trust_it_is_told_of_once() -> None:
    told: list[str] = []
    https = Https(authority_for(NAMES), NAMES, told.append)
    for _ in range(2):
        got = connected(https, client(ssl.create_default_context(), "127.0.0.1"))
        assert "CERTIFICATE_VERIFY_FAILED" in str(got)
    (words,) = told
    assert words.startswith("a device does not trust the certificate: open the page of")
    assert connected(https, plain) == b""
    assert "https://" in told[1]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "date and time"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not trust"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no TLS 1.2"),
        ("UNEXPECTED_EOF_WHILE_READING", ""),
    ],
)
def test_failed_handshakes_have_words(reason, words) -> None:
    found = refusal(reason)
    assert (words in found) if words else not found
