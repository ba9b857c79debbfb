"""The runtimes of pages: packages of npm, pinned by the SHA-512 of their archives."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from zoo.common.captured import run_captured
from zoo.common.errors import ZooError
from zoo.common.paths import OFFLINE_VARIABLE, cache_folder, is_offline
from zoo.execution.failures import last_stderr_lines

_PINS = Path(__file__).with_name("packages.toml")
#: Seconds for one archive of some ten megabytes.
_FETCH_SECONDS = 900.0
#: Bytes of one archive and of one file in it, at most.
_MOST_ARCHIVE, _MOST_FILE = 1 << 27, 1 << 26


class PackageRefused(ZooError):
    """An archive is another than the one that was pinned."""


@dataclass(frozen=True, kw_only=True)
class NpmPackage:
    """A package of npm.

    Attributes:
        integrity: ``sha512-`` and the digest of its archive in base64.
        runtime: The runtime whose folder holds its files.
        files: Those that are kept, by their paths in the archive without its first folder.
        into: A folder below that of the runtime; empty for that one.
        imports: Names of packages that its JavaScript imports, and the paths to write for them.
    """

    name: str
    version: str
    integrity: str
    runtime: str
    files: tuple[str, ...]
    into: str = ""
    imports: dict[str, str] = field(default_factory=dict)


@cache
def packages() -> tuple[NpmPackage, ...]:
    """All of them."""
    rows = tomllib.loads(_PINS.read_text(encoding="utf-8"))["package"]
    return tuple(NpmPackage(**{**row, "files": tuple(row["files"])}) for row in rows)


def versions() -> dict[str, str]:
    """The version of each runtime that is there: runtime → version of its first package."""
    found: dict[str, str] = {}
    for package in packages():
        if package.runtime not in found and runtime_folder(package.runtime).is_dir():
            found[package.runtime] = package.version
    return found


def runtime_folder(runtime: str) -> Path:
    """Where the files of a runtime are, once they were fetched; other pins, another folder."""
    pins = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:16]
    return cache_folder() / "browser" / pins / runtime


def runtime_files(runtime: str) -> dict[str, Path]:
    """The files of a runtime that a page may ask for, by their paths below its folder."""
    folder = runtime_folder(runtime)
    names = [
        str(PurePosixPath(package.into, name))
        for package in packages()
        if package.runtime == runtime
        for name in package.files
    ]
    return {name: folder / name for name in names}


def fetch(tell: Callable[[str], None]) -> None:
    """Fetches the runtimes that are not there yet.

    Args:
        tell: Receives what is being done, in words for people.

    Raises:
        PackageRefused: An archive is another than the one that was pinned.
        ZooError: There is no npm, or no network.
    """
    there = versions()
    for runtime in dict.fromkeys(package.runtime for package in packages()):
        if runtime in there:
            continue
        target = runtime_folder(runtime)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{runtime}-") as folder:
            unpacked = Path(folder) / "files"
            for package in packages():
                if package.runtime == runtime:
                    tell(f"fetching {package.name} {package.version} by npm")
                    fetch_package(package, unpacked / package.into)
            if not target.is_dir():
                unpacked.rename(target)


def fetch_package(package: NpmPackage, folder: Path) -> None:
    """Fetches one package and writes its files into a folder.

    Raises:
        PackageRefused: Its archive is another than the one that was pinned.
        ZooError: There is no npm, or no network.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-npm-") as place:
        unpack(package, _packed(package, Path(place)), folder)


def _packed(package: NpmPackage, folder: Path) -> Path:
    """The archive of a package, as npm fetches it; nothing of it is run."""
    npm = shutil.which("npm")
    what = f"{package.name} {package.version} cannot be fetched"
    again = "then type the same command again: zoo devices setup browser"
    if is_offline():
        raise ZooError(
            what,
            why=f"--offline or {OFFLINE_VARIABLE} forbids the network",
            fix=f"leave out --offline and unset {OFFLINE_VARIABLE}, {again}",
        )
    if npm is None:
        raise ZooError(
            what,
            why="there is no npm on PATH, which fetches the packages of browsers",
            fix=f"install Node.js with npm (Debian: apt-get install npm), {again}",
        )
    wanted = f"{package.name}@{package.version}"
    options = ["--ignore-scripts", "--fetch-retries=1", "--loglevel=error", "--no-update-notifier"]
    done = run_captured([npm, "pack", wanted, *options], seconds=_FETCH_SECONDS, folder=folder)
    archives = sorted(folder.glob("*.tgz"), key=lambda path: path.stat().st_mtime_ns)
    if done.code != 0 or not archives:
        raise ZooError(
            what,
            why=f"npm: {last_stderr_lines(done.err or done.out)}"
            if done.code is not None
            else f"npm did not end within {_FETCH_SECONDS:g} s",
            fix=f"check the network and npm's registry (npm ping), {again}",
        )
    return archives[-1]


def unpack(package: NpmPackage, archive: Path, folder: Path) -> None:
    """Writes the files of a package that are kept, once its archive is known to be the pinned one.

    Raises:
        PackageRefused: It is another, or lacks a file.
    """
    size = archive.stat().st_size
    data = archive.read_bytes() if size <= _MOST_ARCHIVE else b""
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode("ascii")
    if found != package.integrity:
        raise PackageRefused(
            f"{package.name} {package.version} is not the archive that was pinned",
            why=f"its hash is {found[:24]}…, and {package.integrity[:24]}… was expected",
            fix="nothing of it was kept: see which registry npm asks (npm config get registry)",
        )
    wanted = {f"package/{name}": name for name in package.files}
    with tarfile.open(archive, "r:gz") as members:
        for member in members:
            name = wanted.pop(member.name, None)
            if name is None:
                continue
            content = members.extractfile(member) if member.isreg() else None
            if content is None or member.size > _MOST_FILE:
                raise PackageRefused(f"{package.name}: {name} is no plain file of usual size")
            there = folder / name
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(
                _resolved(content.read(), package) if package.imports else content.read()
            )
    if wanted:
        raise PackageRefused(
            f"{package.name} {package.version} has no {', '.join(sorted(wanted.values()))}"
        )


def _resolved(data: bytes, package: NpmPackage) -> bytes:
    for name, path in package.imports.items():
        data = data.replace(f'from "{name}"'.encode(), f'from "{path}"'.encode())
    return data
