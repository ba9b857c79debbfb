"""The machine that edgezoo runs on: files stay where they are, the agent is a child process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from .environments import ON_PROCESSOR, environments, make_all
from .options import HostOptions
from .transport import MODULES, LocalDriver, LocalTransport


class HostTransport(LocalTransport):
    """The agent in a named Python; else in edgezoo's, and in those of runtimes with their own."""

    def __init__(self, python: Path | None = None, arguments: Sequence[str] = ()) -> None:
        super().__init__(python, arguments, environments(ON_PROCESSOR) if python is None else {})


class HostDriver(LocalDriver[HostOptions]):
    """This machine; nothing is held: whatever else it does is measured."""

    @property
    def address(self) -> str:
        """This machine, however it is used."""
        given = (("cpus", self.options.cpus), ("python", self.options.python))
        told = [f"{name} {value}" for name, value in given if value]
        told += [] if self.options.xnnpack else ["no XNNPACK"]
        return ", ".join(["this machine", *told])

    @property
    def arguments(self) -> list[str]:
        """Of the agent, beside its runtime."""
        return [*super().arguments, *([] if self.options.xnnpack else ["--no-xnnpack"])]

    def connect(self) -> HostTransport:
        """Opens nothing: each agent is a process of its own."""
        return HostTransport(self.python, self.arguments)

    def fingerprint(self) -> str:
        """The same words about this machine that the agent says."""
        from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint

        return "; ".join([machine_fingerprint(), *(w for w in self.words() if w != "xnnpack True")])

    def runtimes(self) -> Sequence[str]:
        """The agent's runtimes that are installed, found without importing them."""
        if self.options.python:
            return super().runtimes()
        apart = environments(ON_PROCESSOR)
        return [name for name, module in MODULES.items() if name in apart or _here(module)]

    @property
    def setup_runtimes(self) -> list[str]:
        """Those that cannot live beside the others."""
        return [] if self.options.python else [one.name for one in ON_PROCESSOR]

    def setup(self, tell: Callable[[str], None]) -> str:
        """Makes an environment for each runtime that cannot live beside the others."""
        names = make_all(ON_PROCESSOR, self.options.python, tell)
        return f"this machine also has {names}, in an environment of its own"


def _here(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
