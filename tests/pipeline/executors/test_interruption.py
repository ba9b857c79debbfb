"""A signal ends an event loop between its callbacks, and then does what its handler does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from zoo.plugins.dask_executor.interruption import run_until_interrupted


class _Ended(Exception):
    pass


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise _Ended(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def _signalled(told: list[str], number: int) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: told.append("a callback failed"))
    loop.call_soon(os.kill, os.getpid(), number)
    try:
        await asyncio.sleep(0.2)
        told.append("went on")
    finally:
        told.append("closed")


def test_everything_is_closed_before_the_handler_raises() -> None:
    told: list[str] = []
    with pytest.raises(_Ended):
        run_until_interrupted(_signalled(told, signal.SIGTERM))
    assert told == ["closed"]


def test_an_ignored_signal_stays_ignored() -> None:
    told: list[str] = []
    run_until_interrupted(_signalled(told, signal.SIGHUP))
    assert told == ["went on", "closed"]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_work_that_cancels_itself_is_told() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_interrupted(cancelled())
