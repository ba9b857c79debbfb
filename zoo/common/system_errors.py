"""Errors of the file system: the folder at fault, and the setting that replaces it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.common.files import LARGER_FILES
from zoo.common.paths import (
    OTHER_HOME,
    cache_folder,
    config_folder,
    data_folder,
    is_own,
    real_path,
)

#: A disk with fewer free bytes counts as full: no step of ours writes less.
_FULL_BYTES = 1 << 16
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
#: Something other than a folder on the way to a file.
_NO_FOLDER = (errno.ENOTDIR, errno.EEXIST, errno.ELOOP)
#: Letters that are shown of a name that is too long.
_SHOWN = 40
_TEMPORARY = "set TMPDIR to a folder that exists, can be written and has room"
_SHORTER = "set TMPDIR to a folder with a shorter path"


def system_error(error: OSError) -> ZooError | None:
    """The error with its cause and cure; None where the cause is no file or folder here."""
    name = error.filename
    place = Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
    reason = error.strerror or str(error)
    if reason.startswith("No usable temporary directory"):  # Python's own words
        return EnvironmentFailed(
            "there is no folder for temporary files", why=reason, fix=_TEMPORARY
        )
    if reason.startswith("AF_UNIX path too long"):
        return EnvironmentFailed(
            "no socket can be made for child processes", why=reason, fix=_SHORTER
        )
    if error.errno in _FULL:
        return _full([place] if place else _full_folders(), reason)
    if error.errno == errno.EFBIG:
        of = f"{place} is" if place else "a file that was being written is"
        return ZooError(f"{of} larger than a file may be here", why=reason, fix=LARGER_FILES)
    if error.errno == errno.ENAMETOOLONG:
        started = f" that begins with {str(place)[:_SHOWN]!r}" if place else ""
        return ZooError(f"a name{started} is too long", why=reason, fix="choose a shorter one")
    if place is None or error.errno not in (*_CLOSED, *_NO_FOLDER):
        return None
    what = "may not be used" if error.errno in _CLOSED else "cannot be used"
    kind = EnvironmentFailed if is_own(place) else ZooError
    return kind(f"{place} {what}", why=reason, fix=_instead_of(place))


def full_disk(error: BaseException) -> ZooError | None:
    """The error for a full disk, if one is: libraries fail on it with errors of other kinds."""
    return _full(_full_folders(), f"{type(error).__name__}: {str(error).strip()[:600]}")


def _full(folders: list[Path], reason: str) -> ZooError | None:
    if not folders:
        return None
    return EnvironmentFailed(
        f"the disk of {' and of '.join(str(folder) for folder in folders)} is full",
        why=reason,
        fix=f"free some space: finished steps are kept; or {_instead_of(folders[0])}",
    )


def _full_folders() -> list[Path]:
    found = []
    for folder in (*_temporary(), cache_folder(), data_folder(), Path(os.curdir)):
        there = next((f for f in (folder, *folder.parents) if f.exists()), None)
        if there is not None and shutil.disk_usage(there).free < _FULL_BYTES:
            found.append(folder)
    return found


def _temporary() -> list[Path]:
    try:
        return [Path(tempfile.gettempdir())]
    except OSError:
        return []


def _instead_of(place: Path) -> str:
    """What to set so that another folder is taken."""
    place = real_path(place)
    own = [real_path(folder) for folder in (cache_folder(), data_folder(), config_folder())]
    # The home itself may be what cannot be entered.
    if any(place.is_relative_to(f) or f.is_relative_to(place) for f in own):
        return OTHER_HOME
    if any(place.is_relative_to(real_path(folder)) for folder in _temporary()):
        return _TEMPORARY
    return "change its permissions, or name another place"
