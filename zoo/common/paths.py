"""Where edgezoo keeps files of its own, outside any project, and whether it may fetch others."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.common.shown_text import is_utf8, other_encoding

#: Environment variable: a folder that takes the place of the system's own choice.
HOME_VARIABLE = "ZOO_HOME"
#: Bytes of a folder's path that leave room for a socket below it: its own path may have 107, on
#: macOS 103, and multiprocessing and ssh append 32.
_LONGEST = 70
#: What to do when our own folder cannot be written.
OTHER_HOME = "set ZOO_HOME to a folder that can be written"
_SHORT = "/tmp"  # noqa: S108 - only the parent of folders that mkdtemp makes
#: Environment variable: when set (and not ``0``), nothing is downloaded.
OFFLINE_VARIABLE = "ZOO_OFFLINE"


def is_offline() -> bool:
    """Whether the user forbade the network."""
    return os.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0")


def expanded(name: str | Path) -> Path:
    """The path that a user typed; ``~`` and ``~name`` are homes of users, if there are such."""
    path = Path(name)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def cache_folder() -> Path:
    """Folder for what can be fetched or computed again; it need not exist yet."""
    return _folder("cache")


def data_folder() -> Path:
    """Folder for what would be missed: results that no project owns; it need not exist yet."""
    return _folder("data")


def config_folder() -> Path:
    """Folder for what the user wrote and every project may read; it need not exist yet."""
    return _folder("config")


def is_own(place: Path) -> bool:
    """Whether a place is in one of these folders, which ``ZOO_HOME`` moves."""
    own = (cache_folder(), data_folder(), config_folder())
    return any(real_path(place).is_relative_to(real_path(folder)) for folder in own)


def real_path(place: Path) -> Path:
    """The absolute path without links, as far as it is there: macOS' ``TMPDIR`` lies behind one."""
    try:
        return place.resolve()
    except (OSError, RuntimeError, ValueError):
        return place  # a working folder that is gone, links in a circle, a zero character


def socket_parent() -> str:
    """Where to make folders for sockets: TMPDIR, or ``/tmp`` if the path of TMPDIR is too long."""
    import tempfile

    usual = tempfile.gettempdir()
    usable = os.access(_SHORT, os.W_OK | os.X_OK)
    return _SHORT if usable and len(os.fsencode(usual)) > _LONGEST else usual


def _folder(kind: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        found = expanded(home) / kind
    else:
        import platformdirs

        of_system = {
            "cache": platformdirs.user_cache_path,
            "config": platformdirs.user_config_path,
            "data": platformdirs.user_data_path,
        }[kind]
        found = of_system("edgezoo", appauthor=False)
    if not is_utf8(str(found)):
        raise UsageError(
            f"edgezoo cannot keep files in {found}: that is not a name in UTF-8",
            why="libraries that read and write there take no other",
            fix=other_encoding(f"set {HOME_VARIABLE} to another folder"),
        )
    return found


#: Names that Windows keeps for itself, with any ending, and a dot at the end, which it drops.
_KEPT_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.", re.I | re.S)


def is_name_on_windows(name: str) -> bool:
    """Whether Windows lets a file have a name, as far as its letters are letters."""
    return not _KEPT_BY_WINDOWS.fullmatch(name)
