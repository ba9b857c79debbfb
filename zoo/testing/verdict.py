"""What a check found, and what the kit concludes from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.errors import ZooError

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer of one check.

    Attributes:
        measured: What was found, in words and figures.
        fix: What to do about it; empty when it passed.
        tried: False when the check does not apply; then `measured` says why.
    """

    passed: bool
    measured: str
    fix: str = ""
    tried: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A row of ``zoo plugins check``.

    Attributes:
        status: ``skipped`` means that it could not be tried, or that an exporter calls it
            unsupported, which is no proof of anything.
        measured: What was found; for a skipped check, why it was not tried.
        fix: What to do; empty when it passed.
    """

    variant: str
    check: str
    status: Status
    measured: str
    fix: str = ""
    seconds: float = 0.0


class NotTried(Exception):
    """A check cannot be tried; its message says why."""


class Impossible(Exception):
    """An exporter says that its format cannot hold the network; its message says why."""


class Nonconformance(ZooError, AssertionError):
    """A check failed; raised for test runners, which show it as a failed test."""

    @classmethod
    def of(cls, verdict: Verdict) -> Nonconformance:
        """The error that a failed verdict raises."""
        return cls(
            f"{verdict.variant} fails {verdict.check!r}: {verdict.measured}",
            fix=verdict.fix or None,
        )
