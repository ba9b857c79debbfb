"""A lock that a process holds on a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.files import cannot_write


@contextmanager
def held(file: Path, refusal: ZooError) -> Iterator[None]:
    """Holds a lock on a file, which is made with its folder; the system frees it with the process.

    Args:
        file: Its content is nothing.
        refusal: The error where another process holds it.

    Raises:
        ZooError: It cannot be written, or `refusal`.
    """
    import fcntl  # not on Windows, where importing the zoo must still work

    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = file.open("w")
        except OSError as error:
            raise cannot_write(file.parent, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise refusal from error
            if os.fstat(lock.fileno()).st_nlink == 0:
                continue  # its last holder has removed it meanwhile
            yield
            return
