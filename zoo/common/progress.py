"""Progress events and their listeners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


def quiet(step: str, event: Event) -> None:
    """A listener that ignores all events."""


OnStep = Callable[[str, Event], None]
