"""Arrays of ``.npz`` files that others made: sizes are known before anything is unpacked."""

from __future__ import annotations

import ast
import math
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoo.common.errors import BadData, BadFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUFFIX = ".npy"
#: Arrays of one file: more are no file of arrays.
_MOST_ARRAYS = 1000
#: Letters of a header, which names type and shape.
_MOST_HEADER = 10_000
#: Newest version of numpy's format.
_VERSION = 3
#: What zipfile and zlib raise for files that are damaged, encrypted, or none of theirs.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError),
    *(UnicodeDecodeError, OverflowError, MemoryError),
)


def load_arrays(
    source: Path | IO[bytes], name: str, most: int, *, why: str = "", fix: str = ""
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, never unpickled.

    Args:
        source: The file.
        name: Of the file, for messages.
        most: Bytes that all arrays together may take.
        why: They may not take more, for messages.
        fix: What to do about it.

    Raises:
        BadFile: It is no such file, is damaged, or would take more.
        BadData: An array holds objects, or its header does not fit its size.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > most:
                usual = f"{most / 1e9:.1f} GB are the most that it may take"
                raise BadFile(f"{name} unpacks to {size / 1e9:.1f} GB", why=why or usual, fix=fix)
            _require_distinct(members, name)
            return {_array_name(m): _array(archive, m, name) for m in members}
    except DAMAGED as error:
        raise BadFile(
            f"{name} is truncated or not an .npz file",
            why=str(error) or type(error).__name__,
            fix="copy or make it again with numpy.savez",
        ) from error


def _array_name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(_SUFFIX)


def _require_distinct(members: list[zipfile.ZipInfo], name: str) -> None:
    if len(members) > _MOST_ARRAYS:
        raise BadFile(f"{name} holds {len(members)} files", fix="store a few arrays in it")
    twice = [given for given, n in Counter(map(_array_name, members)).items() if n > 1]
    if twice:
        # Of two of a name one reader takes the first and another the last.
        raise BadFile(f"{name} holds {twice[0]!r} twice", fix="make it again with numpy.savez")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> NDArray[Any]:
    import numpy as np

    array_name = _array_name(member)
    if not member.filename.endswith(_SUFFIX):
        raise BadFile(
            f"{name} holds {array_name!r}, which is not an array",
            fix="make it again with numpy.savez",
        )
    try:
        with archive.open(member) as file:
            dtype, shape = _header(file)
            size = math.prod(shape) * dtype.itemsize
            if dtype.hasobject or not dtype.itemsize:
                raise ValueError(f"its type is {dtype}")
            if size != member.file_size - file.tell():
                raise ValueError(
                    f"its header says {dtype} of shape {shape}, its size is {member.file_size}"
                )
        with archive.open(member) as file:
            found = np.lib.format.read_array(file, allow_pickle=False, max_header_size=_MOST_HEADER)
            if file.read(1):  # also compares the checksum
                raise ValueError("it is longer than its header says")
            return found
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError) as error:
        raise BadData(
            f"the array {array_name!r} in {name} cannot be read",
            why=str(error)[:500],
            fix="store plain numbers: objects are never loaded, since they can run code",
        ) from error


def _header(file: IO[bytes]) -> tuple[Any, tuple[int, ...]]:
    """Type and shape of the array that follows, of any version of the format."""
    import numpy as np

    major, _ = np.lib.format.read_magic(file)
    length = int.from_bytes(file.read(2 if major == 1 else 4), "little")
    if major > _VERSION or length > _MOST_HEADER:
        raise ValueError(f"its header is of version {major} and {length} bytes long")
    told = ast.literal_eval(file.read(length).decode("latin-1" if major < _VERSION else "utf-8"))
    shape = told["shape"] if isinstance(told, dict) and "descr" in told else None
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"its header is {told!r}")
    return np.lib.format.descr_to_dtype(told["descr"]), shape
