"""What answers at an address: a scheduler, and whether both sides encrypt and agree on it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from zoo.common.errors import UsageError, ZooError

#: Dask's schedulers greet with a message that is shorter; its first bytes say how long it is.
_LONGEST_GREETING = 1 << 16
_MAKE = "docs/executors.md has the commands that make certificates"


def client_context(tls: Path) -> ssl.SSLContext:
    """What a folder of certificates makes of a connection; as Dask uses them.

    Raises:
        UsageError: A file is no certificate or key, or the key is another one's.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls / "ca.pem"))
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"{tls / 'ca.pem'} is no certificate of an authority", why=_words(error), fix=_MAKE
        ) from error
    try:
        # Without a question for a password, which nobody would hear.
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem", password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UsageError(
            f"cert.pem and key.pem of {tls} cannot be used together", why=_words(error), fix=_MAKE
        ) from error
    context.check_hostname = False  # certificates are for a cluster, not for a host
    return context


def check_encryption(host: str, port: int, tls: Path | None, timeout: float) -> None:
    """Tells a scheduler that encrypts from one that does not, and both from other servers.

    Dask would wait for either, and take what another server says for the length of a message.

    Args:
        host: Of the scheduler.
        port: Of the scheduler.
        tls: Folder of certificates; None without encryption.
        timeout: Seconds for each answer.

    Raises:
        UsageError: The folder of certificates cannot be used.
        ZooError: One side encrypts and the other does not, their authorities differ, or it is no
            scheduler.
        OSError: Nothing answers at all.
    """
    context = None if tls is None else client_context(tls)
    shown = f"the Dask scheduler {host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=timeout) as plain:
            if context is None:
                _refuse_others(_greeting(plain, shown), shown)
                return
            with context.wrap_socket(plain, server_hostname=host) as encrypted:
                # Of TLS 1.3 a server refuses the client's certificate after the handshake.
                _refuse_others(encrypted.recv(8), shown)
    except ssl.SSLError as error:
        if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in (error.reason or ""):
            raise ZooError(
                f"{shown} has no certificate of the same authority",
                why=_words(error),
                fix="give the scheduler, the workers and the commands certificates that one ca.pem "
                "vouches for, and that have not expired",
            ) from error
        raise ZooError(
            f"{shown} does not encrypt, and --tls asks for it",
            why=_words(error),
            fix="start it with --tls, too; or leave --tls (ZOO_TLS) out in a network that you "
            "trust",
        ) from error


def _refuse_others(greeting: bytes, shown: str) -> None:
    if len(greeting) == 8 and int.from_bytes(greeting, "little") <= _LONGEST_GREETING:
        return
    raise ZooError(
        f"{shown} is none",
        why=f"what listens there says {greeting!r}" if greeting else "it ended the connection",
        fix="correct the port; or start one: zoo worker --scheduler --listen HOST:PORT",
    )


def _greeting(plain: socket.socket, shown: str) -> bytes:
    """Dask's schedulers greet; one that encrypts waits for the other side."""
    try:
        return plain.recv(8)
    except TimeoutError as error:
        raise ZooError(
            f"{shown} says nothing to a connection that is not encrypted",
            why="it was started with --tls, is none, or hangs",
            fix="add --tls FOLDER (or ZOO_TLS) with a certificate of its authority; or see that it "
            "runs, and that the network lets through what it says",
        ) from error


def _words(error: Exception) -> str:
    return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error)
