"""What a manifest claims, claim by claim, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["holds", "fails", "not checked"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing that a file says of itself, or that is said of it.

    Attributes:
        name: ``model bytes``, ``golden outputs in litert``, …
        status: Whether it holds; ``not checked`` is no blame.
        found: What was measured or read, in words and figures.
        reason: Why it fails, or why it could not be checked and what would be needed.
    """

    name: str
    status: Status
    found: str = ""
    reason: str = ""


@dataclass(kw_only=True)
class ClaimList:
    """Collects claims in the order in which they are examined.

    Attributes:
        part: Which of several files the next ones are about; empty where there is one, and for
            what is said of all together.
    """

    rows: list[Claim] = field(default_factory=list)
    part: str = ""

    def check(self, name: str, holds: bool, found: str, reason: str = "") -> bool:
        """Adds one that was examined; `reason` is told when it fails."""
        self.rows.append(
            Claim(
                name=self._named(name),
                status="holds" if holds else "fails",
                found=found,
                reason="" if holds else reason,
            )
        )
        return holds

    def skip(self, name: str, reason: str) -> None:
        """Adds one that could not be examined here."""
        self.rows.append(Claim(name=self._named(name), status="not checked", reason=reason))

    def _named(self, name: str) -> str:
        return f"{self.part}: {name}" if self.part else name
