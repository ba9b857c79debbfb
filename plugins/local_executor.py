"""This machine as the executor of steps: the default."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts.executor import Executor
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_executors() -> Iterator[Executor]:
    """This machine."""
    yield Executor(name="local", summary="This machine: steps in child processes, side by side")
