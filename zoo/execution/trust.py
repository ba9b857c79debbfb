"""Whether a project's ``devices.toml`` may be acted on: only if its user has allowed it.

A cloned folder brings such a file along, and its devices start programs here and connect to
machines. As direnv does, what is allowed is a content at a path: an edit asks again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.common.files import write_text
from zoo.common.paths import config_folder


class Untrusted(UsageError):
    """A project's file of devices that nobody here has allowed.

    Attributes:
        file: The file.
        device: The device of it that was asked for.
    """

    def __init__(self, file: Path, device: str) -> None:
        super().__init__(
            f"{file} has not been allowed on this machine, so its device {device!r} is not used",
            why="devices start programs and connect to machines, and the file came with the folder "
            "or was changed since",
            fix="read it, then type in that folder: zoo devices allow",
        )
        self.file = file
        self.device = device


def digest_of(text: str) -> str:
    """Stands for the content of a file of devices."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogateescape")).hexdigest()


def is_trusted(file: Path, digest: str) -> bool:
    """Whether a file was allowed with this content."""
    return _allowed().get(str(file.resolve())) == digest


def trust(file: Path, digest: str) -> None:
    """Allows a file with this content, in place of any before."""
    write_text(_list(), json.dumps({**_allowed(), str(file.resolve()): digest}, indent=1))


def _list() -> Path:
    return config_folder() / "allowed.json"


def _allowed() -> dict[str, str]:
    try:
        found = json.loads(_list().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # what cannot be read allows nothing
    return found if isinstance(found, dict) else {}
