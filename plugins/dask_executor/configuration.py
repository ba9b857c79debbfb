"""Dask's settings as the zoo needs them, and addresses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require

from .tls import client_context

#: Of the scheduler where none is given.
PORT = 8786
#: Topic of the progress events.
TOPIC = "zoo"
#: Key of what a worker announces in its registration, and of what it performs in its metrics.
ANNOUNCED = "zoo"
_SETTINGS = {
    # What ends two workers ends a third.
    "distributed.scheduler.allowed-failures": 1,
    # Steps run in processes that are limited by themselves, and results are files.
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    "distributed.scheduler.work-stealing": False,
}


def prepare() -> Any:
    """Imports and configures Dask for this process; what it logs is told in our own words."""
    config = require("dask.config")
    distributed = require("distributed")
    config.set(_SETTINGS)
    for name in list(logging.root.manager.loggerDict):
        if name == "distributed" or name.startswith("distributed."):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of ``HOST:PORT``; the port may be left out.

    Raises:
        UsageError: It is none.
    """
    host, colon, port = address.rpartition(":") if ":" in address else (address, "", "")
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not host or "/" in host or (colon and not 0 < number < 65536):
        raise UsageError(
            f"{address!r} is no address of a Dask scheduler",
            fix=f"type HOST:PORT, such as 10.0.0.1:{PORT}",
        )
    return host.strip("[]"), number or PORT


def scheduler_address(address: str, tls: Path | None) -> str:
    """``tcp://HOST:PORT``, or with certificates ``tls://…``."""
    host, port = host_and_port(address)
    shown = f"[{host}]" if ":" in host else host
    return f"{'tcp' if tls is None else 'tls'}://{shown}:{port}"


def security_of(tls: Path | None) -> Any:
    """Dask's security settings for a folder of certificates; None without one.

    Raises:
        UsageError: A file is missing there, is no certificate, or the key is another one's.
    """
    if tls is None:
        return None
    files = {name: tls / f"{name}.pem" for name in ("ca", "cert", "key")}
    for file in files.values():
        if not file.is_file():
            raise UsageError(
                f"{tls} has no {file.name}",
                why="an encrypted connection needs ca.pem, cert.pem and key.pem",
                fix="name the folder that holds them: --tls FOLDER",
            )
    client_context(tls)
    given: dict[str, Any] = {"tls_ca_file": str(files["ca"]), "require_encryption": True}
    for role in ("client", "worker", "scheduler"):
        given |= {f"tls_{role}_cert": str(files["cert"]), f"tls_{role}_key": str(files["key"])}
    return require("distributed").Security(**given)
