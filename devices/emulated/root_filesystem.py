"""A root for one architecture: Python, numpy and runtimes, built once and used by its boards.

It is built beside its place and moved there when an agent in it has answered rightly, so a root
that is half built is never used. What was fetched stays until then, so a build that is ended goes
on where it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.common.files import cannot_write, write_text
from zoo.common.paths import cache_folder, is_offline

from . import wheels
from .boards import Architecture
from .debian_packages import Package, Packages, require_tools, unpack
from .qemu import Emulator, fetch_emulators, find_emulator

#: Debian's packages; what they need comes with them.
PACKAGES = ("python3", "python3-numpy", "libstdc++6")
RECORD = "ready.json"
#: Changes when roots are built in another way.
LAYOUT = 1
_LIBC = re.compile(r"^libc6_2\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """A file that a root was made of.

    Attributes:
        sha256: Of its bytes.
    """

    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class RootRecord:
    """What a finished root says of itself.

    Attributes:
        python: ``3.11``.
        runtimes: The agent's runtimes that answered rightly, with their versions.
        created: When, ISO 8601, UTC.
    """

    layout: int
    python: str
    asked: tuple[str, ...]
    runtimes: dict[str, str]
    refused: dict[str, str]
    packages: tuple[FetchedFile, ...]
    wheels: tuple[FetchedFile, ...]
    created: str


@dataclass(frozen=True, kw_only=True)
class Root:
    """A folder with the files of a board's system.

    Attributes:
        folder: Holds ``root`` and ``site``.
    """

    folder: Path
    architecture: Architecture

    @property
    def system(self) -> Path:
        """Where Debian's packages are unpacked."""
        return self.folder / "root"

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.system / "usr" / "bin" / "python3"

    def site(self, runtime: str) -> Path:
        """Where a runtime's wheels are unpacked."""
        return self.folder / "site" / runtime

    def ready(self) -> RootRecord | None:
        """What it says of itself; None for one that is not whole."""
        try:
            told = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
            packages = tuple(FetchedFile(**each) for each in told.pop("packages"))
            found = tuple(FetchedFile(**each) for each in told.pop("wheels"))
            asked = tuple(told.pop("asked"))
            ready = RootRecord(packages=packages, wheels=found, asked=asked, **told)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return ready if ready.layout == LAYOUT and self.python.exists() else None

    def environment(self, runtimes: Sequence[str]) -> dict[str, str]:
        """For an agent there: nothing of this process's own, which is of another processor."""
        # What update-alternatives would link; no script of a package was run.
        libraries = [
            str(folder)
            for name in ("blas", "lapack")
            for folder in sorted(self.system.glob(f"usr/lib/*/{name}"))
        ]
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(str(self.site(name)) for name in runtimes),
            "PYTHONNOUSERSITE": "1",
            # The agent's neighbours must not stand in for installed modules.
            "PYTHONSAFEPATH": "1",
            **({"LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else {}),
        }


def emulation_folder() -> Path:
    """Where everything for emulated boards is kept: all of it can be fetched again."""
    return cache_folder() / "emulated"


def emulators() -> Path:
    """Our own emulators' folder."""
    return emulation_folder() / "qemu"


def root_of(architecture: Architecture) -> Root:
    """The root of an architecture; it need not be there."""
    return Root(folder=emulation_folder() / architecture.name, architecture=architecture)


#: Starts an agent of a runtime in a root that is not finished, and returns its version.
Check = Callable[[Root, Emulator, str], str]


def build(architecture: Architecture, check: Check, tell: Callable[[str], None]) -> RootRecord:
    """Fetches the emulator and builds the root, as far as they are not there.

    Args:
        architecture: Of the root.
        check: Raises when a runtime does not answer rightly there.
        tell: Receives what is being done.

    Raises:
        ZooError: Something is missing, offline, damaged, or does not run.
    """
    asked = tuple(
        name for each in wheels.RUNTIMES for name in (wheels.requirement(each), *each.needs)
    )
    root = root_of(architecture)
    ready, emulator = root.ready(), find_emulator(architecture, emulators())
    if ready is not None and ready.asked == asked and emulator is not None:
        return ready
    lacking = [] if emulator else [f"QEMU's user mode for {architecture.name}"]
    if ready is None or ready.asked != asked:
        lacking += [f"Debian's {', '.join(PACKAGES)} for {architecture.debian}"]
        lacking += [f"wheels of {', '.join(map(wheels.requirement, wheels.RUNTIMES))}"]
    _refuse_offline(lacking)
    require_tools()
    try:
        with _build_lock(architecture):
            return _build(root, asked, check, tell)
    except OSError as error:
        raise cannot_write(emulation_folder(), error) from error


def _refuse_offline(lacking: Sequence[str]) -> None:
    if is_offline():
        raise ZooError(
            f"missing for this board, and nothing may be fetched: {'; '.join(lacking)}",
            why="ZOO_OFFLINE is set",
            fix="unset ZOO_OFFLINE and type the same command again; or copy the folder "
            f"{emulation_folder()} from a machine that has it",
        )


@contextmanager
def _build_lock(architecture: Architecture) -> Iterator[None]:
    """One build at a time; the kernel lets go when we die."""
    emulation_folder().mkdir(parents=True, exist_ok=True)
    with (emulation_folder() / f"{architecture.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ZooError(
                f"another process sets up {architecture.name} just now",
                fix="wait until it is done, then type the same command again",
            ) from error
        yield


def _build(
    root: Root, asked: tuple[str, ...], check: Check, tell: Callable[[str], None]
) -> RootRecord:
    architecture = root.architecture
    work = emulation_folder() / "building" / architecture.name
    emulator = find_emulator(architecture, emulators())
    if emulator is None:
        fetch_emulators(emulators(), work.with_name("qemu"), tell)
        emulator = find_emulator(architecture, emulators())
    if emulator is None:
        raise ZooError(
            f"the emulator for {architecture.name} does not run on this machine",
            fix=f"remove {emulators()} and type the same command again",
        )
    tell(f"{emulator.version} is {emulator.program}")
    ready = root.ready()
    if ready is not None and ready.asked == asked:
        return ready
    packages = Packages(work / "packages", architecture.debian).fetch(PACKAGES, tell)
    fresh = Root(folder=work / "new", architecture=architecture)
    python = _unpack(fresh, packages, tell)
    found: list[FetchedFile] = []
    runtimes: dict[str, str] = {}
    refused: dict[str, str] = {}
    for runtime in wheels.RUNTIMES:
        try:
            tell(f"fetching {wheels.requirement(runtime)} for {architecture.wheel}")
            fetched = wheels.fetch(runtime, python, work / "wheels")
            wheels.install(fetched, python, fresh.site(runtime.name))
            tell(f"trying {runtime.name} on the emulated processor")
            runtimes[runtime.name] = check(fresh, emulator, runtime.name)
            found += _fetched(fetched)
        except (wheels.NoWheel, RuntimeRefused) as error:
            refused[runtime.name] = error.what + (f": {error.why}" if error.why else "")
            tell(refused[runtime.name])
    if not runtimes:
        raise ZooError(
            f"no runtime runs on an emulated {architecture.name}",
            why="; ".join(refused.values()),
            fix=f"Debian's Python there is {python.version}; runtimes may have wheels for "
            "another release's only",
        )
    ready = RootRecord(
        layout=LAYOUT,
        python=python.version,
        asked=asked,
        runtimes=runtimes,
        refused=refused,
        packages=tuple(_fetched(packages)),
        wheels=tuple(found),
        created=utc_now(),
    )
    write_text(fresh.folder / RECORD, json.dumps(asdict(ready), indent=1))
    _replace_root(fresh.folder, root.folder)
    shutil.rmtree(work, ignore_errors=True)
    return ready


class RuntimeRefused(ZooError):
    """A runtime does not run on the emulated processor, or answers wrongly there."""


def _unpack(
    root: Root, packages: Sequence[Package], tell: Callable[[str], None]
) -> wheels.TargetPython:
    """Makes the file system; what an ended build left is removed."""
    if root.folder.exists():
        shutil.rmtree(root.folder)
    root.system.mkdir(parents=True)
    tell(f"unpacking {len(packages)} packages")
    for package in packages:
        unpack(package, root.system)
    for name in ("bin", "lib", "lib64", "sbin"):
        # Newer releases have these in usr alone, with links that another package brings.
        if (root.system / "usr" / name).is_dir() and not (root.system / name).exists():
            (root.system / name).symlink_to(f"usr/{name}")
    libc = [match for p in packages if (match := _LIBC.match(p.file.name))]
    versions = sorted(root.system.glob("usr/lib/python3.*/os.py"))
    if not (libc and versions and root.python.exists()):
        raise ZooError(
            "Debian's packages hold no Python for the board",
            fix=f"remove {root.folder.parent} and type the same command again",
        )
    version = versions[-1].parent.name.removeprefix("python")
    return wheels.TargetPython(
        version=version, wheel=root.architecture.wheel, libc=int(libc[0].group(1))
    )


def _fetched(packages: Sequence[Package]) -> list[FetchedFile]:
    return [FetchedFile(file=each.file.name, sha256=each.sha256) for each in packages]


def _replace_root(fresh: Path, place: Path) -> None:
    """Puts a whole root in the place of the one before."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        place.replace(old)
    fresh.replace(place)
    shutil.rmtree(old, ignore_errors=True)


def digest(ready: RootRecord) -> str:
    """Stands for all that a root was made of."""
    parts = [f"{each.file} {each.sha256}" for each in (*ready.packages, *ready.wheels)]
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]
