"""What all modules of the agent share: its error, its clock, what travels in JSON."""

from __future__ import annotations

import time
from typing import Any

PROTOCOL = 1

#: A JSON object.
Json = dict[str, Any]

#: Nanoseconds.
clock = time.perf_counter_ns


class AgentError(Exception):
    """A failure with a name that the other side knows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def refusal(self) -> Json:
        """The answer that tells it."""
        return {"ok": False, "error": {"type": self.kind, "message": str(self)}}
