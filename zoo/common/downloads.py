"""Downloads: atomic, and verified before they are visible under their final name.

Proxies are those of the usual variables (``HTTPS_PROXY``, ``NO_PROXY``).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, UsageError, ZooError
from zoo.common.files import atomic_path, open_file
from zoo.common.shown_text import without_passwords

_log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30

_CHUNK = 1 << 20
#: What a network does; a full disk is another OSError, and keeps its own words.
_NETWORK = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


class DownloadFailed(ZooError):
    """A download failed: no connection, or an error in place of a file."""


class NotOnMachine(UsageError):
    """What would have to be fetched is not here, and may not be fetched."""


class HashMismatch(BadFile):
    """A file's hash differs from the published one."""


@dataclass(frozen=True)
class Digests:
    """The hashes of a file, in hexadecimal, and its size in bytes."""

    sha256: str
    md5: str
    size: int

    def matches(self, expected: str) -> bool:
        """Whether ``sha256:…`` (all digits or the first ones) or ``md5:…`` is this file's hash."""
        kind, _, digits = expected.partition(":")
        return (self.md5 if kind == "md5" else self.sha256).startswith(digits)

    def in_form_of(self, expected: str) -> str:
        """This file's digest in the form of `expected`, for messages."""
        return f"md5:{self.md5}" if expected.startswith("md5:") else f"sha256:{self.sha256}"


@contextmanager
def open_url(url: str) -> Iterator[Any]:
    """An open HTTP response.

    Raises:
        DownloadFailed: No connection, or an error in place of a file.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url} is not an address", fix="addresses begin with https://")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            yield answer
    except _NETWORK as error:
        raise DownloadFailed(
            f"{url} could not be downloaded", why=str(error) or type(error).__name__
        ) from error


def download(
    url: str, path: Path, expected: str = "", progress: Callable[[int, int], None] | None = None
) -> Digests:
    """Downloads a file; one that is truncated or altered is deleted and fetched once more.

    Args:
        url: ``https://…``; plain ``http`` only with a hash.
        path: Where it is put once it was verified.
        expected: ``sha256:…`` or ``md5:…``; empty when no hash is known.
        progress: Receives the bytes so far and in all (0 when unknown).

    Raises:
        DownloadFailed: The server did not respond.
        HashMismatch: The second copy was wrong too; gives both hashes.
    """
    if not expected and not url.startswith("https:"):
        raise UsageError(
            f"{url} is not fetched",
            why="over plain http, anybody on the way may alter a file whose hash is not known",
            fix="use https, or an address whose file name holds its hash: name-f37072fd.pth",
        )
    problem = ""
    for _ in range(2):
        with contextlib.suppress(_Discard), atomic_path(path) as temporary:
            _log.info("fetching %s", without_passwords(url))
            digests, announced = _stream(url, temporary, progress)
            _log.info("%s bytes came, sha256 %s", f"{digests.size:,}", digests.sha256)
            if announced and digests.size != announced:
                problem = f"{digests.size:,} of {announced:,} bytes came"
                raise _Discard
            if expected and not digests.matches(expected):
                problem = f"it has {digests.in_form_of(expected)}, expected {expected}"
                raise _Discard
            problem = ""
        if not problem:
            return digests
    raise HashMismatch(
        f"{url} is truncated or altered, twice",
        why=problem,
        fix="something between you and the publisher changes it: try another network",
    )


class _Discard(Exception):
    """Leaves `atomic_path` so that what it wrote is deleted."""


def _stream(
    url: str, path: Path, progress: Callable[[int, int], None] | None
) -> tuple[Digests, int]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open_url(url) as answer, path.open("wb") as file:
        announced = int(answer.headers.get("Content-Length") or 0)
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
            if progress is not None:
                progress(size, announced)
    return Digests(sha256.hexdigest(), md5.hexdigest(), size), announced


def digests_of(path: Path) -> Digests:
    """The digests of a file that is already here."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return Digests(sha256.hexdigest(), md5.hexdigest(), size)
