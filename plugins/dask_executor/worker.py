"""A Dask worker of the zoo, and a scheduler for such workers."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.common.errors import UsageError, ZooError
from zoo.common.files import cannot_write
from zoo.common.paths import cache_folder
from zoo.contracts.executor import ExecutorWorker
from zoo.pipeline.executors.connection import refuse_doubled

from .configuration import (
    ANNOUNCED,
    NOTHING,
    prepare,
    scheduler_address,
    security_of,
)
from .connection import connect, unreachable
from .interruption import run_until_interrupted
from .resources import announcement, worker_of

#: Seconds between two attempts to join a scheduler that is gone.
_AGAIN = 3.0
#: Seconds in which a worker must have started; a busy machine takes long to import libraries.
_STARTED = 40.0
#: Attempts at the first time.
_TRIES = 3


def work(
    address: str, tls: Path | None, worker: ExecutorWorker, tell: Callable[[str], None]
) -> None:
    """Joins a scheduler as a worker, again and again until it is interrupted.

    Raises:
        ZooError: The scheduler cannot be reached at first, or another worker has a device of ours.
    """
    _check(address, tls, worker)
    prepare()
    run_until_interrupted(_work(address, tls, worker, tell))


def _check(address: str, tls: Path | None, worker: ExecutorWorker) -> None:
    others = _joined(address, tls, starting=True)
    if worker.name in {other.name for other in others}:
        raise UsageError(
            f"a worker of the name {worker.name!r} has joined already",
            why="names of workers are unique; one that was cut off keeps its own for a minute",
            fix="give it another one with --name, or leave that out",
        )
    refuse_doubled([*others, worker])


def _check_again(address: str, tls: Path | None, worker: ExecutorWorker) -> None:
    """Whether another worker got a device of ours since we looked; then it is the other's.

    Raises:
        UsageError: Names the device and both workers.
    """
    try:
        others = _joined(address, tls, starting=False)
    except ZooError:  # it is gone, which whoever tries to join finds out
        return
    # It may not have missed us yet.
    refuse_doubled([*(other for other in others if other.name != worker.name), worker])


def _joined(address: str, tls: Path | None, *, starting: bool) -> list[ExecutorWorker]:
    client = connect(address, tls, starting=starting)
    try:
        joined = client.scheduler_info()["workers"].values()
        return [worker_of(info[ANNOUNCED], info) for info in joined if ANNOUNCED in info]
    finally:
        client.close(timeout=2)


async def _work(
    address: str, tls: Path | None, worker: ExecutorWorker, tell: Callable[[str], None]
) -> None:
    from distributed import Nanny

    folder = cache_folder() / "executors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    joined, tries = False, 0
    while True:
        nanny: Any = Nanny(
            scheduler_address(address, tls),
            # Steps on devices need a thread each, and little else.
            nthreads=worker.jobs + len(worker.devices),
            name=worker.name,
            memory_limit=0,
            local_directory=str(folder),
            preload=["zoo.plugins.dask_executor.preload"],
            preload_argv=[["--announcement", json.dumps(announcement(worker))]],
            security=security_of(tls),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            death_timeout=_STARTED,
            silence_logs=NOTHING,
        )
        try:
            async with nanny:
                tell(f"{'joined' if not joined else 'joined again:'} dask://{address}")
                joined = True
                await nanny.finished()
            tell(_gone(address))
        # Of a scheduler that dies while a worker joins, Dask's nanny knows no error of its own.
        except (OSError, RuntimeError, TimeoutError, ValueError, AssertionError) as error:
            with suppress(Exception):  # else it starts its process again, beside the next one's
                await nanny.close(timeout=_AGAIN)
            await asyncio.to_thread(_check_again, address, tls, worker)
            tries += 1
            # It was there a moment ago, and may have died just now.
            if not joined and tries == _TRIES:
                await asyncio.to_thread(_check, address, tls, worker)
                raise unreachable(address, error, tls) from error
            if not joined:
                tell(_gone(address))
        await asyncio.sleep(_AGAIN)


def _gone(address: str) -> str:
    return f"dask://{address} is gone; trying to join it again, until you press Ctrl-C"


def serve(address: str, tls: Path | None, tell: Callable[[str], None]) -> None:
    """Starts a scheduler; returns when it is interrupted.

    Raises:
        ZooError: It cannot listen there.
    """
    place, security = scheduler_address(address, tls), security_of(tls)
    prepare()
    run_until_interrupted(_serve(place, security, tell))


async def _serve(place: str, security: Any, tell: Callable[[str], None]) -> None:
    from .scheduler import ZooScheduler

    protocol, _, shown = place.partition("://")
    host, _, port = shown.rpartition(":")
    try:
        scheduler: Any = ZooScheduler(
            host=host,
            port=int(port),
            protocol=protocol,
            security=security,
            dashboard=False,
            dashboard_address="127.0.0.1:0",
        )
        async with scheduler:
            tell(f"the scheduler listens at {shown}")
            tell(f"workers join it by: zoo worker --join dask://{shown}")
            tell(f"commands use it by: --executor dask://{shown}")
            await scheduler.finished()
    except (OSError, RuntimeError) as error:  # the latter is Dask's, about the former
        cause = error.__cause__ if isinstance(error, RuntimeError) else error
        if not isinstance(cause, OSError):
            raise
        raise ZooError(
            f"no scheduler can listen at {shown}",
            why=cause.strerror or str(cause),
            fix="another program has that port: give --listen another one"
            if cause.errno == errno.EADDRINUSE
            else "give --listen an address of this machine, such as 127.0.0.1:8786",
        ) from error
