"""Calls of libraries that have no timeout of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


def with_timeout(seconds: float, call: Callable[..., Value], *args: Any, **named: Any) -> Value:
    """What a call returns or raises; one that takes longer goes on in a thread of its own.

    Raises:
        TimeoutError: It takes longer.
    """
    values: list[Value] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            values.append(call(*args, **named))
        except BaseException as error:
            errors.append(error)

    # Not of a pool, whose threads are waited for when Python ends.
    thread = threading.Thread(target=run, daemon=True, name="zoo-timeout")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not values:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return values[0]
