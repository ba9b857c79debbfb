"""Downloads a folder of proven files from a repository of the Hugging Face hub."""

from __future__ import annotations

import glob
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifacts.hub.client import client, in_our_words, repository_named
from zoo.artifacts.hub.listing import LISTING, MOST_BYTES, FileListing, HubFile, read_listing
from zoo.artifacts.hub.proven import proven_files
from zoo.common.brief import Brief
from zoo.common.downloads import DownloadFailed, HashMismatch
from zoo.common.errors import UsageError, ZooError
from zoo.common.files import cannot_write, is_there, read_file, sha256_of
from zoo.common.optional_imports import require
from zoo.registry import Registry

#: Where the hub's client keeps what it has begun to load.
_CLIENTS_OWN = ".cache"
#: The end of the name of a folder that a pull has begun.
_PART = re.compile(r"\.[0-9a-f]{1,12}\.part")


@dataclass(frozen=True, kw_only=True, repr=False)
class Pulled(Brief):
    """What was downloaded.

    Attributes:
        name: ``hf:owner/name``.
        commit: Of the repository.
        folder: Where the files are.
        files: Paths in it.
        exported: The exported files among them.
    """

    name: str
    commit: str
    folder: Path
    files: tuple[str, ...]
    exported: tuple[str, ...]


def pull(
    registry: Registry,
    name: str,
    *,
    output: str | Path | None = None,
    revision: str | None = None,
    unproven: bool = False,
    check: Callable[[Path], None] = lambda file: None,
) -> Pulled:
    """Downloads what `push` uploaded to a repository into a folder.

    The folder appears when every file is there with the SHA-256 of the repository's list, unaltered
    by its manifest, and passed by its gate. What was loaded before an interruption, or before the
    hub refused a file, is not loaded again.

    Args:
        registry: Knows formats.
        name: ``hf:owner/name``.
        output: The folder, which must not be there; None for the repository's name.
        revision: Branch, tag or commit; None for the newest.
        unproven: Whether files that did not pass their gate are taken, too.
        check: What else is asked of each exported file; raises where it does not hold.

    Raises:
        UsageError: No such repository or revision, no right, or the folder is there.
        BadFile: The repository has no list, one with hostile paths, or a file fails a check.
        HashMismatch: A file is not what the list says.
        DownloadFailed: The hub did not respond.
        MissingExtra: The hub's client is not installed.
    """
    repository = repository_named(name)
    folder = Path(output) if output is not None else Path(repository.rpartition("/")[2])
    if is_there(folder):
        raise UsageError(f"{folder} is there already", fix="name another folder with --output")
    api = client()
    with in_our_words(name, "reached"):
        commit = str(api.model_info(repository, revision=revision).sha)
    part = folder.absolute().with_name(f".{folder.name}.{commit[:12]}.part")
    source = _Source(api, repository, name, commit, part)
    try:
        part.mkdir(parents=True, exist_ok=True)
        listing = source.listing()
        for one in listing.files:
            source.fetch(one)
        for one in listing.files:
            _in_place(part, one)
        for own in (part / LISTING, part / _CLIENTS_OWN):
            shutil.rmtree(own) if own.is_dir() else own.unlink(missing_ok=True)
        found = [artifact.path for artifact, _ in proven_files(registry, part, unproven=unproven)]
        for path in found:
            check(path)
        part.rename(folder)
        for older in part.parent.glob(f".{glob.escape(folder.name)}.*.part"):
            if _PART.fullmatch(older.name.removeprefix(f".{folder.name}")):
                shutil.rmtree(older, ignore_errors=True)  # of a commit that nobody waits for
    except (DownloadFailed, HashMismatch, UsageError):
        # What is there, each file as the list says, is not loaded again.
        if not any(path.is_file() for path in part.glob("[!.]*")):
            shutil.rmtree(part, ignore_errors=True)
        raise
    except ZooError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    except OSError as error:
        raise cannot_write(folder, error) from error
    return Pulled(
        name=name,
        commit=commit,
        folder=folder,
        files=tuple(one.path for one in listing.files),
        exported=tuple(path.name for path in found),
    )


def _in_place(part: Path, one: HubFile) -> None:
    """Gives a file the path that it had where it came from."""
    if one.stored != one.path and (part / one.stored).exists():
        target = part / one.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (part / one.stored).rename(target)


class _Source:
    """One commit of a repository, loaded into a folder."""

    def __init__(self, api: Any, repository: str, name: str, commit: str, part: Path) -> None:
        self._api, self._repository, self._name = api, repository, name
        self._commit, self._part = commit, part

    def listing(self) -> FileListing:
        """The list of its files."""
        errors = require("huggingface_hub.errors")
        try:
            path = self._load(LISTING, again=False)
        except errors.EntryNotFoundError:
            raise UsageError(
                f"{self._name} has no {LISTING}",
                why="only what `zoo push` uploaded can be checked",
                fix="load it with `hf download`, then `zoo verify`",
            ) from None
        return read_listing(read_file(path, MOST_BYTES), self._name)

    def fetch(self, one: HubFile) -> None:
        """Loads a file unless it is here, and compares it with the list."""
        if any(_is(self._part / path, one) for path in (one.path, one.stored)):
            return
        errors = require("huggingface_hub.errors")
        for again in (False, True):
            try:
                path = self._load(one.stored, again)
            except errors.EntryNotFoundError:
                raise UsageError(
                    f"{self._name} lacks {one.stored}, which its list names",
                    fix="ask whoever pushed it",
                ) from None
            if _is(path, one):
                return
            found = sha256_of(path)
            path.unlink()
        raise HashMismatch(
            f"{one.stored} of {self._name} is truncated or altered",
            why=f"it has sha256:{found}, and the list says sha256:{one.sha256}",
            fix="ask whoever pushed it",
        )

    def _load(self, file: str, again: bool) -> Path:
        with in_our_words(self._name, "loaded"):
            return Path(
                self._api.hf_hub_download(
                    self._repository,
                    file,
                    revision=self._commit,
                    local_dir=str(self._part),
                    force_download=again,
                )
            )


def _is(path: Path, one: HubFile) -> bool:
    plain = path.is_file() and not path.is_symlink()
    return plain and path.stat().st_size == one.size and sha256_of(path) == one.sha256
