"""Debian's packages for another processor, by name, with nothing of the system changed.

The system's own ``apt-get`` does it, with the sources and keys that the machine is configured for
but with state, cache and architecture of its own: it finds what a package needs, checks signatures,
and goes on where it was interrupted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from zoo.common.errors import ZooError
from zoo.common.files import sha256_of, write_text

from .tools import ToolResult, run_tool

#: Read after the system's settings, of which the hooks would touch the system's own cache.
_SETTINGS = """\
#clear APT::Architectures;
APT::Architectures {{ "{debian}"; }};
APT::Architecture "{debian}";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::Retries "3";
"""
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")
_AGAIN = "type the same command again: what is fetched is kept"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that lies here, whole.

    Attributes:
        sha256: Of its bytes, as the signed list of packages has it.
    """

    file: Path
    sha256: str


def require_tools() -> None:
    """Refuses a machine without Debian's programs.

    Raises:
        ZooError: Names those that are missing.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise ZooError(
            f"boards cannot be emulated here: {', '.join(missing)} is missing",
            why="the board's Python comes from Debian's packages, which apt fetches and dpkg "
            "unpacks",
            fix="use a machine or container with Debian or Ubuntu, or a real board: "
            "zoo devices add NAME ssh host=…",
        )


def own_architecture() -> str:
    """Debian's name of this machine's architecture."""
    return run_tool(("dpkg", "--print-architecture")).out.strip()


class Packages:
    """Fetches packages of one architecture into a folder.

    Args:
        folder: Of apt's lists and of the packages; what lies there is used again.
        debian: Debian's name of the architecture.
    """

    def __init__(self, folder: Path, debian: str) -> None:
        self._folder = folder.resolve()
        self._debian = debian
        self._archives = self._folder / "cache" / "archives"

    def fetch(self, names: Sequence[str], tell: Callable[[str], None]) -> list[Package]:
        """Packages and all that they need, in the order in which apt names them.

        Raises:
            ZooError: A package does not exist for that architecture, cannot be fetched, or comes
                damaged again and again.
        """
        self._prepare()
        updated = self._apt_get("update")
        files = self._files(names, updated)
        tell(f"fetching {len(files)} packages for {self._debian}: {', '.join(names)}, and theirs")
        for _ in range(2):  # What lies there from before may be damaged; apt looks at sizes alone.
            self._download(names)
            expected = self._listed_hashes(files)
            damaged = [
                name
                for name in files
                if not (self._archives / name).is_file()
                or sha256_of(self._archives / name) not in expected
            ]
            if not damaged:
                break
            for name in damaged:
                (self._archives / name).unlink(missing_ok=True)
        else:
            raise ZooError(
                f"packages are damaged: {', '.join(damaged)}",
                why="their SHA-256 is not the one in the signed list of packages",
                fix=f"check disk and network, then {_AGAIN}",
            )
        found = [self._archives / name for name in files]
        return [Package(file=file, sha256=sha256_of(file)) for file in found]

    def _prepare(self) -> None:
        for part in ("state/lists/partial", "cache/archives/partial", "none/partial", "log"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        # An empty list of installed packages: everything that is needed is fetched.
        write_text(self._folder / "status", "")
        # The system's _apt could not write here; others than root have no such user to become.
        user = "root" if os.geteuid() == 0 else ""
        write_text(self._folder / "apt.conf", _SETTINGS.format(debian=self._debian, user=user))

    def _files(self, names: Sequence[str], updated: ToolResult) -> list[str]:
        """Names of the packages' files."""
        # Asked with an empty folder, for apt leaves out what it need not fetch.
        nothing = f"Dir::Cache::archives={self._folder / 'none'}"
        planned = self._install(names, "--print-uris", "--quiet=2", "-o", nothing)
        files = [
            Path(words[1]).name
            for line in planned.out.splitlines()
            if len(words := line.split()) >= 3 and words[0].startswith("'")
        ]
        if planned.code != 0 or not files:
            unknown = "Unable to locate package" in planned.err
            raise ZooError(
                f"apt finds no {' or '.join(names)} for {self._debian}",
                why=(updated.words if updated.code != 0 else planned.words) or None,
                fix=f"see that a source of apt on this machine has {self._debian} (Ubuntu keeps "
                "Arm's packages in its ports archive) and that the network is there, then "
                "type the same command again"
                if unknown
                else f"check the network, then {_AGAIN}",
            )
        return files

    def _download(self, names: Sequence[str]) -> None:
        done = self._install(names, "--download-only")
        if done.code != 0:
            raise ZooError(
                f"packages for {self._debian} could not be fetched",
                why=done.words or None,
                fix=f"check network and disk space, then {_AGAIN}",
            )

    def _listed_hashes(self, files: Sequence[str]) -> set[str]:
        """SHA-256 of these packages in the signed list."""
        wanted = ["=".join(unquote(file).split("_")[:2]) for file in files]
        listed = self._apt("apt-cache", "show", *wanted)
        return {
            line.partition(":")[2].strip()
            for line in listed.out.splitlines()
            if line.startswith("SHA256:")
        }

    def _install(self, names: Sequence[str], *options: str) -> ToolResult:
        return self._apt_get("install", "--yes", "--no-install-recommends", *options, *names)

    def _apt_get(self, *arguments: str) -> ToolResult:
        return self._apt("apt-get", *arguments)

    def _apt(self, program: str, *arguments: str) -> ToolResult:
        own = {
            "Dir::State": self._folder / "state",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder / "cache",
            "Dir::Log": self._folder / "log",
        }
        options = [word for key, path in own.items() for word in ("-o", f"{key}={path}")]
        return run_tool([program, "-c", str(self._folder / "apt.conf"), *options, *arguments])


def unpack(package: Package, root: Path) -> None:
    """Lays a package's files into a folder; none of its scripts is run.

    Raises:
        ZooError: It is damaged, or the disk is full.
    """
    done = run_tool(("dpkg-deb", "--extract", str(package.file), str(root)))
    if done.code != 0:
        raise ZooError(
            f"{package.file.name} cannot be unpacked",
            why=done.words or None,
            fix=f"check disk space, then {_AGAIN}",
        )


def extract_programs(package: Package, names: Sequence[str], folder: Path) -> list[str]:
    """Takes single programs of ``/usr/bin`` out of a package; returns those that it has."""
    process = subprocess.Popen(
        ("dpkg-deb", "--fsys-tarfile", str(package.file)), stdout=subprocess.PIPE
    )
    taken = []
    with process, tarfile.open(fileobj=process.stdout, mode="r|") as archive:
        for member in archive:
            name = Path(member.name).name
            if name in names and member.isfile() and (data := archive.extractfile(member)):
                target = folder / name
                with target.open("wb") as file:
                    shutil.copyfileobj(data, file)
                target.chmod(0o755)
                taken.append(name)
    return taken
