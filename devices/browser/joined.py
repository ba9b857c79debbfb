"""Which pages have joined a server of this machine: small files that other commands read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.common import processes
from zoo.common.files import write_text
from zoo.common.paths import cache_folder
from zoo.contracts import DeviceOptions

#: Bytes of such a file, at most: a thousand names.
_MOST = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A server of this machine, and the pages that have joined it.

    Attributes:
        pid: Of the process that serves.
        began: When that started.
        address: At which it is reached from here.
        secret: What a command of the same user shows it; the file is readable by that user alone.
        names: Of the pages that are open.
    """

    pid: int
    began: float
    address: str
    secret: str
    names: tuple[str, ...] = ()


def _folder() -> Path:
    return cache_folder() / "browser" / "joined"


def _read(content: bytes) -> Joined:
    # Imported late: shell completion asks for devices, and as a rule no page has joined.
    from pydantic import TypeAdapter

    return TypeAdapter(Joined).validate_json(content)


class JoinedFile:
    """The file of one server, kept as pages come and go."""

    def __init__(self, address: str) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._address = address
        self._place = _folder() / f"{os.getpid()}-{secrets.token_hex(4)}.json"

    def write(self, names: tuple[str, ...]) -> None:
        """Tells which pages are open."""
        told = Joined(
            pid=os.getpid(),
            began=processes.began(),
            address=self._address,
            secret=self.secret,
            names=names,
        )
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._place.parent.chmod(0o700)
        write_text(self._place, json.dumps(asdict(told)))
        self._place.chmod(0o600)

    def remove(self) -> None:
        """Nobody is there any more."""
        with contextlib.suppress(OSError):
            self._place.unlink(missing_ok=True)


def servers() -> list[Joined]:
    """Servers of this machine that run; files that processes left behind are removed."""
    found = []
    for place in sorted(_folder().glob("*.json")):
        try:
            if place.stat().st_size > _MOST or place.stat().st_uid != os.getuid():
                continue
            told = _read(place.read_bytes())
        except (OSError, ValueError):  # a ValidationError of pydantic, too
            continue
        if processes.still_runs(told.pid, told.began):
            found.append(told)
        else:
            with contextlib.suppress(OSError):
                place.unlink()
    return found


def server_of(name: str) -> Joined | None:
    """The server that a page of a name has joined."""
    return next((each for each in servers() if name in each.names), None)


def known_pages() -> Mapping[str, DeviceOptions]:
    """Pages that have joined, as devices."""
    return {name: {"page": name} for each in servers() for name in each.names}
