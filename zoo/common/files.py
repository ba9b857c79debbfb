"""Atomic file writing: a process killed at any moment leaves the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zoo.common.errors import BadFile, EnvironmentFailed, ZooError
from zoo.common.paths import OTHER_HOME, is_own

_CHUNK = 1 << 20
#: Bytes of a file's name that its temporary one begins with.
_BEGINNING = 200
#: What to do when the user's folder of results cannot be written.
OTHER_OUTPUT = "choose another folder with --output, or change its permissions"
#: What to do when the shell, or the file system, limits the size of a file.
LARGER_FILES = "raise the limit (ulimit -f unlimited), or take a disk that holds larger files"
#: What to do when a file that the user named cannot be written.
OTHER_FILE = "name another file, or change the permissions of its folder"


@contextmanager
def atomic_path(path: Path, *, fix: str | None = None, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary name beside `path`; on success it is renamed to `path`.

    Args:
        path: The file.
        fix: What to do when it cannot be written; None for the advice that fits its folder.
        durable: Whether it also survives a loss of power, for which the disk is waited for.

    Raises:
        ZooError: The folder cannot be written, or the disk is full.
    """
    # A name that just fits into a folder leaves no room for what is added here.
    begins = os.fsencode(path.name)[:_BEGINNING].decode(errors="ignore")
    temporary = path.with_name(f".{begins}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error, fix=fix) from error
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


def write_bytes(path: Path, data: bytes, *, fix: str | None = None, durable: bool = True) -> None:
    """Writes `data` to `path` atomically; `fix` and `durable` as in `atomic_path`."""
    with atomic_path(path, fix=fix, durable=durable) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str, *, fix: str | None = None, durable: bool = True) -> None:
    """Writes `text` as UTF-8 to `path` atomically; `fix` and `durable` as in `atomic_path`."""
    write_bytes(path, text.encode("utf-8"), fix=fix, durable=durable)


def replace_other(path: Path, data: bytes) -> None:
    """Writes what can be made again: a file with these bytes stays untouched.

    Another is replaced as a whole, but does not wait for the disk, which takes longer than a
    thousand pages take to be made.

    Raises:
        ZooError: The folder cannot be written, or the disk is full.
    """
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    write_bytes(path, data, durable=False)


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
    pairs = [(source.parent / name, target.parent / name) for name in side_files]
    for here, there in [*pairs, (source, target)]:  # the file comes last: it is never half there
        with atomic_path(there) as temporary:
            shutil.copyfile(here, temporary)


def size_with_side_files(path: Path, side_files: Sequence[str] = ()) -> int:
    """Bytes of a file and its side files."""
    return sum(p.stat().st_size for p in [path, *(path.parent / n for n in side_files)])


def cannot_write(path: Path, error: OSError, *, fix: str | None = None) -> ZooError:
    """The error for a file that cannot be written, with the system's reason; `fix` likewise."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentFailed(
            f"{path} was not written: the disk is full",
            why=str(error),
            fix="free some space and type the same command: finished steps are kept",
        )
    if error.errno == errno.EFBIG:
        return ZooError(
            f"{path} was not written: it is larger than a file may be here",
            why=error.strerror,
            fix=LARGER_FILES,
        )
    why = error.strerror or str(error)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        files = (place for place in (path, *path.parents) if place.is_file())
        why = next((f"{place} is a file, and a folder is needed" for place in files), why)
    return EnvironmentFailed(
        f"{path} cannot be written",
        why=why,
        fix=fix or (OTHER_HOME if is_own(path) else OTHER_OUTPUT),
    )


@contextmanager
def filled(folder: Path, *, fix: str | None = None) -> Iterator[None]:
    """Makes a folder that can be written; one that was new and stays empty is removed on errors.

    `fix` as in `cannot_write`.

    Raises:
        ZooError: It cannot be written.
    """
    made = [place for place in (folder, *folder.absolute().parents) if not is_there(place)]
    try:
        ensure_writable(folder, fix=fix)
        yield
    except BaseException:
        for place in made:
            with contextlib.suppress(OSError, ValueError):
                place.rmdir()
        raise


def ensure_writable(folder: Path, *, fix: str | None = None) -> None:
    """Makes `folder` and proves that files can be written there, before hours of work."""
    probe = folder / f".zoo-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise cannot_write(folder, error, fix=fix) from error
    except ValueError as error:  # no system has a name with a zero character
        raise cannot_write(folder, OSError(errno.EINVAL, str(error)), fix=fix) from error


#: What may lie at a path.
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device of the system",
    stat.S_IFBLK: "a device of the system",
}


def no_file(path: Path, shown: str = "", *, missing: str = "") -> str | None:
    """Why there is no file to read at a path, as the first sentence of an error; None if there is.

    Args:
        path: May be anything: a pipe and a device would keep their reader waiting for ever.
        shown: How the user named it.
        missing: The sentence where nothing is there.
    """
    return _lacking(path, shown or str(path), "a file", missing)


def is_there(path: Path) -> bool:
    """Whether anything is at a path, which need not be a possible name."""
    try:
        return path.exists()
    except OSError:  # too long a name, or a folder that may not be read
        return False


def no_folder(path: Path, shown: str = "") -> str | None:
    """Why there is no folder at a path, likewise."""
    return _lacking(path, shown or str(path), "a folder", "")


def _lacking(path: Path, shown: str, wanted: str, missing: str) -> str | None:
    """Why nothing of the kind `wanted` is at a path; None if there is."""
    noun = wanted.removeprefix("a ")
    try:
        found = _kind(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return missing or f"there is no {noun} {shown}"
        return f"{shown} cannot be read: {error.strerror}"
    except ValueError:  # a NUL in the name
        return f"{shown!r} is not the name of a {noun}"
    return None if found == wanted else f"{shown} is {found}, not {wanted}"


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def open_file(path: Path) -> BinaryIO:
    """Opens a plain file to read its bytes; never waits for somebody to write into a pipe.

    Raises:
        OSError: There is none, it may not be read, or it is no plain file.
    """
    _refuse_other(path.stat().st_mode, path)  # a socket cannot even be opened
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_other(os.fstat(descriptor).st_mode, path)  # another may lie there by now
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _refuse_other(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"it is {_kind(mode)}, not a file", str(path))


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a plain file that others made.

    Args:
        path: The file.
        most: Bytes that a file of this kind can have; of a larger one nothing is read.

    Raises:
        OSError: As `open_file`, or it is larger.
    """
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
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
