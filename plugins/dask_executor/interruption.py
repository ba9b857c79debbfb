"""Ending an event loop by a signal, between two of its callbacks."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end, or until a signal cancels it; then does what the signal's handler does.

    A handler that raises within a callback of the engine would have the engine print a traceback,
    and leave its processes as they are.

    Raises:
        BaseException: What the signal's handler raises, once everything is closed.
    """
    handled = {number: signal.getsignal(number) for number in _SIGNALS}
    # One that is ignored, as nohup has it, stays so.
    handlers = {number: handler for number, handler in handled.items() if callable(handler)}
    received: list[int] = []

    async def watched() -> None:
        task = asyncio.current_task()

        def stop(number: int) -> None:
            received.append(number)
            if task is not None:
                task.cancel()

        for number in handlers:
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        await work

    try:
        asyncio.run(watched())
    except asyncio.CancelledError:
        if not received:
            raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        handlers[signal.Signals(received[0])](received[0], None)
