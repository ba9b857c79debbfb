"""Where edgezoo keeps files of its own, outside any project, and whether it may fetch others."""

from __future__ import annotations

import os
from pathlib import Path

#: Environment variable: a folder that takes the place of the system's own choice.
HOME_VARIABLE = "ZOO_HOME"
#: Environment variable: when set (and not ``0``), nothing is downloaded.
OFFLINE_VARIABLE = "ZOO_OFFLINE"


def is_offline() -> bool:
    """Whether the user forbade the network."""
    return os.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0")


def cache_folder() -> Path:
    """Folder for what can be fetched or computed again; it need not exist yet."""
    return _folder("cache")


def data_folder() -> Path:
    """Folder for what would be missed: results that no project owns; it need not exist yet."""
    return _folder("data")


def config_folder() -> Path:
    """Folder for what the user wrote and every project may read; it need not exist yet."""
    return _folder("config")


def _folder(kind: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / kind
    import platformdirs

    if kind == "cache":
        return platformdirs.user_cache_path("edgezoo", appauthor=False)
    if kind == "config":
        return platformdirs.user_config_path("edgezoo", appauthor=False)
    return platformdirs.user_data_path("edgezoo", appauthor=False)
