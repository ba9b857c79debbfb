"""Python environments for packages that cannot live beside the zoo's; made on request."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from zoo.common import file_lock
from zoo.common.captured import run_captured
from zoo.common.errors import UsageError, ZooError
from zoo.common.paths import cache_folder, is_offline

#: Seconds that one installation may take: gigabytes over a slow line.
_PATIENCE = 3600.0
_READY = "ready"
_LAST = 400


@dataclass(frozen=True, kw_only=True)
class PythonEnvironment:
    """A virtual environment in the zoo's cache folder.

    Attributes:
        name: Of what it is for, and of its folder.
        pythons: Minor versions of Python 3 that have wheels of its packages, the best first; this
            process's own is taken if it is among them.
        packages: Requirements with the versions that go together.
        pinned: Files of versions and hashes that together list all that is needed. Of a tuple of
            them the first is taken whose packages can be had.
    """

    name: str
    pythons: tuple[int, ...]
    packages: tuple[str, ...] = ()
    pinned: tuple[Path | tuple[Path, ...], ...] = ()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return cache_folder() / "environments" / self.name

    @property
    def python(self) -> Path | None:
        """Its Python; None unless it was made to its end, of the same packages."""
        try:
            mark = (self.folder / _READY).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        # Those whose packages are named one by one had an empty mark at first.
        made = mark == self._digest() or (not mark and not self.pinned)
        python = self.folder / "bin" / "python"
        return python if made and python.exists() else None

    def missing(self, what: str, library: str) -> UsageError:
        """The error where neither it nor its library beside the zoo is there.

        Args:
            what: That cannot be opened without it: ``networks of NAME``.
            library: That it holds.
        """
        state = "was not made"
        if self.folder.exists():
            state = "is incomplete, or was made with another version or another Python"
        return UsageError(
            f"{what} cannot be opened here yet",
            why=f"{library} is in an environment of its own, which {state}",
            fix=f"zoo sources setup {self.name}",
        )

    def make(self, tell: Callable[[str], None]) -> Path:
        """Makes it, in place of the one that is there.

        Args:
            tell: Receives what is being done.

        Returns:
            Its Python.

        Raises:
            ZooError: No Python for it is here, another process is making it, or its packages
                could not be installed.
        """
        base = self._base()
        with _held(self.folder):
            tell(f"making an environment for {self.name} in {self.folder}")
            (self.folder / _READY).unlink(missing_ok=True)
            made = [base, "-I", "-m", "venv", "--clear", str(self.folder)]
            _run(made, "the environment could not be made")
            python = self.folder / "bin" / "python"
            if self.packages:
                listed = ", ".join(self.packages)
                tell(f"installing {listed}")
                _install(python, self.packages, listed)
            for files in self.pinned:
                _install_first(python, files if isinstance(files, tuple) else (files,), tell)
            (self.folder / _READY).write_text(self._digest(), encoding="utf-8")
        return python

    def _digest(self) -> str:
        """Of all that decides what is in it."""
        digest = hashlib.sha256("\n".join(self.packages).encode())
        for files in self.pinned:
            for file in files if isinstance(files, tuple) else (files,):
                digest.update(file.read_bytes())
        return digest.hexdigest()

    def _base(self) -> str:
        if sys.version_info[1] in self.pythons:
            return sys.executable
        for minor in self.pythons:
            found = shutil.which(f"python3.{minor}")
            if found is not None:
                return found
        newest = f"3.{self.pythons[0]}"
        raise ZooError(
            f"{self.name} needs Python {newest} or older, which was not found here",
            why="there are no wheels of it for newer ones",
            fix=f"install Python {newest} so that `python{newest}` is on PATH: "
            f"uv python install {newest}",
        )


def version_here(distribution: str) -> tuple[int, ...]:
    """Major and minor version of a distribution beside the zoo; empty where it is not known."""
    try:
        return tuple(int(part) for part in metadata.version(distribution).split(".")[:2])
    except (metadata.PackageNotFoundError, ValueError):
        return ()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keeps other processes from making the same environment."""
    refusal = ZooError(
        f"the environment {folder.name} is being made by another process",
        fix="wait until that has ended; it is ready then",
    )
    with file_lock.held(folder.with_name(f"{folder.name}.lock"), refusal):
        yield


def _install_first(python: Path, files: Sequence[Path], tell: Callable[[str], None]) -> None:
    """Installs the packages of the first file of which all can be had."""
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        count = sum("==" in line for line in lines)
        tell(f"installing {count} packages, each verified by its hash: {file}")
        # They are complete: nothing is resolved, so that no other package comes in.
        arguments = ("--no-deps", "--require-hashes", "--requirement", str(file))
        try:
            _install(python, arguments, f"the packages of {file}")
        except ZooError as error:
            if file == files[-1]:
                raise
            tell(f"they cannot be had: {error.why}")
        else:
            return


def _install(python: Path, arguments: Sequence[str], what: str) -> None:
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Wheels only: a build from source may take hours. Offline, those of local folders alone.
    pip += ["--only-binary", ":all:", *(["--no-index"] if is_offline() else [])]
    _run([*pip, *arguments], f"{what} could not be installed")


def _run(command: list[str], what: str) -> None:
    try:
        done = run_captured(command, seconds=_PATIENCE)
    except OSError as error:
        raise ZooError(what, why=str(error)) from error
    if done.code != 0:
        late = f"it did not end within {_PATIENCE:g} s" if done.code is None else None
        lines = [line.strip() for line in (done.err or done.out).splitlines()]
        raise ZooError(
            what,
            why=" | ".join(line for line in lines if line)[-_LAST:] or late,
            fix="see that python3-venv is installed, that the disk has room, and that a package "
            "index can be reached",
        )
