"""Progress events and their listeners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


def quiet(step: str, event: Event) -> None:
    """Progress for callers who want none."""


OnStep = Callable[[str, Event], None]
