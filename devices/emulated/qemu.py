"""QEMU's user mode: the system's own, or Debian's package unpacked in a folder of ours."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.files import sha256_of, write_text

from .boards import ARCHITECTURES, Architecture
from .debian_packages import Packages, extract_programs, own_architecture
from .tools import run_tool

#: Debian's package of emulators that need no libraries.
PACKAGE = "qemu-user-static"
HASHES = "sha256.txt"


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A program that runs those of another processor.

    Attributes:
        version: ``QEMU 7.2.22``.
    """

    program: Path
    version: str


def find_emulator(architecture: Architecture, folder: Path) -> Emulator | None:
    """The system's emulator, or else the one in our folder; None for neither.

    Args:
        architecture: That it emulates.
        folder: Where `fetch_emulators` puts them.
    """
    for name in architecture.emulators:
        ours = folder / name
        installed = shutil.which(name)
        program = Path(installed) if installed else ours if ours.is_file() else None
        if program is not None and (version := _version(program, program.stat().st_mtime_ns)):
            return Emulator(program=program, version=version)
    return None


@functools.lru_cache(maxsize=8)
def _version(program: Path, changed_ns: int) -> str:
    """``QEMU 7.2.22``; empty for a program that does not run."""
    try:
        done = run_tool((str(program), "--version"))
    except ZooError:
        return ""
    words = done.out.split()
    if done.code != 0 or "version" not in words[:-1]:
        return ""
    return f"QEMU {words[words.index('version') + 1]}"


def fetch_emulators(folder: Path, work: Path, tell: Callable[[str], None]) -> None:
    """Takes QEMU out of Debian's package for this machine into a folder; nothing is installed.

    Args:
        folder: Of the programs; made whole or not at all.
        work: For what is fetched.
        tell: Receives what is being done.

    Raises:
        ZooError: The package cannot be fetched, or holds none.
    """
    wanted = [name for each in ARCHITECTURES.values() for name in each.emulators]
    folder.parent.mkdir(parents=True, exist_ok=True)
    found = Packages(work, own_architecture()).fetch([PACKAGE], tell)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".qemu-") as fresh:
        taken = [name for each in found for name in extract_programs(each, wanted, Path(fresh))]
        if not taken:
            raise ZooError(
                f"Debian's {PACKAGE} holds no emulator for this machine",
                fix="install QEMU's user mode yourself, so that qemu-aarch64-static is in PATH",
            )
        lines = [f"{sha256_of(Path(fresh) / name)}  {name}" for name in taken]
        write_text(Path(fresh) / HASHES, "\n".join(lines) + "\n")
        folder.mkdir(exist_ok=True)
        for file in Path(fresh).iterdir():
            file.replace(folder / file.name)
    shutil.rmtree(work, ignore_errors=True)
