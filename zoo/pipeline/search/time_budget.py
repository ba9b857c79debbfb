"""A limit on the time of a search."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class TimeBudget:
    """What is left of the time that a search may take.

    Attributes:
        seconds: All of it; None for no limit.
        spent: Seconds that were used before, when the same search was begun and interrupted.
    """

    seconds: float | None
    spent: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def used(self) -> float:
        """Seconds so far, those before an interruption included."""
        return self.spent + time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds; infinite where there is no limit, negative where it is exceeded."""
        return math.inf if self.seconds is None else self.seconds - self.used
