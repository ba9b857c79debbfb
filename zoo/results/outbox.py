"""Records on their way to the store: each lies here as a file until the database has it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from zoo.common.errors import ZooError
from zoo.common.files import cannot_write, sync, write_text
from zoo.common.paths import data_folder
from zoo.results.addresses import common_spelling


@dataclass(frozen=True, kw_only=True)
class OutboxEntry:
    """A record that the database may lack.

    Attributes:
        row: Columns of the record; its ``token`` is unique, so that none is added twice.
        samples: Compressed raw samples; None when it has none.
        file: Where it lies; None when the folder cannot be written.
    """

    row: dict[str, Any]
    samples: bytes | None
    file: Path | None = None


@dataclass(frozen=True)
class Outbox:
    """The entries of one database.

    Args:
        address: Of the database, as `zoo.results.addresses.common_spelling` writes it.
    """

    address: str

    @property
    def folder(self) -> Path:
        """In the user's data folder."""
        digest = hashlib.sha256(self.address.encode("utf-8", "surrogatepass")).hexdigest()
        return data_folder() / "unrecorded" / digest[:16]

    def add(self, row: dict[str, Any], samples: bytes | None) -> OutboxEntry:
        """Writes an entry before the database is asked: that of a killed command is found."""
        file = self.folder / f"{time.time_ns()}-{row['token']}.json"
        encoded = None if samples is None else base64.b64encode(samples).decode("ascii")
        with contextlib.suppress(ZooError):
            plain = {"store": self.address, "row": row, "samples": encoded}
            write_text(file, json.dumps(plain), durable=False)
            return OutboxEntry(row=row, samples=samples, file=file)
        return OutboxEntry(row=row, samples=samples)

    def entries(self) -> Iterator[OutboxEntry]:
        """All, the oldest first; files that are no entries are left alone."""
        files = [file for folder in self._folders() for file in folder.glob("*.json")]
        for file in sorted(files, key=lambda file: file.name):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                yield _read(file)

    def tidy(self) -> None:
        """Removes folders in which no entry waits."""
        for folder in self.folder.parent.glob("*"):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _folders(self) -> Iterator[Path]:
        """Its own, and those that earlier versions named after other spellings of the address."""
        yield self.folder
        for folder in self.folder.parent.glob("*"):
            if folder == self.folder:
                continue
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, SQLAlchemyError):
                first = next(folder.glob("*.json"), None)
                if first is None:
                    continue
                told = json.loads(first.read_text(encoding="utf-8"))["store"]
                if common_spelling(sa.make_url(told)) == self.address:
                    yield folder


def _read(file: Path) -> OutboxEntry:
    plain = json.loads(file.read_text(encoding="utf-8"))
    encoded = plain["samples"]
    return OutboxEntry(
        row={str(name): str(value) for name, value in plain["row"].items()},
        samples=None if encoded is None else base64.b64decode(encoded),
        file=file,
    )


def keep(entry: OutboxEntry) -> None:
    """Waits until an entry that the database did not take is on the disk.

    Raises:
        ZooError: The disk refused it.
    """
    if entry.file is not None:
        try:
            sync(entry.file)
            sync(entry.file.parent)
        except FileNotFoundError:  # another command has appended it meanwhile
            return
        except OSError as error:
            raise cannot_write(entry.file, error) from error


def remove(entry: OutboxEntry) -> None:
    """Deletes the file of an entry that the database has."""
    if entry.file is not None:
        with contextlib.suppress(OSError):
            entry.file.unlink(missing_ok=True)
