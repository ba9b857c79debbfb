"""Dask as an executor: a scheduler, and workers on any number of machines."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts.executor import Executor, ExecutorDriver
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_executors() -> Iterator[Executor]:
    """Dask."""
    yield Executor(
        name="dask",
        summary="Dask: workers on any number of machines, each with its devices",
        argument="HOST:PORT",
        driver=_driver,
        extra="dask",
    )


def _driver() -> type[ExecutorDriver]:
    from .driver import DaskDriver

    return DaskDriver
