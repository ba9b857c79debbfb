"""Encryption between scheduler, workers and commands: whether both sides have it, and agree."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from zoo.common.errors import UsageError, ZooError

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


def check_encryption(host: str, port: int, tls: Path | None, patience: float) -> None:
    """Tells a scheduler that encrypts from one that does not, before Dask waits for either.

    Where nothing answers at all, it says nothing: whoever connects then says so.

    Args:
        host: Of the scheduler.
        port: Of the scheduler.
        tls: Folder of certificates; None without encryption.
        patience: Seconds for each answer.

    Raises:
        UsageError: The folder of certificates cannot be used.
        ZooError: One side encrypts and the other does not, or their authorities differ.
    """
    context = None if tls is None else client_context(tls)
    shown = f"the Dask scheduler {host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=patience) as plain:
            if context is None:
                _refuse_silence(plain, shown)
                return
            with context.wrap_socket(plain, server_hostname=host) as encrypted:
                # Of TLS 1.3 a server refuses the client's certificate after the handshake.
                encrypted.recv(1)
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
    except OSError:
        return


def _refuse_silence(plain: socket.socket, shown: str) -> None:
    """Dask's schedulers greet; one that encrypts waits for the other side."""
    try:
        plain.recv(1)
    except TimeoutError as error:
        raise ZooError(
            f"{shown} says nothing to a connection that is not encrypted",
            why="it was started with --tls, or is none",
            fix="add --tls FOLDER (or ZOO_TLS) with a certificate of its authority",
        ) from error


def _words(error: Exception) -> str:
    return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error)
