"""A PostgreSQL server of the tests' own, from Debian's package, on a socket in a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the search path."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        pytest.skip(f"there is no {name}: apt install postgresql")
    return found


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        folder: Of its socket.
        stop: Ends it, and all its connections.
        start: Starts it again.
    """

    folder: Path
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def server() -> Iterator[Path]:
    """Runs a server; yields the folder of its socket. Its only user is ``zoo``."""
    with stoppable_server() as running:
        yield running.folder


@contextmanager
def stoppable_server() -> Iterator[Server]:
    """The same, which a test may stop and start; it runs at the end."""
    pytest.importorskip("psycopg")
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="zoo-postgresql-"))
    account: dict[str, object] = {}
    if os.geteuid() == 0:  # as whom PostgreSQL does not run
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def run(*command: str | Path) -> None:
        with (folder / "log").open("a") as log:
            subprocess.run(
                command, cwd=folder, stdout=log, stderr=log, check=True, timeout=120, **account
            )

    data = folder / "data"
    settings = f"-k {folder} -c listen_addresses= -F"
    try:
        run(initdb, "-D", data, "-A", "trust", "-U", "zoo", "-E", "UTF8", "--locale=C", "--no-sync")
        started = (pg_ctl, "-D", data, "-w", "-l", folder / "server.log", "-o", settings, "start")
        stopped = (pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")
        run(*started)
        try:
            yield Server(folder, lambda: run(*stopped), lambda: run(*started))
        finally:
            run(*stopped)
    finally:
        shutil.rmtree(folder)
