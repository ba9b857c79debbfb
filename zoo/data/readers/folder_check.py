"""Image check of a folder: hash and defects of every image, cached between runs.

To decode thousands of photos takes minutes, and each step of a run opens its dataset anew. So the
outcome is remembered in the cache folder, per file, until its size or time changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.files import write_text
from zoo.common.optional_imports import require
from zoo.common.paths import cache_folder
from zoo.data.near_copies import outline
from zoo.data.readers.hashing import identity
from zoo.data.readers.image_files import MAX_BYTES, BadImage, decode, formats
from zoo.data.readers.listing import ListedFile, unreadable

#: A file younger than this may change again without a change of its time.
_SETTLED_NANOSECONDS = 2_000_000_000
_VERSION = 3


@dataclass(frozen=True)
class CheckedFile:
    """What opening a file showed.

    Attributes:
        digest: SHA-256 of the pixels that a network sees, whatever file they are in.
        outline: By which near copies are found.
        problem: Why the file is broken, or nothing.
        size: Height and width.
    """

    digest: bytes
    outline: bytes
    problem: str
    size: tuple[int, int] = (0, 0)


def check_files(
    root: Path, files: Sequence[ListedFile], *, workers: int | None = None
) -> tuple[list[CheckedFile], list[str]]:
    """Opens every file that is new or changed since the last check.

    Args:
        root: The folder that paths are relative to.
        files: What to check.
        workers: Threads; None takes one per processor.

    Returns:
        One result per file, and notes for the reader.

    Raises:
        BadData: The system does not hand a file out.
    """
    memory = cache_folder() / "folders" / f"{hashlib.sha256(os.fsencode(root)).hexdigest()}.json"
    known = _read_results(memory)
    unknown = [file for file in files if _key(file) not in known]
    formats()  # Loads Pillow's decoders, which must not happen in several threads at once.
    with warnings.catch_warnings():
        # Images that Pillow warns about are refused and reported; a second warning is redundant.
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            found = pool.map(lambda file: _check(root, file), unknown)
            known.update(zip(map(_key, unknown), found, strict=True))
    results = [known[_key(file)] for file in files]
    notes = _write_results(memory, files, results) if unknown else []
    return results, notes


def _check(root: Path, file: ListedFile) -> CheckedFile:
    path, size = root / file.path, file.size
    if size > MAX_BYTES:
        return _broken(f"{size} bytes: more than {MAX_BYTES}")
    try:
        image = decode(path.read_bytes())
    except OSError as error:  # of the system: the image itself may be whole
        raise unreadable(file.path, error) from error
    except BadImage as error:
        return _broken(str(error))
    return CheckedFile(identity(image), outline(image), "", (image.shape[0], image.shape[1]))


def _broken(problem: str) -> CheckedFile:
    return CheckedFile(b"", b"", problem)


def _key(file: ListedFile) -> str:
    return f"{file.stamp} {file.path}"


def _decoder() -> dict[str, Any]:
    """Versions that the result depends on besides the files."""
    return {"version": _VERSION, "pillow": require("PIL").__version__, "formats": list(formats())}


def _read_results(memory: Path) -> dict[str, CheckedFile]:
    try:
        stored = json.loads(memory.read_text(encoding="utf-8"))
        if stored["decoder"] != _decoder():
            return {}
        return {
            key: CheckedFile(
                base64.b64decode(digest), base64.b64decode(own), problem, (int(down), int(right))
            )
            for key, (digest, own, problem, (down, right)) in stored["files"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # A damaged memory is worth no error: everything is checked again and it is replaced.
        return {}


def _write_results(
    memory: Path, files: Sequence[ListedFile], results: Sequence[CheckedFile]
) -> list[str]:
    settled = time.time_ns() - _SETTLED_NANOSECONDS
    kept = {
        _key(file): [
            base64.b64encode(result.digest).decode(),
            base64.b64encode(result.outline).decode(),
            result.problem,
            result.size,
        ]
        for file, result in zip(files, results, strict=True)
        if file.modified < settled
    }
    try:
        write_text(memory, json.dumps({"decoder": _decoder(), "files": kept}))
    except (ZooError, OSError) as error:
        reason = str(error).partition("\n")[0]
        return [f"the check of all images was not remembered: {reason}"]
    return []
