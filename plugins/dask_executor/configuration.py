"""Dask's settings as the zoo needs them, and addresses."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path
from typing import Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.common.shown_text import printable, without_passwords

from .tls import client_context

#: Of the scheduler where none is given.
PORT = 8786
#: Topic of the progress events.
TOPIC = "zoo"
#: Key of what a worker announces in its registration, and of what it performs in its metrics.
ANNOUNCED = "zoo"
#: Above all levels: a command that ends while its worker tells of progress is "critical" to Dask.
NOTHING = logging.CRITICAL + 1
_ADDRESS = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[\w.-]+))(?::(?P<port>[0-9]{1,5}))?",
)
_SETTINGS = {
    # What ends two workers ends a third.
    "distributed.scheduler.allowed-failures": 1,
    # Steps run in processes that are limited by themselves, and results are files.
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    "distributed.scheduler.work-stealing": False,
    # What watches calls of Python: a worker's are one that waits for a process.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.client.scheduler-info-interval": "20s",
    # Results are text, and nothing is gained by moving it from worker to worker.
    "distributed.scheduler.active-memory-manager.start": False,
    # Of progress and answers, which are heard at once or not at all.
    "distributed.admin.log-length": 100,
    # A worker that is cut off is missed after that time, or twice as long.
    "distributed.scheduler.worker-ttl": "30s",
}


def prepare() -> Any:
    """Imports and configures Dask for this process; what it logs is told in our own words."""
    config = require("dask.config")
    distributed = require("distributed")
    config.set(_SETTINGS)
    keep_quiet()
    # Steps compare the versions that matter to them, and workers of others get none.
    warnings.filterwarnings("ignore", message=r"Mismatched versions found")
    return distributed


def keep_quiet() -> None:
    """Shows nothing that Dask logs, by loggers that it makes later either."""
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(NOTHING)


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of ``HOST:PORT``; the port may be left out, and ``[…]`` hold IPv6.

    Raises:
        UsageError: It is none.
    """
    found = _ADDRESS.fullmatch(address)
    number = PORT if found is None or found["port"] is None else int(found["port"])
    if found is not None and 0 < number < 65536:
        return found["ipv6"] or found["host"], number
    shown, why = printable(without_passwords(f"dask://{address}")), None
    fix = f"type HOST:PORT, such as 10.0.0.1:{PORT}"
    if "@" in address:
        # Whatever stands there, it may be a password.
        shown = f"dask://***@{printable(address.rpartition('@')[2])}"
        why = "a scheduler knows no users"
        fix = f"leave out what stands before @, and encrypt with --tls FOLDER; {fix}"
    elif address.count(":") > 1:
        fix = f"type an address of IPv6 in brackets, such as [::1]:{PORT}"
    raise UsageError(f"{shown} is no address of a Dask scheduler", why=why, fix=fix)


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
