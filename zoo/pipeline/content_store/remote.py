"""A content store at an address, such as a bucket of S3, by the library ``fsspec``."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any, Final, TypeVar

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError, nearest
from zoo.common.optional_imports import require_extra
from zoo.common.shown_text import printable, without_passwords
from zoo.common.timeouts import with_timeout
from zoo.pipeline.content_store.places import Arrived

_log = logging.getLogger(__name__)
Value = TypeVar("Value")

#: Extra that installs the library.
EXTRA: Final = "remote"
#: Seconds before another try, of what a cut network or a busy server may have failed.
_WAITS = (0.5, 2.0)
#: Seconds that a store has for its first answer.
_FIRST_ANSWER = 60.0
_CREDENTIALS: Final = (
    "set them as its library documents: for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "a profile in ~/.aws"
)
_RENEW: Final = (
    "renew them, such as by aws sso login or a new AWS_SESSION_TOKEN, and start workers that were "
    "given the old ones anew; then type the same command: what was done is kept"
)
_CLOCK: Final = "set the clock of this machine, and type the same command: what was done is kept"
_BLOCK = 8 << 20
#: Errors that say the same however often one asks.
_LASTING = (FileNotFoundError, PermissionError, NotImplementedError, ImportError, ValueError)


class Bucket:
    """A place that `fsspec` reads and writes; credentials come from its own configuration.

    Args:
        url: May hold a password; it is never shown.

    Raises:
        UsageError: No such kind of address.
        MissingExtra: The library is not installed.
    """

    def __init__(self, url: str) -> None:
        require_extra(EXTRA)
        import fsspec

        self.shown = printable(without_passwords(url))
        try:
            self.files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:
            raise UsageError(
                f"--artifacts {self.shown} needs a library that is not installed",
                why=_words(error),
                fix="install the library that this names, or name another store",
            ) from error
        except Exception as error:
            scheme = url.partition("://")[0].lower()
            known = fsspec.available_protocols()
            close = [] if scheme in known else nearest(scheme, known)
            raise UsageError(
                f"--artifacts {self.shown} is no address of a store",
                why=_words(error),
                fix=f"did you mean {' or '.join(f'{one}://' for one in close)}?"
                if close
                else "name a folder, or an address such as s3://BUCKET/FOLDER",
            ) from error
        _limit_retries(self.files)
        self.waits: tuple[float, ...] = _WAITS
        self.root = str(root).rstrip("/")
        if "@" in self.root.partition("/")[0]:
            raise UsageError(
                f"--artifacts {self.shown} holds credentials, which such addresses do not take",
                fix=_CREDENTIALS,
            )
        if not self.root.strip("/"):
            raise UsageError(
                f"--artifacts {self.shown} names no bucket", fix="--artifacts s3://BUCKET/FOLDER"
            )

    def check(self, *, known: bool = False) -> None:
        """Writes, reads and removes a small file.

        Args:
            known: Changes nothing: no bucket is ever made.

        Raises:
            ZooError: That is impossible, or takes longer than a minute.
        """
        once = copy(self)
        once.waits = ()  # libraries try several times themselves, and nothing is lost yet
        probe = f"probes/{secrets.token_hex(8)}"

        def proves() -> None:
            once.write(probe, b"edgezoo")
            read = once.read(probe, 7)
            once.remove(probe)
            if read != b"edgezoo":
                raise self._error("gave back other bytes than were written", None)

        # What is behind a firewall answers never, and each library waits for minutes, several
        # times.
        try:
            with_timeout(_FIRST_ANSWER, proves)
        except TimeoutError as error:
            raise self._error(f"did not answer within {_FIRST_ANSWER:g} s", None) from error

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

        def ask() -> int | None:
            try:
                found = self.files.info(self._path(name))
            except FileNotFoundError:
                return None
            return int(found["size"]) if found.get("type") == "file" else None

        return self._tried(ask)

    def read(self, name: str, most: int) -> bytes | None:
        """A small file, at most `most` + 1 bytes of it; None where there is none."""

        def ask() -> bytes | None:
            try:
                with self._open(name) as file:
                    return bytes(file.read(most + 1))
            except FileNotFoundError:
                return None

        return self._tried(ask)

    def fetch(self, name: str, target: Path, most: int) -> Arrived | None:
        """Copies a file, at most `most` + 1 bytes of it; None where there is none."""

        def ask() -> Arrived | None:
            target.unlink(missing_ok=True)  # of a try before
            try:
                with self._open(name) as file:
                    return Arrived().copy(file, target, most)
            except FileNotFoundError:
                return None

        return self._tried(ask)

    def send(self, source: Path, name: str) -> None:
        """Copies a local file there."""
        try:
            source.open("rb").close()
        except OSError as error:  # not the store's fault
            raise EnvironmentFailed(
                f"{source} cannot be read",
                why=error.strerror or str(error),
                fix="leave the files alone during a run; start the run again",
            ) from error
        self._tried(lambda: self._put(name, lambda path: self.files.put_file(str(source), path)))

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file."""
        self._tried(lambda: self._put(name, lambda path: self.files.pipe_file(path, data)))

    def remove(self, name: str) -> bool:
        """Deletes a file; returns whether it is gone, which takes the right to do that."""
        try:
            self.files.rm_file(self._path(name))
        except FileNotFoundError:
            return True
        except Exception as error:
            _log.debug("%s was not removed: %s", name, _words(error))
            return False
        return True

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _open(self, name: str) -> Any:
        return self.files.open(self._path(name), "rb", block_size=_BLOCK)

    def _put(self, name: str, put: Callable[[str], object]) -> None:
        path = self._path(name)
        try:
            put(path)
        except FileNotFoundError:
            # Buckets have no folders, and making one there would make a bucket; elsewhere those
            # below a root that is there are ours.
            if not self.files.isdir(self.root):
                raise
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            put(path)

    def _tried(self, ask: Callable[[], Value]) -> Value:
        """What `ask` returns, tried again after failures that may pass."""
        for wait in (*self.waits, None):
            try:
                return ask()
            except ZooError:
                raise
            # Each library has errors of its own, which fsspec hands on.
            except Exception as error:
                if wait is None or isinstance(error, _LASTING) or _is_of_credentials(error):
                    raise self._explained(error) from error
                _log.debug("%s: %s; tried again in %g s", self.shown, _words(error), wait)
                time.sleep(wait)
        raise AssertionError("the last try raises")

    def _explained(self, error: Exception) -> ZooError:
        if isinstance(error, FileNotFoundError):
            return self._error(
                "is not there", error, "create the bucket or folder, or correct --artifacts"
            )
        if isinstance(error, PermissionError):
            return self._refused(error)
        if _lacks_credentials(error):
            return self._error(
                "takes credentials, and there are none",
                error,
                _CREDENTIALS,
            )
        if _has_expired(error):
            return self._error("takes these credentials no longer", error, _RENEW)
        if isinstance(error, NotImplementedError):
            return self._error("cannot be written: such addresses are read-only", error)
        if isinstance(error, ConnectionError | TimeoutError) or _cannot_connect(error):
            return self._error("cannot be reached", error)
        return self._error("does not answer as it should", error)

    def _refused(self, error: Exception) -> EnvironmentFailed:
        """What is refused, and the reason that the store gives where it gives one."""
        reason = error
        if not (_has_expired(error) or _clocks_differ(error)):
            # Whether a file is there is asked without a place for reasons in the answer.
            try:
                self.files.ls(self._path("probes"))
            except Exception as other:
                reason = other if _has_expired(other) or _clocks_differ(other) else error
        if _has_expired(reason):
            return self._error("takes these credentials no longer", reason, _RENEW)
        if _clocks_differ(reason):
            return self._error("refuses access: its clock and the one here differ", reason, _CLOCK)
        rights = "it takes rights to list, read, write and delete there"
        return self._error("refuses access", error, rights)

    def _error(self, what: str, error: Exception | None, fix: str = "") -> EnvironmentFailed:
        return EnvironmentFailed(
            f"the store {self.shown} {what}",
            why=None if error is None else _words(error),
            fix=fix
            or "check the network and the address, and type the same command: what was "
            "done is kept",
        )


def _limit_retries(files: Any) -> None:
    """Has the library of S3 try twice: its own 25 tries of each of ours would take 20 minutes."""
    if "s3" not in files.protocol:
        return
    files.retries = 1
    files.config_kwargs.setdefault("retries", {"total_max_attempts": 2})  # unless the user set it


def _has_expired(error: Exception) -> bool:
    """By its words: each library and each kind of credentials has others."""
    words = _words(error).lower()
    return "expired" in words or "must be refreshed" in words


def _clocks_differ(error: Exception) -> bool:
    return "current time is too large" in _words(error).lower()


def _lacks_credentials(error: Exception) -> bool:
    return "credential" in type(error).__name__.lower()


def _is_of_credentials(error: Exception) -> bool:
    """Whether other credentials are needed, which no second try brings."""
    return _lacks_credentials(error) or _has_expired(error)


def _cannot_connect(error: Exception) -> bool:
    """By its name: each library has a class of its own."""
    name = type(error).__name__.lower()
    return "connect" in name or "timeout" in name


def _words(error: Exception) -> str:
    text = printable(without_passwords(str(error).strip().split("\n")[0]))
    return text[:300] or type(error).__name__
