"""The cache of finished steps: a folder per key, whose record lists each file with its SHA-256."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile
from zoo.common.files import sha256_of, sync, write_bytes
from zoo.common.paths import cache_folder
from zoo.results.record_text import read_record
from zoo.results.records import StepRecord, as_plain

RECORD = "record.json"
_PARTIAL = ".part-"
_SAMPLES = ".samples"
#: To wait for the disk, three times or more, takes longer than to do such a step again.
_QUICK_SECONDS = 1.0
#: A half-written step folder this old belongs to no running process.
_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """A folder of the cache.

    Attributes:
        step: Name of the step; empty when the record cannot be read.
        modified: Seconds since 1970, when the record was written.
        damage: What differs from the record; empty for an intact entry, and when not verified.
    """

    folder: Path
    step: str
    kind: str
    bytes: int
    modified: float
    damage: str = ""


@dataclass(frozen=True)
class StepCache:
    """Finished steps by key. A folder gets its name when it is complete and on the disk."""

    folder: Path

    def begin(self, key: str) -> Path:
        """Makes the unnamed folder that a step works in.

        Raises:
            OSError: It cannot be made.
        """
        partial = self.folder / f"{_PARTIAL}{key[:16]}-{secrets.token_hex(4)}"
        partial.mkdir(parents=True)
        return partial

    def commit(self, partial: Path, key: str, record: StepRecord) -> Path:
        """Completes a step's folder with its record and gives it its name.

        Everything is on the disk before the name is, so that a loss of power leaves no half entry;
        of a step that took no second one may be left, which is found damaged and made anew.

        Raises:
            FileExistsError: There is an entry of that key, perhaps of another process, since now.
            OSError: A file cannot be read or written.
        """
        (partial / RECORD).unlink(missing_ok=True)  # of a commit before this one
        made = _files(partial)
        files = {
            _relative(file, partial): {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
            for file in made
        }
        (partial / RECORD).write_text(_sealed(record, files), encoding="utf-8")
        durable = record.seconds >= _QUICK_SECONDS
        for path in (*made, partial / RECORD, *_folders(partial), partial) if durable else ():
            sync(path)
        final = self.folder / key
        if final.is_symlink() or final.is_file():
            final.unlink(missing_ok=True)
        try:
            partial.rename(final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        if durable:
            sync(self.folder)
        return final

    def load(self, key: str) -> StepRecord | None:
        """The record kept under a key, every file of it verified; None when there is none.

        Raises:
            BadFile: The entry is damaged: `why` says which file.
        """
        folder = self.folder / key
        try:
            text = (folder / RECORD).read_text(encoding="utf-8")
        except FileNotFoundError:
            if folder.is_dir():
                raise _damaged(folder, f"{RECORD} is missing") from None
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(folder, f"{RECORD} cannot be read: {error}") from error
        try:
            record, files = read_sealed(text)
        except ValueError as error:
            raise _damaged(folder, f"{RECORD} {error}") from error
        try:
            present = {_relative(file, folder): file for file in _files(folder)}
        except OSError as error:  # another process removes it meanwhile
            raise _damaged(folder, f"it cannot be listed: {error}") from error
        for name, listed in files.items():
            difference = _difference(present.get(name), listed)
            if difference:
                raise _damaged(folder, f"{name} {difference}")
        return record

    def keep(self, key: str, record: StepRecord) -> None:
        """Commits a record that has no files, in the place of an earlier one.

        Raises:
            OSError: It cannot be written.
        """
        partial = self.begin(key)
        try:
            self.remove(key)
            self.commit(partial, key, record)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def keep_samples(self, key: str, samples: bytes | None) -> None:
        """Keeps the raw samples of a step until they are in a results store; None for none."""
        write_bytes(self._samples(key), samples or b"")

    def samples(self, key: str) -> bytes | None:
        """The samples that were kept, empty for none; None where nothing waits to be recorded."""
        try:
            return self._samples(key).read_bytes()
        except OSError:
            return None

    def forget_samples(self, key: str) -> None:
        """Removes samples that are in a results store."""
        self._samples(key).unlink(missing_ok=True)

    def _samples(self, key: str) -> Path:
        return self.folder / f"{key}{_SAMPLES}"

    def remove(self, key: str) -> None:
        """Deletes an entry, also one that is no folder."""
        entry = self.folder / key
        if entry.is_symlink() or entry.is_file():
            entry.unlink(missing_ok=True)
        shutil.rmtree(entry, ignore_errors=True)

    def sweep(self) -> None:
        """Removes the partial folders that killed runs left behind."""
        now = time.time()
        for folder in self.folder.glob(f"{_PARTIAL}*"):
            with contextlib.suppress(OSError):
                if now - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def entries(self, *, verify: bool = False) -> Iterator[CacheEntry]:
        """All entries, by name; with `verify` every file is read and compared."""
        if not self.folder.is_dir():
            return
        for folder in sorted(p for p in self.folder.iterdir() if p.is_dir()):
            if folder.name.startswith(_PARTIAL):
                continue
            damage = step = kind = ""
            try:
                record = self.load(folder.name) if verify else _peek(folder)
                step, kind = (record.step, record.kind) if record else ("", "")
            except BadFile as error:
                damage = error.why or str(error)
            try:
                size = sum(file.stat().st_size for file in _files(folder))
                modified = folder.stat().st_mtime
            except FileNotFoundError:
                continue  # another process removed it
            yield CacheEntry(
                folder=folder, step=step, kind=kind, bytes=size, modified=modified, damage=damage
            )


def step_cache() -> StepCache:
    """The user's own."""
    return StepCache(cache_folder() / "steps")


def read_sealed(text: str) -> tuple[StepRecord, dict[str, dict[str, Any]]]:
    """A finished step's record, and its files: for each name its ``bytes`` and ``sha256``.

    Raises:
        ValueError: It is no record, or differs from its seal; says which.
    """
    try:
        sealed = json.loads(text)
        seal = sealed.pop("sha256")
        files = sealed.pop("files")
        record = read_record(json.dumps(sealed))
        intact = seal == _seal({**sealed, "files": files})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("is no record") from error
    if not intact:
        raise ValueError("differs from its SHA-256")
    return record, files


def _sealed(record: StepRecord, files: dict[str, dict[str, object]]) -> str:
    plain = {**as_plain(record), "files": files}
    return json.dumps({**plain, "sha256": _seal(plain)})


def _seal(plain: dict[str, object]) -> str:
    # By way of JSON, where tuples are lists and all names are strings.
    text = json.dumps(json.loads(json.dumps(plain)), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _peek(folder: Path) -> StepRecord | None:
    try:
        return read_record((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _difference(file: Path | None, listed: dict[str, object]) -> str:
    if file is None:
        return "is missing"
    try:
        if file.stat().st_size != listed["bytes"]:
            return f"has {file.stat().st_size:,} bytes of {listed['bytes']:,}"
        return "" if sha256_of(file) == listed["sha256"] else "differs from its SHA-256"
    except (OSError, BadFile) as error:
        return f"cannot be read: {error}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir()]


def _relative(file: Path, folder: Path) -> str:
    return os.fsencode(file.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


def _damaged(folder: Path, why: str) -> BadFile:
    return BadFile(
        f"the kept step {folder.name[:16]} is damaged",
        why=why,
        fix="type the command again: what is damaged is made anew",
    )
