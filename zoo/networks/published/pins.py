"""SHA-256 of every file that was fetched, recorded at first sight and enforced from then on."""

from __future__ import annotations

import json
from pathlib import Path

from zoo.common.downloads import HashMismatch
from zoo.common.errors import BadFile
from zoo.common.files import write_text
from zoo.common.paths import data_folder
from zoo.common.shown_text import without_passwords
from zoo.contracts.weights import hash_in_name


def pins_path() -> Path:
    """The file of pins; outside the cache, so that clearing that keeps them."""
    return data_folder() / "weights-sha256.json"


def _key(url: str) -> str:
    """The key of an address; a file name with a hash is a key by itself."""
    return url.rpartition("/")[2] if hash_in_name(url) else without_passwords(url)


def pinned(url: str) -> str:
    """``sha256:`` with all 64 digits; empty when the file was never seen."""
    digits = _read().get(_key(url), "")
    return f"sha256:{digits}" if digits else ""


def pin(url: str, sha256: str) -> None:
    """Records a file's SHA-256.

    Raises:
        HashMismatch: Another one was recorded before; gives both.
    """
    known = _read()
    before = known.get(_key(url))
    if before == sha256:
        return
    if before is not None:
        raise HashMismatch(
            f"{url} is not the file that was fetched before",
            why=f"it has sha256:{sha256}, recorded was sha256:{before}",
            fix=f"if its publisher replaced it on purpose, remove its line from {pins_path()}",
        )
    write_text(pins_path(), json.dumps({**known, _key(url): sha256}, indent=1, sort_keys=True))


def _read() -> dict[str, str]:
    path = pins_path()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    # Too many digits are a plain ValueError, too many brackets a RecursionError.
    except (ValueError, RecursionError, OSError) as error:
        raise BadFile(f"{path} cannot be read", why=str(error), fix="delete it") from error
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise BadFile(f"{path} is not a table of hashes", fix="delete it")
    return values
