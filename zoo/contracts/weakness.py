"""What a task finds against a network's answers, beside its measures and its baseline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """A reason why files of a network should not be shipped.

    Attributes:
        code: Names the kind: ``one-verdict``.
        text: What was found, in a sentence without a full stop.
        fix: What to do about it.
    """

    code: str
    text: str
    fix: str
