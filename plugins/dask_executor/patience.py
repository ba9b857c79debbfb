"""Questions to a scheduler, which has no limit of time for its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


def within(seconds: float, ask: Callable[..., Value], *args: Any, **named: Any) -> Value:
    """What `ask` returns or raises; what takes longer goes on in a thread that nobody waits for.

    Raises:
        TimeoutError: It takes longer.
    """
    answers: list[Value] = []
    errors: list[BaseException] = []

    def asks() -> None:
        try:
            answers.append(ask(*args, **named))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=asks, daemon=True, name="zoo-dask-question")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]
