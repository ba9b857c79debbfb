"""Environments of runtimes that cannot live beside the others; made when a user asks for it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.common.captured import run_captured
from zoo.common.errors import ZooError
from zoo.common.paths import cache_folder
from zoo.execution.failures import last_stderr_lines

#: Seconds that an environment may take.
_PATIENCE = 900.0
_READY = "ready"


@dataclass(frozen=True)
class RuntimeEnvironment:
    """What the environment of a runtime is made of.

    Attributes:
        packages: With the versions that go together.
        pythons: Minor versions of Python 3 that have wheels of them, the best first.
    """

    packages: tuple[str, ...]
    pythons: tuple[int, ...]


#: tflite-runtime ended before numpy 2 and Python 3.12 came.
SEPARATE_ENVIRONMENTS = {
    "tflite-runtime": RuntimeEnvironment(("tflite-runtime==2.14.0", "numpy==1.26.4"), (11, 10, 9))
}


def environments() -> dict[str, Path]:
    """The Python of each environment that is ready, by runtime."""
    return {
        name: _folder(name) / "bin" / "python"
        for name in SEPARATE_ENVIRONMENTS
        if (_folder(name) / _READY).is_file()
    }


def make_environment(runtime: str, tell: Callable[[str], None]) -> Path:
    """Makes the environment of a runtime, in place of the one that is there.

    Args:
        runtime: One of `SEPARATE_ENVIRONMENTS`.
        tell: Receives what is being done.

    Raises:
        ZooError: No Python for it is here, or its packages could not be installed.
    """
    apart, folder = SEPARATE_ENVIRONMENTS[runtime], _folder(runtime)
    base = _python_for(runtime, apart)
    tell(f"making an environment for {runtime} in {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    (folder / _READY).unlink(missing_ok=True)
    _run([base, "-I", "-m", "venv", "--clear", str(folder)], "the environment could not be made")
    python = folder / "bin" / "python"
    tell(f"installing {', '.join(apart.packages)}")
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Wheels only: a build from source may take hours.
    command = [*pip, "--only-binary", ":all:", *apart.packages]
    _run(command, f"{', '.join(apart.packages)} could not be installed")
    (folder / _READY).touch()
    return python


def _folder(runtime: str) -> Path:
    return cache_folder() / "environments" / runtime


def _python_for(runtime: str, apart: RuntimeEnvironment) -> str:
    if sys.version_info[1] in apart.pythons:
        return sys.executable
    for minor in apart.pythons:
        found = shutil.which(f"python3.{minor}")
        if found is not None:
            return found
    newest = f"3.{apart.pythons[0]}"
    raise ZooError(
        f"{runtime} needs Python {newest} or older, which was not found here",
        why="there are no wheels of it for newer ones",
        fix=f"install Python {newest} so that `python{newest}` is on PATH: "
        f"uv python install {newest}",
    )


def _run(command: list[str], what: str) -> None:
    try:
        done = run_captured(command, seconds=_PATIENCE)
    except OSError as error:
        raise ZooError(what, why=str(error)) from error
    if done.code != 0:
        late = f"it did not end within {_PATIENCE:g} s" if done.code is None else None
        raise ZooError(
            what,
            why=last_stderr_lines(done.err or done.out) or late,
            fix="see that python3-venv is installed, and that a package index can be reached",
        )
