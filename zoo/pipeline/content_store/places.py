"""Where the files of a content store lie: a folder; see `remote` for buckets."""

from __future__ import annotations

import hashlib
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from zoo.common.errors import EnvironmentFailed
from zoo.common.files import atomic_path, cannot_write, ensure_writable, open_file, write_bytes

_CHUNK = 1 << 20
#: What to do when a folder of the store cannot be used.
OTHER_STORE = "choose another --artifacts, or change its permissions"


class Place(Protocol):
    """Files by names with ``/``; one that is being written is not there yet.

    All methods raise `ZooError` in clear words where the place cannot be read or written.
    """

    def check(self, *, known: bool = False) -> None:
        """Proves that files can be written and read, before any work.

        Args:
            known: Whether another machine uses it already: what is missing is not made.
        """
        ...

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        ...

    def read(self, name: str, most: int) -> bytes | None:
        """A small file, at most `most` + 1 bytes of it; None where there is none."""
        ...

    def fetch(self, name: str, target: Path, most: int) -> Arrived | None:
        """Copies a file, at most `most` + 1 bytes of it; None where there is none."""
        ...

    def send(self, source: Path, name: str) -> None:
        """Copies a local file there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file."""
        ...

    def remove(self, name: str) -> bool:
        """Deletes a file; returns whether it is gone, which takes the right to do that."""
        ...


class Arrived:
    """What has been read of a file: how many bytes, and their SHA-256."""

    def __init__(self) -> None:
        self.bytes = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._digest.hexdigest()

    def copy(self, source: BinaryIO, target: Path, most: int) -> Arrived:
        """Writes what `source` has, at most `most` + 1 bytes, to a new file.

        Raises:
            OSError: Of the source.
            ZooError: The new file cannot be written.
        """
        with _written(target) as out:
            while self.bytes <= most:
                chunk = source.read(min(_CHUNK, most + 1 - self.bytes))
                if not chunk:
                    break
                self.bytes += len(chunk)
                self._digest.update(chunk)
                try:
                    out.write(chunk)
                except OSError as error:
                    raise cannot_write(target, error) from error
        return self


@contextmanager
def _written(target: Path) -> Iterator[BinaryIO]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = target.open("xb")
    except OSError as error:
        raise cannot_write(target, error) from error
    try:
        yield out
    finally:
        try:
            out.close()
        except OSError as error:
            raise cannot_write(target, error) from error


class Folder:
    """A folder, perhaps one that several machines mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, *, known: bool = False) -> None:
        """Makes it, unless another machine must have made it, and a file in it."""
        if known and not self.folder.is_dir():
            raise EnvironmentFailed(
                f"the folder of --artifacts {self.folder} is not on {platform.node()}",
                why="the command has made it, so what it names is another folder there",
                fix="mount it under that path here, or choose another --artifacts",
            )
        ensure_writable(self.folder, fix=OTHER_STORE)

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        with self._reading(name):
            try:
                status = (self.folder / name).stat()
            except FileNotFoundError:
                return None
            return status.st_size if stat.S_ISREG(status.st_mode) else None

    def read(self, name: str, most: int) -> bytes | None:
        """A small file, at most `most` + 1 bytes of it; None where there is none."""
        with self._reading(name):
            try:
                with open_file(self.folder / name) as file:
                    return file.read(most + 1)
            except FileNotFoundError:
                return None

    def fetch(self, name: str, target: Path, most: int) -> Arrived | None:
        """Copies a file, at most `most` + 1 bytes of it; None where there is none."""
        with self._reading(name):
            try:
                file = open_file(self.folder / name)
            except FileNotFoundError:
                return None
            with file:
                return Arrived().copy(file, target, most)

    def send(self, source: Path, name: str) -> None:
        """Copies a local file there, under its name when it is whole."""
        with (
            _read(source) as file,
            atomic_path(self.folder / name, fix=OTHER_STORE) as temporary,
            temporary.open("xb") as out,
        ):
            while chunk := file.read(_CHUNK):
                out.write(chunk)

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file."""
        write_bytes(self.folder / name, data, fix=OTHER_STORE)

    def remove(self, name: str) -> bool:
        """Deletes a file; returns whether it is gone, which takes the right to do that."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EnvironmentFailed(
                f"{self.folder / name} cannot be read",
                why=error.strerror or str(error),
                fix=OTHER_STORE,
            ) from error


@contextmanager
def _read(source: Path) -> Iterator[BinaryIO]:
    try:
        file = open_file(source)
    except OSError as error:
        raise EnvironmentFailed(
            f"{source} cannot be read",
            why=error.strerror or str(error),
            fix="leave the files alone during a run; start the run again",
        ) from error
    with file:
        yield file
