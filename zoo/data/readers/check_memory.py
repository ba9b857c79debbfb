"""Outcomes of checks of single files, remembered between runs.

To decode thousands of files takes minutes, and each step of a run opens its dataset anew. So the
outcome is remembered in the cache folder, per file, until its size or time changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from zoo.common.errors import ZooError
from zoo.common.files import write_text
from zoo.common.paths import cache_folder
from zoo.data.readers.listing import ListedFile

#: A file younger than this may change again without a change of its time.
_SETTLED_NANOSECONDS = 2_000_000_000
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, kw_only=True)
class CheckMemory(Generic[Outcome]):
    """The memory of one kind of check.

    Attributes:
        folder: Of the cache folder, for this kind.
        what: Is checked, in the plural, for notes.
        decoder: Versions that outcomes depend on besides the files.
        check: Opens one file; must be safe to call from several threads.
        stored: An outcome as plain data for JSON.
        loaded: The outcome again; may raise ValueError, LookupError or TypeError.
    """

    folder: str
    what: str
    decoder: Mapping[str, Any]
    check: Callable[[Path, ListedFile], Outcome]
    stored: Callable[[Outcome], list[Any]]
    loaded: Callable[[list[Any]], Outcome]

    def outcomes(
        self, root: Path, files: Sequence[ListedFile], *, workers: int | None = None
    ) -> tuple[list[Outcome], list[str]]:
        """Checks every file that is new or changed since the last time.

        Args:
            root: The folder that paths are relative to.
            files: What to check.
            workers: Threads; None takes one per processor.

        Returns:
            One outcome per file, and notes for the reader.
        """
        name = f"{hashlib.sha256(os.fsencode(root)).hexdigest()}.json"
        memory = cache_folder() / self.folder / name
        known = self._read(memory)
        unknown = [file for file in files if _key(file) not in known]
        with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            found = pool.map(lambda file: self.check(root, file), unknown)
            known.update(zip(map(_key, unknown), found, strict=True))
        results = [known[_key(file)] for file in files]
        return results, self._write(memory, files, results) if unknown else []

    def _read(self, memory: Path) -> dict[str, Outcome]:
        try:
            stored = json.loads(memory.read_text(encoding="utf-8"))
            if stored["decoder"] != self.decoder:
                return {}
            return {key: self.loaded(value) for key, value in stored["files"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            # A damaged memory is worth no error: everything is checked again and it is replaced.
            return {}

    def _write(
        self, memory: Path, files: Sequence[ListedFile], results: Sequence[Outcome]
    ) -> list[str]:
        settled = time.time_ns() - _SETTLED_NANOSECONDS
        kept = {
            _key(file): self.stored(result)
            for file, result in zip(files, results, strict=True)
            if file.modified < settled
        }
        try:
            write_text(memory, json.dumps({"decoder": self.decoder, "files": kept}))
        except (ZooError, OSError) as error:
            reason = str(error).partition("\n")[0]
            return [f"the check of all {self.what} was not remembered: {reason}"]
        return []


def _key(file: ListedFile) -> str:
    return f"{file.stamp} {file.path}"
