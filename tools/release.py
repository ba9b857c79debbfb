"""Builds the distributions twice, checks them, and runs the main job from the wheel.

``make release`` runs it. What a release is made of is the last commit: files that git does not know
get into neither distribution. Both builds must be the same to the byte; the source distribution is
what the wheel is built from. The times in both are those of the commit (``SOURCE_DATE_EPOCH``).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
MAIN_JOB = ("ship", "lenet5", "--data", "digits")
#: Lines of a build that must not be there. That Python keeps no byte code is the caller's choice.
WARNING = re.compile(r"^.*warning.*$|^.*[Dd]eprecat.*$", re.IGNORECASE | re.MULTILINE)


def normalized(sdist: bytes, epoch: int) -> bytes:
    """The same source distribution in the order of names, with one time, owner and mode of each.

    setuptools writes the times and owners of the files that it found.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist)) as source,
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda one: one.name):
            found = tarfile.TarInfo(member.name)
            found.type, found.size, found.mtime = member.type, member.size, epoch
            found.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            if not (member.isfile() or member.isdir()):
                raise SystemExit(f"{member.name} is neither a file nor a folder")
            target.addfile(found, source.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def warnings_in(log: str) -> list[str]:
    """What a build warned of."""
    return [line.strip() for line in WARNING.findall(log)]


def run(*command: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a program writes; ends the release where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}\nfailed")
    return done.stdout


def build(folder: Path, epoch: int) -> tuple[Path, Path]:
    """The source distribution of the last commit, and the wheel built from it."""
    source, made = folder / "source", folder / "dist"
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, source, folder=ROOT)
    settings = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": ""}
    builder = (sys.executable, "-m", "build", "--no-isolation", "--outdir", made)
    log = run(*builder, "--sdist", source, folder=source, environment=settings)
    (sdist,) = made.glob("*.tar.gz")
    sdist.write_bytes(normalized(sdist.read_bytes(), epoch))
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (inner,) = (folder / "unpacked").iterdir()
    log += run(*builder, "--wheel", inner, folder=inner, environment=settings)
    if found := warnings_in(log):
        raise SystemExit("\n".join(["the build warns:", *found]))
    (wheel,) = made.glob("*.whl")
    return sdist, wheel


def python_of(version: str) -> str | None:
    """A program that is Python of this version; a launcher without one behind it is none."""
    name = f"python{version}"
    folders = os.environ.get("PATH", "").split(os.pathsep)
    # pyenv's launchers start only the versions that are chosen; all lie here.
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in (*folders, *sorted(root.glob("versions/*/bin"))):
        program = shutil.which(name, path=str(folder))
        if program is None:
            continue
        asked = subprocess.run([program, "--version"], capture_output=True, text=True)
        if asked.stdout.startswith(f"Python {version}."):
            return program
    return None


def try_wheel(wheel: Path, program: str, requirements: str, folder: Path) -> str:
    """The end of the main job, run from the wheel in an environment that held nothing."""
    run(program, "-m", "venv", "venv", folder=folder)
    python = folder / "venv/bin/python"
    pip = (python, "-m", "pip", "--quiet", "install")
    run(*pip, "--no-deps", "--require-hashes", "--requirement", ROOT / requirements, folder=folder)
    run(*pip, "--no-deps", wheel, folder=folder)
    run(python, "-m", "pip", "check", folder=folder)
    clean = {"ZOO_HOME": str(folder / "home"), "PYTHONPATH": ""}
    (folder / "work").mkdir()
    told = run(
        folder / "venv/bin/zoo", *MAIN_JOB, folder=folder / "work", environment=clean
    ).splitlines()
    return next(line for line in told if "test examples" in line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-install", action="store_true", help="Build and check alone.")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="Try this one alone.")
    given = parser.parse_args(arguments)
    epoch = int(run("git", "log", "-1", "--format=%ct", folder=ROOT))
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name, "first"), Path(name, "second")
        first.mkdir()
        second.mkdir(mode=0o700)
        made, again = build(first, epoch), build(second, epoch)
        for one, other in zip(made, again, strict=True):
            if one.read_bytes() != other.read_bytes():
                raise SystemExit(f"{one.name} differs from one build to the next")
        run(sys.executable, "-m", "twine", "check", "--strict", *made, folder=first)
        run(Path(sys.executable).with_name("check-wheel-contents"), made[1], folder=first)
        target = ROOT / "dist"
        target.mkdir(exist_ok=True)
        for file in made:
            shutil.copy2(file, target)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            print(f"{digest}  dist/{file.name}  {file.stat().st_size / 1e6:.1f} MB", flush=True)
        print("both builds are the same to the byte", flush=True)
        for version in [] if given.no_install else given.python or PYTHONS:
            if (program := python_of(version)) is None:
                print(f"Python {version}: not here, not tried", flush=True)
                continue
            with tempfile.TemporaryDirectory() as place:
                end = try_wheel(made[1], program, "requirements/all.txt", Path(place))
            print(f"Python {version}: {end}", flush=True)


if __name__ == "__main__":
    main()
