"""Devices on this machine: files stay where they are, agents are child processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zoo.common.errors import UsageError
from zoo.common.files import sha256_of, write_bytes
from zoo.common.paths import cache_folder
from zoo.contracts import AgentProcess, Condition
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.agent_process import PipeProcess

from ..shared.linux import READINGS, condition_of

if TYPE_CHECKING:
    from .options import LocalOptions

LocalModel = TypeVar("LocalModel", bound="LocalOptions")
AGENT = Path(__file__).parents[1] / "agent.py"
#: Runs the file that is its argument as Python runs a script, but keeps its bytecode: compiling
#: the agent would take longer than it takes to start.
_SCRIPT = """
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
del sys.argv[0]
spec = spec_from_loader("__main__", SourceFileLoader("__main__", sys.argv[0]))
sys.modules["__main__"] = module = module_from_spec(spec)
spec.loader.exec_module(module)
"""
#: The module whose presence means that a runtime of the agent can be used.
MODULES = {
    "litert": "ai_edge_litert",
    "tflite-runtime": "tflite_runtime",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tflite-micro": "tflite_micro",
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
        """The file's own path: it is there already."""
        return str(local.resolve())

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh process each time: warm caches of one file must not serve the next."""
        return PipeProcess([*self._agent(runtime), "--runtime", runtime, *self._arguments])

    def _agent(self, runtime: str) -> list[str]:
        python = self._pythons.get(runtime, self._python)
        if python is None:
            # -P: the agent's neighbours in this folder must not stand in for installed modules.
            return [sys.executable, "-P", "-c", _SCRIPT, str(AGENT)]
        # Pythons before 3.11 have no such option: there the agent has no neighbours.
        return [str(python), str(_agent_alone())]

    def condition(self) -> Condition:
        """What the kernel tells of heat and clock, and a Raspberry Pi of throttling."""
        try:
            done = subprocess.run(
                ["sh", "-c", READINGS], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return Condition()  # No such shell: nothing is told.
        return condition_of(done.stdout)

    def close(self) -> None:
        """Nothing is held."""


def _agent_alone() -> Path:
    """A copy of the agent in a folder of its own, named by its content."""
    there = cache_folder() / "agent" / sha256_of(AGENT)[:16] / AGENT.name
    if not there.is_file():
        write_bytes(there, AGENT.read_bytes())
    return there


def python_of(named: str) -> Path:
    """The Python that a device's option names.

    Args:
        named: A program, by its path or found on PATH, or the folder of a virtual environment.

    Raises:
        UsageError: There is none.
    """
    place = Path(named).expanduser()
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
