"""Atomic file writing: a process killed at any moment leaves the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from zoo.common.errors import BadFile, ZooError

_CHUNK = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`; on success it is renamed to `path`.

    Raises:
        ZooError: The folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's list of names, are on the disk.

    Raises:
        OSError: The disk refused them.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path` atomically."""
    write_bytes(path, text.encode("utf-8"))


def copy_with_side_files(source: Path, target: Path, side_files: Sequence[str] = ()) -> None:
    """Copies a file with its side files, such as external weights.

    Args:
        source: The file.
        target: Its copy; may have another name.
        side_files: As `FileContents.side_files` names them; they keep their names, by which the
            file refers to them.

    Raises:
        ZooError: The folder cannot be written, or the disk is full.
    """
    pairs = [(source.with_name(name), target.with_name(name)) for name in side_files]
    for here, there in [*pairs, (source, target)]:  # the file comes last: it is never half there
        with atomic_path(there) as temporary:
            shutil.copyfile(here, temporary)


def size_with_side_files(path: Path, side_files: Sequence[str] = ()) -> int:
    """Bytes of a file and its side files."""
    return sum(p.stat().st_size for p in [path, *(path.with_name(n) for n in side_files)])


#: What to do when the user's folder of results cannot be written.
OTHER_OUTPUT = "choose another folder with --output, or change its permissions"
#: What to do when our own folder cannot be written.
OTHER_HOME = "set ZOO_HOME to a folder that can be written"


def cannot_write(path: Path, error: OSError, *, fix: str = OTHER_OUTPUT) -> ZooError:
    """The error for a file that cannot be written, with the system's reason."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ZooError(
            f"{path} was not written: the disk is full",
            why=str(error),
            fix="free some space and type the same command: finished steps are kept",
        )
    return ZooError(
        f"{path} cannot be written",
        why=error.strerror or str(error),
        fix=fix,
    )


def ensure_writable(folder: Path, *, fix: str = OTHER_OUTPUT) -> None:
    """Makes `folder` and proves that files can be written there, before hours of work."""
    probe = folder / f".zoo-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise cannot_write(folder, error, fix=fix) from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError as error:
        raise BadFile(f"there is no file {path}", fix="check the path") from error
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    return digest.hexdigest()


def is_intact_zip(path: Path) -> bool:
    """Whether a file is a zip archive, and all in it has the checksum that is stored with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    # Beside its own error, zipfile lets pass those of zlib, of seeking and of decoding.
    except Exception:
        return False
