"""Files of networks from elsewhere, which are no larger than files for devices."""

from __future__ import annotations

from pathlib import Path

from zoo.common.errors import BadFile
from zoo.common.files import open_file

#: Weights included; a protobuf message ends there, and so do files for devices.
MOST_BYTES = 2_000_000_000


def begin_of(path: Path, count: int) -> bytes:
    """The first bytes of a file.

    Raises:
        BadFile: It cannot be read, or is too large.
    """
    try:
        with open_file(path) as file:
            begins = file.read(count)
        size = path.stat().st_size
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror, fix="check the path") from error
    check_size(path, size)
    return begins


def check_size(path: Path, size: int, has: str = "has") -> None:
    """Refuses what is too large.

    Args:
        path: The file or folder.
        size: Bytes.
        has: In what way it has them: ``unpacks to``.

    Raises:
        BadFile: It is larger than files for devices can be.
    """
    if size > MOST_BYTES:
        raise BadFile(
            f"{path} is larger than {MOST_BYTES / 1e9:g} GB",
            why=f"it {has} {size:,} bytes; files for devices hold no more than 2 GB",
            fix="bring a smaller network",
        )
