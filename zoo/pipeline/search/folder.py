"""The folder of a search, one for each thing that is asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo.common import file_lock
from zoo.common.errors import ZooError


def folder_name(model_id: str, asked: Sequence[Any]) -> str:
    """Model id, and eight digits that change with what was asked."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', model_id)}-{digest[:8]}"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps other processes from searching in it.

    One in which a search that fails has put nothing is removed.

    Raises:
        ZooError: It cannot be written, or another process searches there.
    """
    refusal = ZooError(
        f"another process searches in {folder}",
        why="the same search was begun twice",
        fix="wait until that has ended, or give --output another folder",
    )
    lock = folder / ".lock"
    with file_lock.held(lock, refusal):
        try:
            yield
        except BaseException:
            with suppress(OSError):
                if list(folder.iterdir()) == [lock]:
                    lock.unlink()
                    folder.rmdir()
            raise
