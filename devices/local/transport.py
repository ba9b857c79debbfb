"""Devices on this machine: files stay where they are, agents are child processes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zoo.common.captured import run_captured
from zoo.common.errors import UsageError
from zoo.common.paths import expanded
from zoo.common.shown_text import is_utf8
from zoo.contracts import AgentProcess, Condition
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.agent_process import PipeProcess

from ..runtimes import GPU_ALONE, RUNTIMES
from ..shared.agent_files import AGENT
from ..shared.linux import READINGS, condition_of

if TYPE_CHECKING:
    from .options import LocalOptions

LocalModel = TypeVar("LocalModel", bound="LocalOptions")
#: The package whose presence means that a runtime of the agent can be used.
MODULES = {
    each.name: each.module.partition(".")[0]
    for each in RUNTIMES
    if not each.reference and each.name not in GPU_ALONE
}


class LocalTransport:
    """Starts the agent in fresh processes of a Python here.

    Args:
        pythons: Of runtimes that have one of their own; the others take `python`.
        python: None for the one that edgezoo runs in.
        arguments: Of the agent, beside its runtime.
    """

    def __init__(
        self,
        python: Path | None = None,
        arguments: Sequence[str] = (),
        pythons: dict[str, Path] | None = None,
    ) -> None:
        self._python = python
        self._arguments = tuple(arguments)
        self._pythons = pythons or {}

    def put(self, local: Path) -> str:
        """The file's own path: it is there already.

        Raises:
            UsageError: Its name is not UTF-8, and runtimes take no other.
        """
        for path in (str(local.resolve()), os.path.relpath(local)):  # the agent runs in our folder
            if is_utf8(path):
                return path
        raise UsageError(
            f"{local} has a name that is not UTF-8",
            why="runtimes open no such file",
            fix="rename it, or type the command in the file's folder",
        )

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh process each time: warm caches of one file must not serve the next."""
        python = self._pythons.get(runtime, self._python) or sys.executable
        return PipeProcess([str(python), str(AGENT), "--runtime", runtime, *self._arguments])

    def condition(self) -> Condition:
        """What the kernel tells of heat and clock, and a Raspberry Pi of throttling."""
        try:
            return condition_of(run_captured(["sh", "-c", READINGS], seconds=10.0).out)
        except OSError:
            return Condition()  # No such shell: nothing is told.

    def close(self) -> None:
        """Nothing is held."""


def python_of(named: str) -> Path:
    """The Python that a device's option names.

    Args:
        named: A program, by its path or found on PATH, or the folder of a virtual environment.

    Raises:
        UsageError: There is none.
    """
    place = expanded(named)
    for program in (place / "bin" / "python", place):
        if program.is_file():
            return program.absolute()  # Resolved, it would no longer know its environment.
    found = shutil.which(named)
    if found is None:
        raise UsageError(
            f"there is no Python at {named!r}",
            fix="name a program or the folder of a virtual environment: python = "
            '"/home/me/venv" in devices.toml',
        )
    return Path(found)


class LocalDriver(AgentDriver[LocalModel]):
    """What devices that are this machine share: the Python that runs the agent, and its words."""

    asked = ("litert",)

    @property
    def python(self) -> Path | None:
        """The Python that the options name; None for the one that edgezoo runs in."""
        return None if self.options.python is None else python_of(self.options.python)

    @property
    def arguments(self) -> list[str]:
        """Of the agent, beside its runtime."""
        return [] if self.options.cpus is None else ["--cpus", self.options.cpus]

    def look(self) -> LocalTransport:
        """The agent in the Python that the options name, on any processor."""
        return LocalTransport(self.python)

    def words(self) -> list[str]:
        """The options that decide what a file answers and how fast, for a fingerprint."""
        given = sorted(self.options.model_dump(exclude_none=True).items())
        told = [f"{name} {value}" for name, value in given]
        if self.options.python:
            versions = sorted(self.about["runtimes"].items())
            told += [f"python {self.about['python']}", *(f"{n} {v}" for n, v in versions)]
        return told
