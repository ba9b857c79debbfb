"""Calls side by side, for as many as workers have room for; without workers one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """What makes calls side by side.

    Attributes:
        room: So many at once; with one, a call has ended when it is submitted.
        submit: Takes a function and its arguments, as executors of `concurrent.futures` do.
    """

    room: int
    submit: Callable[..., Future[Any]]


@contextlib.contextmanager
def side_by_side(room: int, stop: Callable[[], object]) -> Iterator[SideBySide]:
    """Makes calls in threads, or at once where there is room for one alone.

    Args:
        room: Calls at once.
        stop: Ends those that still run when the block ends.
    """
    if room == 1:
        yield SideBySide(room=1, submit=_at_once)
        return
    pool = ThreadPoolExecutor(max_workers=room, thread_name_prefix="zoo-training")
    try:
        yield SideBySide(room=room, submit=pool.submit)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        stop()
        pool.shutdown(wait=True)


def _at_once(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    ended: Future[Any] = Future()
    try:
        ended.set_result(call(*arguments))
    except Exception as error:  # told to whoever asks for the result
        ended.set_exception(error)
    return ended
